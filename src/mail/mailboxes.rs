//! The mailboxes of an address field as people see them: names decoded, domains in both spellings.
//! Never decides who wrote a mail: that is `author`'s.

use crate::domain::{address::Address, idn};

use super::{
    outline::Mailbox,
    words::{Ends, decode_value, end_of_word},
};

/// Reads an unfolded value, one mailbox after the other.
pub(super) fn mailboxes(value: &[u8], near: Option<&str>) -> impl Iterator<Item = Mailbox> {
    Reader::new(value).filter_map(move |item| item.mailbox(near))
}

/// Names and addresses, with domains as they are written, and with quotes around a local part of more
/// than one word if it has them.
pub(super) fn as_written(value: &[u8]) -> impl Iterator<Item = (String, String)> {
    Reader::new(value).filter_map(|item| {
        let is_quoted = item.inside.is_some() || item.is_local_quoted;
        let (name, address) = item.texts(None)?;
        let is_apart = address.contains(char::is_whitespace) && address.contains('@');
        let address = match is_quoted && is_apart {
            true => Address::from_queue(address.as_bytes()).to_text(),
            false => address,
        };
        Some((name, address))
    })
}

fn text(bytes: &[u8], near: Option<&str>) -> String {
    let decoded = decode_value(bytes.trim_ascii(), near);
    decoded.text.trim().to_owned()
}

/// What stands between two commas.
#[derive(Debug, Default)]
struct Item {
    /// Outside of angle brackets, without quotes and comments.
    outside: Vec<u8>,
    /// Within angle brackets.
    inside: Option<Vec<u8>>,
    comment: Vec<u8>,
    /// Whether a quote ends before the `@` outside of angle brackets.
    is_local_quoted: bool,
}

impl Item {
    fn address(&self) -> Option<&[u8]> {
        let has_at = self.outside.contains(&b'@');
        let outside = has_at.then_some(&self.outside);
        self.inside.as_ref().or(outside).map(Vec::as_slice)
    }

    /// Its name and its address, one of which may be empty.
    fn texts(self, near: Option<&str>) -> Option<(String, String)> {
        // A name without an address is shown as what it is.
        let address = self.address().map(|address| text(address, near));
        let name = match (&self.inside, &address) {
            (None, Some(_)) => String::new(),
            (Some(_), _) | (None, None) => text(&self.outside, near),
        };
        let address = address.unwrap_or_default();
        let name = if name.is_empty() {
            text(&self.comment, near)
        } else {
            name
        };
        if name.is_empty() && address.is_empty() {
            return None;
        }
        Some((name, address))
    }

    fn mailbox(self, near: Option<&str>) -> Option<Mailbox> {
        let (name, address) = self.texts(near)?;
        let (address, ascii) = spellings(&address);
        Some(Mailbox {
            name,
            address,
            ascii,
        })
    }
}

/// The address with its domain in Unicode, and with it in ASCII if that differs.
fn spellings(address: &str) -> (String, Option<String>) {
    // A route before the mailbox (RFC 5322, section 4.4) is no part of it.
    let address = match address
        .strip_prefix('@')
        .and_then(|route| route.split_once(':'))
    {
        Some((_, mailbox)) => mailbox,
        None => address,
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        return (address.to_owned(), None);
    };
    let (unicode, ascii) = domain_spellings(domain);
    let shown = format!("{local}@{unicode}");
    (shown, ascii.map(|ascii| format!("{local}@{ascii}")))
}

/// A domain in Unicode, and in ASCII if that differs.
pub(super) fn domain_spellings(domain: &str) -> (String, Option<String>) {
    let ascii = String::from_utf8_lossy(&idn::to_ascii(domain.as_bytes())).into_owned();
    let (unicode, read) = idna::domain_to_unicode(&ascii);
    let leads_back = read.is_ok() && idn::to_ascii(unicode.as_bytes()) == ascii.as_bytes();
    if leads_back && unicode != ascii {
        return (unicode, Some(ascii));
    }
    (
        domain.to_owned(),
        (ascii != domain.to_ascii_lowercase()).then_some(ascii),
    )
}

struct Reader<'a> {
    value: &'a [u8],
    at: usize,
    ends: Ends,
}

impl Iterator for Reader<'_> {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        self.item()
    }
}

