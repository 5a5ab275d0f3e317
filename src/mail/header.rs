//! Reads Subject, From, To, Date and Message-ID out of a header section, for the list of reviews.
//! Never sees a body, and never stops a record: what cannot be read is left out.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
};

use mail_parser::{Addr, HeaderName, HeaderValue, Message};

pub use super::excerpt::{Excerpt, FROM_LIMIT_BYTES, n_from_bytes};
use super::{author, library, mailboxes, plain::are_plain};
use crate::domain::{address::Address, idn};

/// No list shows more of a field than this, in bytes.
const LONGEST_FIELD: usize = 2_000;

/// More addresses than these of To are not shown one by one.
const MOST_ADDRESSES: usize = 50;

/// More than all authors of what is captured, in bytes: From is read in four ways, none of which makes
/// more than three bytes out of one.
pub(super) const LONGEST_AUTHORS: usize = 4 * 3 * FROM_LIMIT_BYTES;

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
}

/// Reads a header section: rendered fields, with or without the empty line at the end.
pub fn fields(section: &[u8]) -> Fields {
    // Where the library fails the fields are lost, but no author that is read in another way.
    let (fields, from) = library::read(section, read).unwrap_or_default();
    Fields {
        from: with_all_authors(&from, section),
        ..fields
    }
}

/// The fields without From, and the mailboxes of From.
fn read(message: &Message<'_>) -> (Fields, Vec<String>) {
    let fields = Fields {
        subject: message.subject().and_then(shown),
        from: None,
        to: some_of(addresses(message, HeaderName::To)),
        date: message.header_raw(HeaderName::Date).and_then(shown),
        message_id: message.header_raw(HeaderName::MessageId).and_then(shown),
    };
    (fields, addresses(message, HeaderName::From))
}

fn addresses(message: &Message<'_>, name: HeaderName<'static>) -> Vec<String> {
    let mut texts = Vec::new();
    for value in message.header_values(name) {
        if let HeaderValue::Address(mail_parser::Address::List(list)) = value {
            texts.extend(list.iter().map(mailbox));
        } else if let HeaderValue::Address(mail_parser::Address::Group(groups)) = value {
            let members = groups.iter().flat_map(|group| &group.addresses);
            texts.extend(members.map(mailbox));
        } else if let HeaderValue::Text(text) = value {
            texts.push(text.to_string());
        }
    }
    texts
}

fn some_of(mut texts: Vec<String>) -> Option<String> {
    let n_more = texts.len().saturating_sub(MOST_ADDRESSES);
    texts.truncate(MOST_ADDRESSES);
    if n_more > 0 {
        texts.push(format!("and {n_more} more"));
    }
    shown(&texts.join(", "))
}

/// The mailboxes of From as one text that has all its authors.
fn with_all_authors(from: &[String], section: &[u8]) -> Option<String> {
    let values = author::from_fields(section);
    let whole = from.join(", ");
    let is_long = whole.trim().len() > LONGEST_FIELD;
    let text = shown(&whole).map(|text| match is_long {
        true => format!("{} \u{2026}", without_torn_address(&text)),
        false => text,
    });
    match is_long || !are_plain(from, &values) {
        true => with_missing(text, &whole, values),
        false => text,
    }
}

/// A text, and behind it the authors that it lacks.
fn with_missing(text: Option<String>, whole: &str, values: Vec<Vec<u8>>) -> Option<String> {
    let mut known: HashSet<_> = text
        .iter()
        .flat_map(|text| Address::all_in(text))
        .map(one_spelling)
        .collect();
    let mut missing = String::new();
    let authors = authors(values).into_iter();
    for author in authors.chain(Address::all_in(whole)) {
        let author_shown = author.to_display();
        let is_new = known.insert(one_spelling(author));
        if is_new && missing.len() + author_shown.len() < LONGEST_AUTHORS {
            missing.push_str(if missing.is_empty() { "" } else { ", " });
            missing.push_str(&author_shown);
        }
    }
    match (text, missing.is_empty()) {
        (text, true) => text,
        (None, false) => Some(missing),
        (Some(text), false) => Some(format!("{text}, {missing}")),
    }
}

/// The authors as the milter's rules and the outline read them, whatever the library makes of the fields.
fn authors(values: Vec<Vec<u8>>) -> Vec<Address> {
    let mut found = author::authors(&values, usize::MAX);
    for mut value in values {
        value.retain(|byte| *byte != b'\n');
        let read = || -> Vec<String> { mailboxes::addresses(value.trim_ascii()).collect() };
        let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_default();
        found.extend(read.iter().flat_map(|address| Address::all_in(address)));
    }
    found
}

/// An address with its domain as it is looked up, so that two spellings of it are one.
fn one_spelling(address: Address) -> (Vec<u8>, Vec<u8>) {
    let domain = idn::to_ascii(address.domain()).into_owned();
    (address.local().to_vec(), domain)
}

/// The beginning of an address may be the address of somebody else.
fn without_torn_address(text: &str) -> &str {
    match text.rsplit_once(char::is_whitespace) {
        Some((before, torn)) if torn.contains('@') => before,
        Some(_) | None => text,
    }
}

fn mailbox(address: &Addr<'_>) -> String {
    let mailbox = address.address().unwrap_or_default();
    match address.name() {
        Some(name) if !name.is_empty() => format!("{name} <{mailbox}>"),
        _ => mailbox.to_owned(),
    }
}

/// A text fit for a list: no control characters, NUL among them, and not too long.
fn shown(text: &str) -> Option<String> {
    let visible = |sign: char| if sign.is_control() { ' ' } else { sign };
    let text: String = text.trim().chars().map(visible).collect();
    if text.is_empty() {
        return None;
    }
    let end = text.floor_char_boundary(LONGEST_FIELD);
    Some(text.get(..end).unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

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
        assert_eq!(fields.subject.as_deref(), Some("a b [31m"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(section in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let read = fields(&section);
            prop_assert!(!read.subject.unwrap_or_default().contains('\0'));
        }
    }
}
