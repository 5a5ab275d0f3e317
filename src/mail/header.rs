//! Reads Subject, From, To, Date and Message-ID out of a header section, for the list of reviews.
//! Never sees a body, and never stops a record: what cannot be read is left out.

pub use super::excerpt::{Excerpt, FROM_LIMIT_BYTES, n_from_bytes};
use super::{
    attribution::with_all_authors, author, library::caught, mailboxes, words::decode_value,
};

/// No list shows more of a field than this, in bytes.
pub(super) const LONGEST_FIELD: usize = 2_000;

/// More addresses than these of To are not shown one by one.
const MOST_ADDRESSES: usize = 50;

/// The decoded fields; each `None` if the message has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Subject.
    pub subject: Option<String>,
    /// From: the addresses of all From fields, for there may be several. A long text is cut, but no
    /// address is missing: rights over a message depend on its authors. Those that the text lacks, as
    /// it is cut or somebody reads the field in another way, follow it.
    pub from: Option<String>,
    /// To.
    pub to: Option<String>,
    /// Date, as the sender wrote it.
    pub date: Option<String>,
    /// Message-ID, as the sender wrote it.
    pub message_id: Option<String>,
    /// Whether this program failed at it: there is only From then, as it was sent.
    pub is_unread: bool,
}

/// Reads a header section: rendered fields, with or without the empty line at the end.
pub fn fields(section: &[u8]) -> Fields {
    caught(|| all_fields(section)).unwrap_or_else(|| unread(section))
}

/// No author may open the mail because it cannot be read.
fn unread(section: &[u8]) -> Fields {
    let mut from = String::new();
    for value in unfolded(author::from_fields(section)) {
        let decoded = caught(|| decode_value(&value, None).text).unwrap_or_default();
        for text in [&*String::from_utf8_lossy(&value), &decoded] {
            from.push_str(text);
            from.push(' ');
        }
    }
    Fields {
        from: printable(&from),
        is_unread: true,
        ..Fields::default()
    }
}

fn all_fields(section: &[u8]) -> Fields {
    // Where this fails the fields are lost, but no author that is read in another way.
    let read = caught(|| read(section));
    let (fields, from) = read.unwrap_or_default();
    Fields {
        from: with_all_authors(&from, section),
        ..fields
    }
}

/// The fields without From, and the mailboxes of From: as the outline shows them.
fn read(section: &[u8]) -> (Fields, Vec<String>) {
    let first = |name| values(section, name).into_iter().next();
    let as_sent = |value: Vec<u8>| shown(&String::from_utf8_lossy(&value));
    let decoded = |value: Vec<u8>| shown(&decode_value(&value, None).text);
    let fields = Fields {
        subject: first("Subject").and_then(decoded),
        from: None,
        to: some_of(&values(section, "To")),
        date: first("Date").and_then(as_sent),
        message_id: first("Message-ID").and_then(as_sent),
        is_unread: false,
    };
    let from = unfolded(author::from_fields(section));
    let from = from.iter().flat_map(|value| mailboxes::as_written(value));
    (fields, from.map(mailbox).collect())
}

fn values(section: &[u8], name: &str) -> Vec<Vec<u8>> {
    let is_meant = |other: &[u8]| other.trim_ascii_end().eq_ignore_ascii_case(name.as_bytes());
    unfolded(author::fields(section, is_meant))
}

pub(super) fn unfolded(mut values: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for value in &mut values {
        value.retain(|byte| *byte != b'\n');
        *value = value.trim_ascii().to_vec();
    }
    values
}

fn some_of(values: &[Vec<u8>]) -> Option<String> {
    let mut mailboxes = values.iter().flat_map(|value| mailboxes::as_written(value));
    let shown_ones = mailboxes.by_ref().take(MOST_ADDRESSES);
    let mut texts: Vec<String> = shown_ones.map(mailbox).collect();
    let n_more = mailboxes.count();
    if n_more > 0 {
        texts.push(format!("and {n_more} more"));
    }
    shown(&texts.join(", "))
}

fn mailbox((name, address): (String, String)) -> String {
    match (name.is_empty(), address.is_empty()) {
        (false, false) => format!("{name} <{address}>"),
        (false, true) => name,
        (true, _) => address,
    }
}

/// A text fit for a list: no control characters, NUL among them, and not too long.
pub(super) fn shown(text: &str) -> Option<String> {
    let mut text = printable(text)?;
    text.truncate(text.floor_char_boundary(LONGEST_FIELD));
    Some(text)
}

