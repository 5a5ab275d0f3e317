//! Header fields as the library reads them. Whoever asks it for fields goes through here: some bytes
//! cost it the square of their number, others a panic. It reads whole messages for the outline alone,
//! in a child with a deadline.

use std::{
    borrow::Cow,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use mail_parser::{HeaderName, Message, MessageParser};

/// Reads no other fields than those that are asked for here; the parameters of Content-Type are slow
/// as well.
static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .header_address(HeaderName::From)
        .default_header_ignore()
});

/// Takes something out of a header section: From is read, the other fields have only their raw text. `None` where the library cannot read it.
pub(super) fn read<T>(section: &[u8], take: impl FnOnce(&Message<'_>) -> T) -> Option<T> {
    let section = without_open_words(section);
    let read = || PARSER.parse_headers(&section).map(|read| take(&read));
    caught(read).flatten()
}

/// A panic costs one reading, nothing else.
pub(super) fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(read)).ok()
}

/// So far from its start a word may end, whatever stands in it. RFC 2047 has 75 bytes.
const NEAR: usize = 256;

/// Puts a `~` in place of the `=` of each encoded word that has others in it and no end near. The
/// library looks for that to the end of the field, in vain, and then begins anew behind the `=`. A
/// word that is read stays as it is, however long, and a blank would fold a line or tear a word in two.
fn without_open_words(section: &[u8]) -> Cow<'_, [u8]> {
    let mut section = Cow::Borrowed(section);
    let mut open = VecDeque::new();
    let mut at = 0;
    loop {
        let found = next_sign(&section, at);
        break_far_from(found.unwrap_or(section.len()), &mut open, &mut section);
        let Some(found) = found else { return section };
        at = found + 1;
        match section.get(found..).unwrap_or_default() {
            [b'?', b'=', ..] if !open.is_empty() => {
                open.clear();
                at = found + 2;
            }
            [b'\n', b' ' | b'\t', ..] => {}
            [b'\n', ..] => open.clear(),
            [b'=', b'?', word @ ..] => {
                let Some(start) = Start::of(word) else {
                    continue;
                };
                if !start.is_text {
                    open.clear();
                }
                if start.is_q {
                    open.push_back(found);
                }
                at = found + 2 + start.length;
            }
            _ => {}
        }
    }
}

/// Breaks the words that began far before here; the last one may look to the end, as it is alone.
fn break_far_from(here: usize, open: &mut VecDeque<usize>, section: &mut Cow<'_, [u8]>) {
    while open.len() > 1 {
        let Some(first) = open.pop_front_if(|first| here - *first > NEAR) else {
            return;
        };
        if let Some(byte) = section.to_mut().get_mut(first) {
            *byte = b'~';
        }
    }
}

/// Where a word may begin or end, or a field ends.
fn next_sign(section: &[u8], from: usize) -> Option<usize> {
    let rest = section.get(from..)?;
    let length = rest.iter().position(|byte| b"=?\n".contains(byte))?;
    Some(from + length)
}

/// A character set and an encoding, as the library takes them: `utf-8?q?`.
struct Start {
    length: usize,
    /// Whether the library may look for its end far behind; that of base64 is at the next `?`.
    is_q: bool,
    /// Whether it can be text of another word. The search for the end of that one stops at a `=`
    /// without two hexadecimal digits.
    is_text: bool,
}

impl Start {
    fn of(word: &[u8]) -> Option<Self> {
        let length = word.iter().position(|byte| b"?\n".contains(byte))?;
        let (charset, rest) = word.split_at_checked(length)?;
        let is_q = match rest {
            [b'?', b'q' | b'Q', b'?', ..] => true,
            [b'?', b'b' | b'B', b'?', ..] => false,
            _ => return None,
        };
        let mut digits = charset.iter().filter(|byte| !b"_\r".contains(byte)).take(2);
        Some(Self {
            length: length + 3,
            is_q,
            is_text: digits.all(u8::is_ascii_hexdigit),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken(section: &str) -> String {
        String::from_utf8(without_open_words(section.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn words_that_can_be_read_stay_as_they_are() {
        let long = format!("Subject: =?utf-8?q?{}?= x\r\n", "=C3=A4".repeat(10_000));
        let cut = "Subject: =?utf-8?q?a ".repeat(1_000);
        let last = format!("Subject: =?936?q?a {}", "b".repeat(10_000));
        for section in [
            "From: =?utf-8?q?Anna?= =?utf-8?b?QQ==?=\r\n =?936?Q?B?= <anna@corp.test>\r\n",
            "Subject: =?936?q?what=?= =?936?q?a?b?==?936?q?c?=\r\n",
            "Subject: a=?b and =?c?d?= and 1 =? 2\r\n",
            "Subject: =?936?q?open\r\nTo: =?936?q?a?=\r\n",
            "Subject: =?936?q?a=?936?q?b?=c@corp.test\r\n",
            &long,
            &cut,
            &last,
        ] {
            let read = without_open_words(section.as_bytes());
            assert!(matches!(read, Cow::Borrowed(_)), "{section}");
        }
    }

    #[test]
    fn a_word_with_others_in_it_and_no_end_near_is_none() {
        let far = "x".repeat(NEAR);
        let section =
            |first: &str, end: &str| format!("To: {first}?936?q?a\r\n =?936?Q?b {far}{end}");
        for end in ["?=", "\r\nSubject: =?936?q?a?=", ""] {
            assert_eq!(broken(&section("=", end)), section("~", end));
        }
    }

    #[test]
    fn a_word_behind_open_ones_is_still_read() {
        let open = "=?936?q?a ".repeat(1_000);
        let section = format!("From: {open}=?utf-8?q?caf=C3=A9?= <a@b.test>\r\n\r\n");
        let name = |read: &Message<'_>| Some(read.from()?.first()?.name()?.to_owned());
        let name = read(section.as_bytes(), name).flatten().unwrap();
        assert!(name.ends_with("caf\u{e9}"));
    }

    #[test]
    fn only_the_fields_that_are_asked_for_are_read() {
        let section = b"Content-Type: a/b; c=d\r\nDate: x\r\nFrom: a@corp.test\r\n\r\n";
        read(section, |read| {
            assert!(read.from().is_some());
            assert_eq!(read.header_raw(HeaderName::Date), Some(" x\r\n"));
            assert!(
                read.header(HeaderName::ContentType)
                    .is_some_and(|value| value.is_empty())
            );
        })
        .unwrap();
    }

    proptest! {
        #[test]
        fn nothing_but_the_start_of_a_word_is_broken(
            pieces in proptest::collection::vec("=\\?aa\\?q\\?|=\\?utf\\?q\\?|\\?=|\r\n |\r\n|[a= ?]{1,9}|x{100}", 0..60)
        ) {
            let section = pieces.concat();
            let read = broken(&section);
            prop_assert_eq!(read.len(), section.len());
            for (at, (byte, broken)) in section.bytes().zip(read.bytes()).enumerate() {
                prop_assert!(byte == broken || (broken == b'~' && section[at..].starts_with("=?")));
            }
        }
    }
}
