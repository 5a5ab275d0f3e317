//! Reads the authors of a message: every mailbox of its From fields. Never sees a body.
//!
//! A sender may write a From field that parsers read in different ways, and every one of them shows
//! somebody. So two readings are joined: that of the library, and our own, which takes whatever
//! stands there as `local@domain`.

use std::collections::HashSet;

use mail_parser::{HeaderName, HeaderValue, Message};

use super::library;
use crate::domain::address::Address;

/// Whether a header field is a From field.
pub fn is_from(name: &[u8]) -> bool {
    name.trim_ascii().eq_ignore_ascii_case(b"From")
}

/// What stands behind the colon of each From field of a message, as a milter gets it.
pub fn from_fields(message: &[u8]) -> Vec<Vec<u8>> {
    fields(message, is_from)
}

/// What stands behind the colon of each field of a message whose name is meant.
pub(super) fn fields(message: &[u8], is_meant: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    let mut is_inside = None;
    for line in message.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match (line.first(), is_inside) {
            (None, _) => break,
            (Some(b' ' | b'\t'), Some(false)) => {}
            (Some(b' ' | b'\t'), Some(true)) => {
                if let Some(value) = fields.last_mut() {
                    value.push(b'\n');
                    value.extend_from_slice(line);
                }
            }
            (Some(_), _) => {
                let at = line.iter().position(|byte| *byte == b':');
                let (name, value) = line.split_at(at.unwrap_or(line.len()));
                is_inside = Some(is_meant(name));
                if is_inside == Some(true) {
                    fields.push(value.get(1..).unwrap_or_default().to_vec());
                }
            }
        }
    }
    fields
}

/// The mailboxes of From fields, given what stands behind the colon of each. Ends with one more than
/// `most`, so that no sender can make the reading long.
pub fn authors(values: &[Vec<u8>], most: usize) -> Vec<Address> {
    let mut authors = Vec::new();
    let mut seen = HashSet::new();
    for value in values {
        let section = [b"From:", value.trim_ascii_end(), b"\r\n\r\n"].concat();
        let parsed = library::read(&section, parsed).unwrap_or_default();
        let shown = parsed.names.iter().flat_map(|name| written(name));
        let read = parsed.mailboxes.into_iter().chain(written(value));
        let mut read: Vec<Address> = read.filter(is_mailbox).collect();
        if read.is_empty() {
            // What programs show in place of a mailbox: a decoded name, a comment, a quoted text.
            let blank: Vec<u8> = value.iter().map(|byte| plain(*byte)).collect();
            read = shown.chain(written(&blank)).filter(is_mailbox).collect();
        }
        for mailbox in read {
            if seen.insert(mailbox.clone()) {
                authors.push(mailbox);
            }
            if authors.len() > most {
                return authors;
            }
        }
    }
    authors
}

/// What the library has read out of a field.
#[derive(Default)]
struct Parsed {
    mailboxes: Vec<Address>,
    /// Display names without a mailbox, decoded.
    names: Vec<Vec<u8>>,
}

/// The library's reading (RFC 5322, section 3.4, groups included).
fn parsed(section: &Message<'_>) -> Parsed {
    let mut found = Parsed::default();
    for value in section.header_values(HeaderName::From) {
        if let HeaderValue::Address(addresses) = value {
            for one in addresses.iter() {
                let address = one.address().unwrap_or_default();
                match Address::from_envelope(address.as_bytes()).filter(is_mailbox) {
                    Some(mailbox) => found.mailboxes.push(mailbox),
                    None => found
                        .names
                        .extend(one.name().map(|name| name.as_bytes().to_vec())),
                }
            }
        }
    }
    found
}

/// Our own reading: every word with an `@` that is not within quotes or comments. A field whose
/// quotes or comments do not end is read as if there were none.
fn written(value: &[u8]) -> Vec<Address> {
    let words = words(value).unwrap_or_else(|Unended| {
        let plain: Vec<u8> = value.iter().map(|byte| plain(*byte)).collect();
        words(&plain).unwrap_or_default()
    });
    words
        .iter()
        .filter_map(|word| Address::from_envelope(word))
        .collect()
}

fn is_mailbox(address: &Address) -> bool {
    !address.local().is_empty() && !address.domain().is_empty()
}

fn plain(byte: u8) -> u8 {
    if b"\"()\\".contains(&byte) {
        b' '
    } else {
        byte
    }
}

/// A quote or a comment without an end.
struct Unended;

/// Words with an `@` outside of quotes. White space and comments around `@` and `.` are no part of a
/// mailbox (RFC 5322, section 4.4, obsolete addressing).
fn words(value: &[u8]) -> Result<Vec<Vec<u8>>, Unended> {
    let mut words = Words::default();
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => words.quoted(&mut bytes)?,
            b'(' => {
                skip_comment(&mut bytes)?;
                words.pause();
            }
            b' ' | b'\t' | b'\r' | b'\n' => words.pause(),
            b',' | b';' | b':' | b'<' | b'>' => words.end(),
            other => words.push(other),
        }
    }
    words.end();
    Ok(words.done)
}

#[derive(Default)]
struct Words {
    done: Vec<Vec<u8>>,
    word: Vec<u8>,
    has_at: bool,
    is_paused: bool,
}

