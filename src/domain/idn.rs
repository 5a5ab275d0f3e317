//! Domain names in their two spellings (UTS 46; RFC 5890, A-labels and U-labels).

use std::borrow::Cow;

/// A domain in lower case, letter by letter, as UTS 46 maps it: for `str::to_lowercase` a Greek sigma
/// is another one at the end of a word.
pub fn to_lower(domain: &str) -> String {
    // Nearly all are, and each message has many.
    if domain.is_ascii() {
        return domain.to_ascii_lowercase();
    }
    domain.chars().flat_map(char::to_lowercase).collect()
}

/// A domain in ASCII and lower case (UTS 46; RFC 5890, A-labels). What is no domain stays as it is.
pub fn to_ascii(domain: &[u8]) -> Cow<'_, [u8]> {
    if domain.is_ascii() {
        return match domain.iter().any(u8::is_ascii_uppercase) {
            true => Cow::Owned(domain.to_ascii_lowercase()),
            false => Cow::Borrowed(domain),
        };
    }
    let ascii = std::str::from_utf8(domain)
        .ok()
        .and_then(|text| idna::domain_to_ascii(text).ok());
    ascii.map_or(Cow::Borrowed(domain), |ascii| {
        Cow::Owned(ascii.into_bytes())
    })
}

/// The other spelling of a domain with A-labels; `None` if it has none that leads back: an A-label can
/// be of a text that looks like one, and then is none (RFC 5891, section 4.2.3.1).
pub(super) fn to_unicode(domain: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(domain).ok()?;
    if !text.split('.').any(|label| label.starts_with("xn--")) {
        return None;
    }
    let (unicode, read) = idna::domain_to_unicode(text);
    let leads_back = to_ascii(unicode.as_bytes()) == to_ascii(domain);
    read.ok()
        .filter(|()| leads_back)
        .map(|()| unicode.into_bytes())
}

/// A domain of the settings in ASCII; `None` if it is none.
pub(super) fn parse_domain(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text.trim_end_matches('.')).ok()?;
    let is_domain = !ascii.is_empty()
        && ascii.split('.').all(|label| !label.is_empty())
        && !ascii.contains(|sign: char| sign.is_whitespace() || "@<>*/".contains(sign));
    is_domain.then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_lowered_letter_by_letter_whatever_its_letters() {
        for (domain, lower) in [
            ("Corp.TEST", "corp.test"),
            ("\u{c4}B.test", "\u{e4}b.test"),
            (
                "\u{39f}\u{394}\u{39f}\u{3a3}.test",
                "\u{3bf}\u{3b4}\u{3bf}\u{3c3}.test",
            ),
        ] {
            assert_eq!(to_lower(domain), lower);
        }
    }

    #[test]
    fn a_domain_has_another_spelling_only_if_it_leads_back() {
        let other = |domain: &str| to_unicode(domain.as_bytes());
        assert_eq!(
            other("xn--bcher-kva.test").as_deref(),
            Some("b\u{fc}cher.test".as_bytes())
        );
        // The A-label of a text that begins with xn-- itself.
        for none in ["xn--xn--bcher-kv0s.test", "corp.test", "xn--\u{fc}.test"] {
            assert_eq!(other(none), None, "{none}");
        }
    }
}