fn printable(text: &str) -> Option<String> {
    let visible = |sign: char| if sign.is_control() { ' ' } else { sign };
    let text: String = text.trim().chars().map(visible).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;
    use crate::{domain::address::Address, mail::words::tests::VALUES};

    #[test]
    fn encoded_words_are_decoded() {
        let fields = fields(
            b"From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@corp.test>\r\n\
              To: \"B, Bob\" <bob@elsewhere.test>, eve@elsewhere.test\r\n\
              Subject: =?gb2312?B?xOO6ww==?=\r\n\
              Date: Fri, 21 Nov 2025 10:00:00 +0900\r\nMessage-Id: <1@corp.test>\r\n\r\n",
        );
        assert_eq!(
            fields.from.as_deref(),
            Some("\u{5c71}\u{7530} <yamada@corp.test>")
        );
        assert_eq!(
            fields.to.as_deref(),
            Some("B, Bob <bob@elsewhere.test>, eve@elsewhere.test")
        );
        assert_eq!(fields.subject.as_deref(), Some("\u{4f60}\u{597d}"));
        assert_eq!(
            fields.date.as_deref(),
            Some("Fri, 21 Nov 2025 10:00:00 +0900")
        );
        assert_eq!(fields.message_id.as_deref(), Some("<1@corp.test>"));
    }

    #[test]
    fn every_value_is_shown_as_it_was_meant() {
        let titled: &[u8] = b"Dr =?utf-8?q?caf=C3=A9?= open";
        let titled = ("text before a word", titled, "Dr caf\u{e9} open");
        for (name, value, text) in VALUES.into_iter().chain([titled]) {
            let field = |name: &[u8], end: &[u8]| [name, b": ", value, end, b"\r\n"].concat();
            let subject = field(b"Subject", b"");
            assert_eq!(fields(&subject).subject.as_deref(), Some(text), "{name}");
            // These have signs that end a mailbox, or the name of a group.
            if value.starts_with(b"\x1b") || value.starts_with(b"Re:") {
                continue;
            }
            let named = format!("{text} <a@corp.test>");
            let section = ["From", "To"].map(|name| field(name.as_bytes(), b" <a@corp.test>"));
            let fields = fields(&section.concat());
            assert_eq!(fields.from.as_deref(), Some(&*named), "{name}");
            assert_eq!(fields.to.as_deref(), Some(&*named), "{name}");
        }
    }

    #[test]
    fn a_quoted_local_part_is_no_other_author() {
        for value in [
            "\"anna smith\"@corp.test",
            "Anna <\"anna smith\"@corp.test>",
            "\"Anna\" <\"anna smith\"@corp.test> (Anna)",
        ] {
            assert_eq!(authors(&[value]), ["anna smith@corp.test"], "{value}");
        }
        let long = "Lang".repeat(600);
        let read = authors(&[&format!("\"{long}\" <\"anna smith\"@corp.test>")]);
        assert_eq!(read, ["anna smith@corp.test"]);
    }

    #[test]
    fn a_header_that_cannot_be_read_has_its_authors() {
        let fields =
            unread(b"From: Rita\r\n <rita@corp.test>\r\nFrom: =?utf-8?q?ben?=@corp.test\r\n");
        assert!(fields.is_unread);
        let from = fields.from.unwrap();
        let read: Vec<String> = Address::all_in(&from).map(|one| one.to_display()).collect();
        for author in ["rita@corp.test", "ben@corp.test"] {
            assert!(read.contains(&author.to_owned()), "{read:?}");
        }
    }

    #[test]
    fn every_from_field_is_shown() {
        let fields = fields(b"From: a@corp.test\r\nFrom: b@corp.test\r\n\r\n");
        assert_eq!(fields.from.as_deref(), Some("a@corp.test, b@corp.test"));
    }

    /// The addresses that are kept of a section with these From fields.
    fn authors(values: &[&str]) -> Vec<String> {
        let rendered = values.iter().map(|value| format!("From: {value}\r\n"));
        let section: String = rendered.collect();
        let from = fields(format!("{section}Subject: a\r\n\r\n").as_bytes()).from;
        let from = from.unwrap_or_default();
        Address::all_in(&from)
            .map(|author| author.to_display())
            .collect()
    }

    #[test]
    fn no_name_is_so_long_that_it_hides_an_address() {
        let long = "Lang".repeat(500);
        let encoded = "=?utf-8?q?L=C3=A4ng?=\r\n ".repeat(600);
        let spaced = "lang ".repeat(500);
        for value in [
            format!("\"{long}\" <rita@corp.test>"),
            format!("{spaced}<rita@corp.test>"),
            format!("{encoded}<rita@corp.test>"),
            format!("({long}) rita@corp.test"),
            format!("rita@corp.test ({long})"),
            format!("\"{long}\" <a@corp.test>, b@corp.test, \"{long}\" <rita@corp.test>"),
            format!("{long}: a@corp.test, rita@corp.test;"),
        ] {
            let read = authors(&[&value]);
            assert!(read.contains(&"rita@corp.test".to_owned()), "{value}");
            let read = authors(&[&long, "a@corp.test", &value]);
            assert!(read.contains(&"rita@corp.test".to_owned()), "{value}");
        }
    }

    #[test]
    fn every_author_is_kept_however_many_there_are() {
        let many: Vec<String> = (0..3_000).map(|n| format!("a{n}@corp.test")).collect();
        assert_eq!(authors(&[&many.join(", ")]), many);
        let fields: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(authors(&fields), many);
    }

    #[test]
    fn no_decoys_hide_an_author_however_many_or_long_they_are() {
        let wide = |n: usize| {
            let name = [b"=?tis-620?q?".to_vec(), b"\xa1".repeat(60)].concat();
            [name, format!("{n}@\u{e01}_?=\r\n ").into_bytes()].concat()
        };
        let wide: Vec<u8> = (0..670).flat_map(wide).collect();
        let garbage = [b"\xff".repeat(50_000), b"@\xff, ".to_vec()].concat();
        // These fill what room long ones leave.
        let short: String = (0..200).map(|n| format!("{n}@a, ")).collect();
        let many = "a@b.test, ".repeat(1_000).into_bytes();
        for decoys in [wide, garbage, many] {
            for rita in ["rita@corp.test", "=?utf-8?q?rita?=@corp.test"] {
                let decoys = [&*decoys, short.as_bytes()].concat();
                let section = [b"From: ", &*decoys, rita.as_bytes(), b"\r\n\r\n"].concat();
                assert!(section.len() < FROM_LIMIT_BYTES);
                let from = fields(&section).from.unwrap();
                let rita = Address::from_envelope(b"rita@corp.test");
                assert!(Address::all_in(&from).any(|author| Some(author) == rita));
            }
        }
    }

    /// Each of these would be looked through anew at each of its signs.
    #[test]
    fn no_field_makes_the_reading_long() {
        let signs = [
            "=?aa?q? ",
            "=?aa?q?\r\n ",
            "=?aa?b? ",
            "=?aa?q?a@b,",
            "=? ",
            "(",
            "<",
            "\"",
        ];
        let signs = signs.map(|sign| sign.repeat(200_000 / sign.len()));
        let colons = format!("{}@{}", "a".repeat(100_000), ":".repeat(100_000));
        for value in signs.into_iter().chain([colons]) {
            for name in [
                "From",
                "To",
                "Subject",
                "Content-Type: a/b; c=\"",
                "Keywords",
            ] {
                let before = Instant::now();
                fields(format!("{name}: {value}\r\n\r\n").as_bytes());
                let start: String = value.chars().take(20).collect();
                assert!(before.elapsed() < Duration::from_secs(5), "{name}: {start}");
            }
        }
    }

    #[test]
    fn an_address_is_kept_in_whichever_way_it_is_read() {
        for value in [
            "rita @ corp . test",
            "\"Rita <rita@corp.test>",
            "Rita <=?utf-8?q?rita=40corp.test?=>",
            "=?utf-8?q?Rita_=3Crita=40corp.test=3E?=",
            "<@relay.test:rita@corp.test>",
            "\"rita\"@corp.test",
            "rita(x)@(y)corp.test",
        ] {
            let read = authors(&[value]);
            assert!(
                read.contains(&"rita@corp.test".to_owned()),
                "{value}: {read:?}"
            );
        }
    }

    #[test]
    fn a_cut_address_is_nobodys() {
        let name = "l".repeat(LONGEST_FIELD - "rita@corp.test".len() - 2);
        let read = authors(&[&format!("{name} <rita@corp.test.elsewhere.test>")]);
        assert_eq!(read, ["rita@corp.test.elsewhere.test"]);
    }

    #[test]
    fn an_address_in_two_spellings_is_shown_once() {
        for from in [
            "Anna <anna@xn--bcher-kva.test>",
            "Anna <anna@b\u{fc}cher.test>",
            "Anna <Anna@Corp.test>, \"B, Bob\" <bob@corp.test>",
        ] {
            let section = format!("From: {from}\r\n\r\n");
            let read = fields(section.as_bytes()).from.unwrap();
            assert_eq!(read, from.replace('"', ""));
        }
    }

    #[test]
    fn a_message_without_fields_has_none() {
        assert_eq!(fields(b"\r\n"), Fields::default());
        assert_eq!(fields(b""), Fields::default());
    }

    #[test]
    fn control_characters_never_get_into_a_list() {
        let fields = fields(b"Subject: =?utf-8?Q?a=00b=1B[31m?=\r\n\r\n");
        assert_eq!(fields.subject.as_deref(), Some("a\u{fffd}b [31m"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(section in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let read = fields(&section);
            prop_assert!(!read.subject.unwrap_or_default().contains('\0'));
        }
    }
}
