//! The header section of a message or part as fields, and what in it is none. Never looks at the body
//! behind it.

use crate::mail::{
    author,
    outline::{DoubtKind, Field},
    words::decode_value,
};

/// So much of a value is read; no field that a person reads is longer.
const LONGEST_VALUE: usize = 64 * 1024;

/// So much of a From field is read: rights depend on each author, and what is captured has less in all
/// its From fields (`header::FROM_LIMIT_BYTES`).
const LONGEST_FROM: usize = 4 * 1024 * 1024;

/// So much of a decoded value is kept.
const LONGEST_SHOWN: usize = 4_000;

/// More fields of one section are not kept, but for From.
const MOST_FIELDS: usize = 1_000;

/// From fields behind so many fields are not kept: what is captured has fewer of them.
const MOST_WITH_FROM: usize = 100_000;

/// Fields that may stand only once (RFC 5322, section 3.6; RFC 2045; RFC 2557).
const ONCE: [&str; 15] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "content-id",
    "content-base",
    "content-location",
];

/// A field as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawField<'a> {
    /// Its name, without white space at its end.
    pub name: &'a [u8],
    /// Its value, unfolded.
    pub value: Vec<u8>,
}

/// A header section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Section<'a> {
    /// Its fields in order.
    pub fields: Vec<RawField<'a>>,
    /// Where the body begins.
    pub body_at: usize,
    /// What is doubtful in it, each with a value that shows it.
    pub faults: Vec<(DoubtKind, String)>,
    /// Whether the last field is not kept.
    is_dropped: bool,
}

impl Section<'_> {
    /// The values of the fields of this name.
    pub fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s [u8]> {
        let same = move |field: &&RawField<'_>| field.name.eq_ignore_ascii_case(name.as_bytes());
        self.fields
            .iter()
            .filter(same)
            .map(|field| field.value.as_slice())
    }

    /// All fields, decoded.
    pub fn decoded(&self, near: Option<&str>) -> Vec<Field> {
        let decoded = |field: &RawField<'_>| Field {
            name: shown(&decode_value(field.name, None).text),
            value: shown(&decode_value(&field.value, near).text),
        };
        self.fields.iter().take(MOST_FIELDS).map(decoded).collect()
    }
}

/// A decoded value, cut where nobody reads on.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    let end = text.floor_char_boundary(LONGEST_SHOWN);
    match text.get(..end) {
        Some(cut) if end < text.len() => format!("{cut}\u{2026}"),
        Some(_) | None => text.to_owned(),
    }
}

/// Reads the section at the start of a message or part.
pub(super) fn read(bytes: &[u8]) -> Section<'_> {
    let mut section = Section::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        section.body_at += end;
        rest = after;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        section.take(line);
    }
    section.find_doubles();
    section
}

impl<'a> Section<'a> {
    fn take(&mut self, line: &'a [u8]) {
        if line.contains(&b'\r') || line.contains(&0) {
            self.fault(line);
        }
        if line.first().is_some_and(|byte| b" \t".contains(byte)) {
            // To some programs a line of blanks ends the header.
            if line.trim_ascii().is_empty() {
                self.fault(line);
            }
            match self.fields.last_mut() {
                Some(field) if !self.is_dropped => field.push(line),
                Some(_) => {}
                None => self.fault(line),
            }
            return;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return self.fault(line);
        };
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        // "Fr om:" and "From :" are From to some programs and nothing to others.
        if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
            self.fault(line);
        }
        if self.fields.len() >= MOST_FIELDS {
            self.fault(line);
        }
        let most = match author::is_from(name) {
            true => MOST_WITH_FROM,
            false => MOST_FIELDS,
        };
        self.is_dropped = self.fields.len() >= most;
        if self.is_dropped {
            return;
        }
        let mut field = RawField {
            name: name.trim_ascii_end(),
            value: Vec::new(),
        };
        field.push(value.trim_ascii_start());
        self.fields.push(field);
    }

    fn fault(&mut self, line: &[u8]) {
        let detail = decode_value(line.get(..200).unwrap_or(line), None).text;
        // One shows it; a thousand of them hide everything else.
        if !self
            .faults
            .iter()
            .any(|(kind, _)| *kind == DoubtKind::BadHeader)
        {
            self.faults.push((DoubtKind::BadHeader, detail));
        }
    }

    fn find_doubles(&mut self) {
        for name in ONCE {
            if self.values(name).nth(1).is_some() {
                self.faults.push((DoubtKind::TwoFields, name.to_owned()));
            }
        }
    }
}

impl RawField<'_> {
    fn push(&mut self, more: &[u8]) {
        let longest = match author::is_from(self.name) {
            true => LONGEST_FROM,
            false => LONGEST_VALUE,
        };
        let room = longest.saturating_sub(self.value.len());
        self.value.extend(more.get(..room).unwrap_or(more));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(bytes: &[u8]) -> Vec<DoubtKind> {
        read(bytes)
            .faults
            .into_iter()
            .map(|(kind, _)| kind)
            .collect()
    }

    #[test]
    fn fields_are_unfolded() {
        let section = read(b"A: 1\r\n 2\r\nB:3\n\nbody");
        assert_eq!(section.values("a").collect::<Vec<_>>(), [b"1 2"]);
        assert_eq!(section.values("b").collect::<Vec<_>>(), [b"3"]);
        assert_eq!(section.body_at, 15);
        assert_eq!(section.faults, []);
    }

    #[test]
    fn what_is_no_field_is_told() {
        for section in [
            &b"Fr om: a\n\n"[..],
            b"From : a\n\n",
            b": a\n\n",
            b" a\n\n",
            b"A: b\n \nC: d\n\n",
            b"no colon\nA: b\n\n",
            b"A: b\rc\n\n",
            b"A: b\0\n\n",
            b"\xff: a\n\n",
        ] {
            assert_eq!(faults(section), [DoubtKind::BadHeader], "{section:?}");
        }
    }

    #[test]
    fn a_field_that_stands_twice_is_told() {
        assert_eq!(
            faults(b"Subject: a\nsubject: b\n\n"),
            [DoubtKind::TwoFields]
        );
        assert_eq!(faults(b"Received: a\nReceived: b\n\n"), []);
    }

    #[test]
    fn no_number_of_other_fields_hides_an_author() {
        let others = "a:b\r\n".repeat(70_000);
        let bytes = format!("{others}From: a@corp.test\r\nTo: b\r\n c\r\nFROM : d@corp.test\r\n");
        let section = read(bytes.as_bytes());
        let from: Vec<&[u8]> = section.values("from").collect();
        assert_eq!(from, [b"a@corp.test", b"d@corp.test"]);
        assert_eq!(section.decoded(None).len(), MOST_FIELDS);
        assert_eq!(faults(bytes.as_bytes())[0], DoubtKind::BadHeader);
    }

    #[test]
    fn no_length_of_a_from_field_hides_an_author() {
        let many = "a@b.test, ".repeat(30_000);
        let bytes = format!("From: {many}\r\n rita@corp.test\r\n");
        let section = read(bytes.as_bytes());
        assert!(
            section
                .values("from")
                .next()
                .unwrap()
                .ends_with(b" rita@corp.test")
        );
    }

    #[test]
    fn a_body_without_a_header_is_a_body() {
        let section = read(b"\r\nbody");
        assert_eq!((section.fields.len(), section.body_at), (0, 2));
        assert_eq!(read(b"").body_at, 0);
    }
}
