//! Domain names in their two spellings (UTS 46; RFC 5890, A-labels and U-labels).

use std::borrow::Cow;

/// A domain in lower case, letter by letter, as UTS 46 maps it: for `str::to_lowercase` a Greek sigma
/// is another one at the end of a word.
pub fn to_lower(domain: &str) -> String {
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

/// The other spelling of a domain with A-labels; `None` if it has none.
pub(super) fn to_unicode(domain: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(domain).ok()?;
    if !text.split('.').any(|label| label.starts_with("xn--")) {
        return None;
    }
    let (unicode, read) = idna::domain_to_unicode(text);
    read.ok().map(|()| unicode.into_bytes())
}

/// A domain of the settings in ASCII; `None` if it is none.
pub(super) fn parse_domain(text: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(text.trim_end_matches('.')).ok()?;
    let is_domain = !ascii.is_empty()
        && ascii.split('.').all(|label| !label.is_empty())
        && !ascii.contains(|sign: char| sign.is_whitespace() || "@<>*/".contains(sign));
    is_domain.then_some(ascii)
}