impl Words {
    fn push(&mut self, byte: u8) {
        let joins = byte == b'@' || byte == b'.' || matches!(self.word.last(), Some(b'@' | b'.'));
        if std::mem::take(&mut self.is_paused) && !joins {
            self.end();
        }
        self.has_at |= byte == b'@';
        self.word.push(byte);
    }

    fn quoted(&mut self, bytes: &mut impl Iterator<Item = u8>) -> Result<(), Unended> {
        self.push(b'"');
        loop {
            let byte = bytes.next().ok_or(Unended)?;
            self.word.push(byte);
            match byte {
                b'"' => return Ok(()),
                b'\\' => self.word.push(bytes.next().ok_or(Unended)?),
                _ => {}
            }
        }
    }

    fn pause(&mut self) {
        self.is_paused = !self.word.is_empty();
    }

    fn end(&mut self) {
        let word = std::mem::take(&mut self.word);
        if std::mem::take(&mut self.has_at) {
            self.done.push(word);
        }
        self.is_paused = false;
    }
}

fn skip_comment(bytes: &mut impl Iterator<Item = u8>) -> Result<(), Unended> {
    let mut depth = 1;
    while depth > 0 {
        match bytes.next().ok_or(Unended)? {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => {
                bytes.next().ok_or(Unended)?;
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(values: &[&str]) -> Vec<String> {
        let values: Vec<Vec<u8>> = values
            .iter()
            .map(|value| value.as_bytes().to_vec())
            .collect();
        authors(&values, 100)
            .iter()
            .map(Address::to_display)
            .collect()
    }

    #[test]
    fn a_mailbox_is_found_however_it_is_written() {
        for value in [
            " anna@corp.test",
            " Anna <anna@corp.test>",
            " \"Anna, A\" <anna@corp.test> (at work)",
            " =?utf-8?q?Anna?=\n <anna@corp.test>",
            " <@relay.test:anna@corp.test>",
            " \"anna\"@corp.test",
            " anna @ corp . test",
            " anna(x)@(y)corp.test",
            " \"Anna <anna@corp.test>",
            " (Anna <anna@corp.test>",
            " Anna anna@corp.test>",
        ] {
            let found = read(&[value]);
            assert!(
                found.contains(&"anna@corp.test".to_owned()),
                "{value}: {found:?}"
            );
        }
    }

    #[test]
    fn every_mailbox_of_every_field_is_an_author() {
        let found = read(&[
            " a@corp.test, B <b@corp.test>",
            " Team: c@corp.test, d@corp.test;",
        ]);
        assert_eq!(
            found,
            ["a@corp.test", "b@corp.test", "c@corp.test", "d@corp.test"]
        );
    }

    #[test]
    fn a_local_part_may_be_quoted_in_parts() {
        for value in [" \"anna\".smith@corp.test", " anna.\"smith\"@corp.test"] {
            let found = read(&[value]);
            assert!(
                found.contains(&"anna.smith@corp.test".to_owned()),
                "{value}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_shown_in_place_of_a_mailbox_counts() {
        for value in [
            " =?utf-8?q?Anna_=3Canna=40corp.test=3E?=",
            " (Anna <anna@corp.test>)",
            " \"anna@corp.test\"",
            " Anna (=?utf-8?q?anna=40corp.test?=)",
            " =?utf-8?q?anna=40corp.test?= <x>",
            " =?utf-8?q?anna=40corp.test?= <>",
        ] {
            assert_eq!(read(&[value]), ["anna@corp.test"], "{value}");
        }
    }

    /// Comparing each of these with all others would not end in a lifetime of this test.
    #[test]
    fn the_reading_ends_with_one_mailbox_too_many() {
        let many: Vec<String> = (0..300_000).map(|n| format!("a{n}@b.test")).collect();
        let found = authors(&[many.join(",").into_bytes()], 50);
        assert_eq!(found.len(), 51);
    }

    #[test]
    fn an_address_in_a_display_name_or_comment_is_no_author() {
        let found = read(&[" \"anna@corp.test\" <ben@corp.test> (anna@corp.test)"]);
        assert_eq!(found, ["ben@corp.test"]);
    }

    #[test]
    fn a_field_without_mailboxes_has_no_author() {
        assert_eq!(
            read(&["", " ", " undisclosed;", " @", " a@", " @b"]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_from_field_is_known_in_any_case() {
        for name in ["From", "FROM", "from", "From "] {
            assert!(is_from(name.as_bytes()), "{name}");
        }
        for name in ["Resent-From", "Fro", "Fromm", "Fr om"] {
            assert!(!is_from(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn from_fields_are_taken_out_of_the_header_alone() {
        let message = b"Subject: x\r\nFROM: Anna\r\n <anna@corp.test>\r\nFrom: b@corp.test\r\n\r\nFrom: body\r\n";
        let fields = from_fields(message);
        assert_eq!(
            fields,
            [
                b" Anna\n <anna@corp.test>".to_vec(),
                b" b@corp.test".to_vec()
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(value in proptest::collection::vec(any::<u8>(), 0..500)) {
            authors(&[value], 100);
        }

        #[test]
        fn a_mailbox_behind_anything_unquoted_is_found(noise in "[a-zA-Z0-9 ,;:<>.\\\\@]{0,40}") {
            let value = format!("{noise} , <anna@corp.test>");
            let found = read(&[&value]);
            prop_assert!(found.contains(&"anna@corp.test".to_owned()), "{:?}", found);
        }
    }
}
