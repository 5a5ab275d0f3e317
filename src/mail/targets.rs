//! Strangers' bytes for the readers of header fields, and what must hold of each reading. Run as
//! property tests and by the fuzzer (docs/testing.md); never part of the program.

use super::{
    Limits,
    attribution::LONGEST_AUTHORS,
    author::{authors, from_fields, is_from},
    digest::render_header,
    header::fields,
    outline::{Body, ContentKind},
};
use crate::domain::{address::Address, targets::Cut};

/// The header fields of a list: nothing in them that a terminal obeys, and none without an end.
pub fn header_fields(input: &[u8]) {
    let read = fields(input);
    assert_eq!(read, fields(input));
    let long = 2_000 + 10 + LONGEST_AUTHORS;
    let texts = [read.subject, read.to, read.date, read.message_id].map(|text| (text, 2_000));
    for (text, longest) in texts.into_iter().chain([(read.from, long)]) {
        let Some(text) = text else { continue };
        assert!(!text.is_empty());
        assert!(text.len() <= longest, "{} bytes", text.len());
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    // What was written plainly is read as it was written, whatever the body is.
    let plain: Vec<u8> = input
        .iter()
        .copied()
        .filter(u8::is_ascii_graphic)
        .take(60)
        .collect();
    let mut section = Vec::new();
    render_header(b"Message-ID", &plain, &mut section);
    let text = String::from_utf8_lossy(&plain).into_owned();
    let read = fields(&[&section, &b"\r\n"[..], input].concat());
    assert_eq!(read.message_id, Some(text).filter(|text| !text.is_empty()));
    // No name hides an address, however long it is.
    let name: Vec<u8> = plain
        .iter()
        .copied()
        .filter(u8::is_ascii_alphanumeric)
        .collect();
    let from = [b" \"", &*name.repeat(100), b"\" <anna@corp.test>"].concat();
    let mut section = Vec::new();
    render_header(b"From", &from, &mut section);
    let from = fields(&section).from.unwrap_or_default();
    let anna = Address::from_envelope(b"anna@corp.test");
    assert!(
        Address::all_in(&from).any(|author| Some(author) == anna),
        "{from}"
    );
}

/// The authors: no field hides those of another, and their number has a bound.
pub fn authors_of(input: &[u8]) {
    let anna = Address::from_envelope(b"anna@corp.test");
    let mut values: Vec<Vec<u8>> = Vec::new();
    let mut cut = Cut::new(input);
    while !cut.is_empty() {
        values.push(cut.part().to_vec());
    }
    let most = 20;
    let found = authors(&values, most);
    assert!(found.len() <= most + 1);
    for (at, author) in found.iter().enumerate() {
        assert!(!author.local().is_empty() && !author.domain().is_empty());
        assert!(!found.iter().skip(at + 1).any(|other| other == author));
    }
    let bare = b" Anna <anna@corp.test>".to_vec();
    let whole = authors(&[values.clone(), vec![bare]].concat(), usize::MAX);
    assert!(whole.iter().any(|author| Some(author) == anna.as_ref()));
    // What stands before a mailbox cannot hide it, unless it is quoted.
    for value in &values {
        let unquoted = |byte: &&u8| !b"\"()\\".contains(byte);
        let mut text: Vec<u8> = value.iter().filter(unquoted).copied().collect();
        text.extend(b" , <anna@corp.test>");
        let whole = authors(&[text], usize::MAX);
        assert!(whole.iter().any(|author| Some(author) == anna.as_ref()));
    }
}

/// From fields in a message: as they were rendered, and none of the body.
pub fn from_fields_of(input: &[u8]) {
    for value in from_fields(input) {
        assert!(value.len() <= input.len());
    }
    let mut cut = Cut::new(input);
    let name: Vec<u8> = cut.part().iter().copied().filter(is_name).collect();
    let value = folded(cut.part());
    let mut message = Vec::new();
    if !name.is_empty() {
        render_header(&name, b" x@corp.test", &mut message);
    }
    render_header(b"From", &value, &mut message);
    message.extend(b"\r\nFrom: body@corp.test\r\n");
    message.extend(cut.rest());
    let mut expected = vec![value];
    if is_from(&name) {
        expected.insert(0, b" x@corp.test".to_vec());
    }
    assert_eq!(from_fields(&message), expected);
}

/// An outline: parts in their order, nothing that PostgreSQL refuses, and the same each time.
pub fn outline_of(input: &[u8]) {
    let limits = Limits {
        depth: 8,
        parts: 50,
        text_bytes: 10_000,
    };
    let made = super::outline(input, &limits);
    assert_eq!(made, super::outline(input, &limits));
    let parts = &made.outline.parts;
    assert!(!parts.is_empty() && parts.len() <= 50);
    for (number, part) in (0..).zip(parts) {
        let parent = part
            .parent
            .map(|parent| (parent, parts.get(parent as usize)));
        let depth = parent.map_or(0, |(parent, above)| {
            assert!(parent < number);
            let holds =
                above.map(|above| matches!(above.body, Body::Multipart | Body::Message { .. }));
            assert_eq!(holds, Some(true));
            above.map_or(0, |above| above.depth + 1)
        });
        assert_eq!(part.depth, depth);
        assert!(depth <= 8);
        let of_part =
            |kind| move |kept: &&super::outline::Content| kept.part == number && kept.kind == kind;
        let n_kept = |kind| made.contents.iter().filter(of_part(kind)).count();
        let is_file = matches!(part.body, Body::File { .. });
        assert_eq!(n_kept(ContentKind::File), usize::from(is_file));
        let has_page = matches!(part.body, Body::Html { has_page: true, .. });
        assert_eq!(n_kept(ContentKind::Page), usize::from(has_page));
    }
    assert!(made.outline.snippet.chars().count() <= 200);
    let json = serde_json::to_string(&made.outline).unwrap_or_default();
    // A backslash of the text itself is written as two.
    let has_nul = json.replace("\\\\", "").contains("\\u0000");
    assert!(!json.is_empty() && !has_nul, "{json}");
}

fn is_name(byte: &u8) -> bool {
    byte.is_ascii_graphic() && *byte != b':'
}

/// A value as Postfix hands it over: a line feed in it begins a fold.
fn folded(value: &[u8]) -> Vec<u8> {
    let next = value.iter().skip(1).chain([&0]);
    let pairs = value.iter().zip(next);
    let byte = |(byte, next): (&u8, &u8)| match (byte, next) {
        (b'\n', b' ' | b'\t') => b'\n',
        (b'\n', _) => b' ',
        (other, _) => *other,
    };
    pairs.map(byte).collect()
}

/// Inputs to begin with, for each target above.
pub mod seeds {
    use crate::domain::targets::{joined, seeds::texts};

    /// Header sections.
    pub fn header_fields() -> Vec<Vec<u8>> {
        texts(&[
            "From: =?iso-2022-jp?B?GyRCOzNFRBsoQg==?= <yamada@corp.test>\r\nTo: \"B, Bob\" <bob@out.test>\r\nSubject: =?gb2312?B?xOO6ww==?=\r\nDate: Fri, 21 Nov 2025 10:00:00 +0900\r\nMessage-Id: <1@corp.test>\r\n\r\n",
            "Subject: =?utf-8?Q?a=00b=1B[31m?=\r\n =?utf-8?q?c?=\r\nTo: Team: a@corp.test, b@corp.test;\r\n",
            "From: a@corp.test\r\nFrom: b@corp.test\r\nSubject:\r\n\r\nbody",
        ])
    }

    /// Values of From fields.
    pub fn authors_of() -> Vec<Vec<u8>> {
        vec![
            joined(&[b" Anna <anna@corp.test>", b" b@corp.test, C <c@corp.test>"]),
            joined(&[b" \"Anna <anna@corp.test>", b" (x (y) <z@corp.test>"]),
            joined(&[b" Team: a@corp.test, =?utf-8?q?Anna_=3Canna=40corp.test=3E?=;"]),
            joined(&[b" anna @ corp . test", b" <@relay.test:anna@corp.test>"]),
        ]
    }

    /// Messages.
    pub fn outline_of() -> Vec<Vec<u8>> {
        texts(&[
            "From: a@corp.test\nSubject: =?gb2312?B?xOO6ww==?=\n\nbody",
            "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: text/html\n\n<p>hi <a href=//x.test>y</a><img src=cid:1></p>\n--b--\n",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: a/b; name*0*=utf-8''%e4; name*1=x.txt\nContent-Transfer-Encoding: base64\nContent-ID: <1>\n\nQUJD\n--b\nContent-Type: message/rfc822\n\nSubject: in\n\n=41\n--b--\n",
            "Content-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: quoted-printable\n\n=1B$B;3ED=1B(B",
        ])
    }

    /// The name of a field, the value of a From field, a body.
    pub fn from_fields_of() -> Vec<Vec<u8>> {
        vec![
            joined(&[b"Subject", b" Anna\n <anna@corp.test>", b"body"]),
            joined(&[b"FROM", b" a@corp.test\r\n\tb", b""]),
        ]
    }
}