impl<'a> Reader<'a> {
    fn new(value: &'a [u8]) -> Self {
        let (at, ends) = (0, Ends::default());
        Self { value, at, ends }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.value.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn item(&mut self) -> Option<Item> {
        if self.at >= self.value.len() {
            return None;
        }
        let mut item = Item::default();
        // Once it is none it stays so: nobody looks for its `@` at each colon.
        let mut is_group = true;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.quoted(&mut item.outside);
                    item.is_local_quoted |= self.value.get(self.at) == Some(&b'@');
                }
                b'(' => self.comment(&mut item.comment),
                b'<' => {
                    let inside = self.angle();
                    item.inside.get_or_insert(inside);
                }
                b',' | b';' => break,
                // The name of a group: its members follow.
                b':' if is_group => {
                    is_group = item.address().is_none();
                    match is_group {
                        true => item.outside.clear(),
                        false => item.outside.push(b':'),
                    }
                }
                b'=' => self.word(&mut item.outside),
                other => item.outside.push(other),
            }
        }
        Some(item)
    }

    /// An encoded word as one, whatever signs its text is written with.
    fn word(&mut self, out: &mut Vec<u8>) {
        let start = self.at.saturating_sub(1);
        let end = end_of_word(self.value, start, &mut self.ends).unwrap_or(self.at);
        out.extend(self.value.get(start..end).unwrap_or_default());
        self.at = end;
    }

    /// The text of a quoted string; one without an end goes to the end of the value.
    fn quoted(&mut self, out: &mut Vec<u8>) {
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => break,
                b'\\' => out.extend(self.byte()),
                other => out.push(other),
            }
        }
    }

    fn comment(&mut self, out: &mut Vec<u8>) {
        let mut depth = 1_u32;
        while let Some(byte) = self.byte() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 1 => break,
                b')' => depth -= 1,
                b'\\' => out.extend(self.byte()),
                other => out.push(other),
            }
        }
    }

    fn angle(&mut self) -> Vec<u8> {
        let mut inside = Vec::new();
        let mut is_quoted = false;
        while let Some(byte) = self.byte() {
            match byte {
                b'>' if !is_quoted => break,
                b'"' => is_quoted = !is_quoted,
                b'\\' if is_quoted => inside.extend(self.byte()),
                b' ' | b'\t' if !is_quoted => {}
                other => inside.push(other),
            }
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(value: &str) -> Vec<(String, String)> {
        let found = mailboxes(value.as_bytes(), None);
        found
            .map(|mailbox| (mailbox.name, mailbox.address))
            .collect()
    }

    #[test]
    fn mailboxes_are_read_in_all_their_forms() {
        for (value, name, address) in [
            ("a@corp.test", "", "a@corp.test"),
            ("Anna <a@corp.test>", "Anna", "a@corp.test"),
            (
                "\"B, \\\"Bob\\\"\" <b@corp.test>",
                "B, \"Bob\"",
                "b@corp.test",
            ),
            ("a@corp.test (Anna)", "Anna", "a@corp.test"),
            ("=?utf-8?q?a,b?= <a@corp.test>", "a,b", "a@corp.test"),
            (
                "\"=?utf-8?B?5L2g5aW9?=\" <a@corp.test>",
                "\u{4f60}\u{597d}",
                "a@corp.test",
            ),
            ("<@relay.test:a@corp.test>", "", "a@corp.test"),
            ("Team: a@corp.test;", "", "a@corp.test"),
            ("just a name", "just a name", ""),
            ("b\u{fc}ro@corp.test", "", "b\u{fc}ro@corp.test"),
        ] {
            assert_eq!(
                read(value),
                [(name.to_owned(), address.to_owned())],
                "{value}"
            );
        }
        assert_eq!(read("a@b.test, c@d.test").len(), 2);
        assert_eq!(read(" , ;").len(), 0);
    }

    #[test]
    fn a_domain_is_shown_in_both_spellings() {
        for value in ["a@xn--bcher-kva.test", "a@b\u{fc}cher.test"] {
            let found: Vec<Mailbox> = mailboxes(value.as_bytes(), None).collect();
            assert_eq!(found[0].address, "a@b\u{fc}cher.test");
            assert_eq!(found[0].ascii.as_deref(), Some("a@xn--bcher-kva.test"));
        }
        let found = mailboxes(b"a@Corp.test", None).next().unwrap();
        assert_eq!(found.ascii, None);
    }

    #[test]
    fn a_quoted_local_part_stays_quoted_where_it_is_written_out() {
        let address = "\"anna smith\"@corp.test";
        for (value, name, address) in [
            (address, "", address),
            ("A <\"anna smith\"@corp.test>", "A", address),
            ("anna smith@corp.test", "", "anna smith@corp.test"),
            ("\"anna\"@corp.test", "", "anna@corp.test"),
            ("\"A\" b@Corp.test", "", "A b@Corp.test"),
        ] {
            let found: Vec<_> = as_written(value.as_bytes()).collect();
            assert_eq!(found, [(name.to_owned(), address.to_owned())], "{value}");
        }
    }

    #[test]
    fn domains_are_written_out_as_they_are() {
        let value = b"A <a@xn--bcher-kva.test>, name, =?utf-8?q?b?=@corp.test (c@d), <@x.test:e@f>";
        let found: Vec<String> = as_written(value).map(|(_, address)| address).collect();
        assert_eq!(
            found,
            ["a@xn--bcher-kva.test", "", "b@corp.test", "@x.test:e@f"]
        );
        assert_eq!(as_written(&b"a@b,".repeat(5_000)).count(), 5_000);
    }

    proptest! {
        #[test]
        fn any_value_is_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            for mailbox in mailboxes(&value, None) {
                prop_assert!(!mailbox.name.contains('\0') && !mailbox.address.contains('\0'));
            }
        }
    }
}
