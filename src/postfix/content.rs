//! Rebuilds from text records what Postfix shows to a milter, and hashes it. Keeps the text only of a
//! message that was adopted.
//!
//! Postfix feeds a milter from the same records through `mime_state_update`
//! (`src/global/mime_state.c`) and the call-backs `milter8_header` and `milter8_body`
//! (`src/milter/milter8.c`). This is a second writing of the path through them, so that the digests
//! of capture and queue file agree on odd input too.

use crate::{
    domain::{capture::ContentDigest, queue_id::QueueId},
    mail::digest::ContentHasher,
};

/// How a text record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// `N`: with a line end.
    Line,
    /// `L`: within a line.
    Partial,
}

/// Where in the message the next record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Between two header fields.
    Header,
    /// Within a header field.
    Field,
    /// Within a Received field that may be the one Postfix put on top: it is kept back.
    Received,
    /// Within the body.
    Body,
}

/// What a message's records amount to.
pub(super) struct Digests {
    /// Without Postfix's own Received field, if it was found.
    pub content: ContentDigest,
    /// Without the first Received field, where none was recognised as Postfix's own.
    pub without_received: Option<ContentDigest>,
    /// What `content` is the digest of, if it was to be kept.
    pub kept: Kept,
}

/// The text itself.
pub(super) enum Kept {
    /// Nobody asked for it.
    Nothing,
    /// All of it; never more than this many bytes.
    Text(Vec<u8>, usize),
    /// It was longer than that.
    TooMuch,
}

impl Kept {
    fn add(&mut self, text: &[u8]) {
        match self {
            Self::Text(kept, limit) if kept.len() + text.len() <= *limit => {
                kept.extend_from_slice(text);
            }
            Self::Text(..) => *self = Self::TooMuch,
            Self::Nothing | Self::TooMuch => {}
        }
    }
}

/// Turns the text records of one queue file into the content's digest.
///
/// Postfix hides from milters the one Received field that it made itself, wherever an earlier milter
/// has moved it. It is known by the queue ID in it. Where `header_checks` took the queue ID away,
/// the field was hidden all the same; where they took the field away, nothing was. The file does
/// not tell these two apart, so both digests are made.
pub(super) struct Content {
    hasher: ContentHasher,
    without_received: Option<ContentHasher>,
    stage: Stage,
    previous: Ending,
    own_received: Vec<u8>,
    n_received: usize,
    is_own_found: bool,
    received: Vec<u8>,
    field_length: usize,
    field_limit: usize,
    kept: Kept,
}

impl Content {
    /// Starts the message of this queue ID. A header field gets no longer than `field_limit` bytes
    /// and the record that passes it.
    pub fn new(id: &QueueId, field_limit: usize) -> Self {
        Self {
            hasher: ContentHasher::new(),
            without_received: None,
            stage: Stage::Header,
            previous: Ending::Line,
            own_received: format!("id {id}").into_bytes(),
            n_received: 0,
            is_own_found: false,
            received: Vec::new(),
            field_length: 0,
            field_limit,
            kept: Kept::Nothing,
        }
    }

    /// The same, and keeps the text as far as it is not longer than `limit` bytes.
    pub fn keeping(id: &QueueId, field_limit: usize, limit: usize) -> Self {
        Self {
            kept: Kept::Text(Vec::new(), limit),
            ..Self::new(id, field_limit)
        }
    }

    /// Takes the next text record.
    pub fn add(&mut self, ending: Ending, bytes: &[u8]) {
        match self.stage {
            Stage::Header => self.add_to_header(ending, bytes),
            Stage::Field | Stage::Received => self.add_to_field(ending, bytes),
            Stage::Body => self.add_to_body(ending, bytes),
        }
        self.previous = ending;
    }

    /// The digests of all records taken.
    pub fn finish(mut self) -> Digests {
        if self.previous == Ending::Partial {
            self.add(Ending::Line, b"");
        }
        self.end_field();
        if self.stage == Stage::Header {
            self.show(b"\r\n");
        }
        Digests {
            content: self.hasher.finish(),
            without_received: self.without_received.map(ContentHasher::finish),
            kept: self.kept,
        }
    }

    fn add_to_header(&mut self, ending: Ending, bytes: &[u8]) {
        if let Some(name) = field_name(bytes) {
            let is_received = name.eq_ignore_ascii_case(b"Received") && !self.is_own_found;
            self.stage = if is_received {
                Stage::Received
            } else {
                Stage::Field
            };
            self.field_length = 0;
            let rest = bytes.get(name.len()..).unwrap_or_default();
            self.extend_field(name);
            self.extend_field(as_text(rest).trim_ascii_start());
            return;
        }
        self.show(b"\r\n");
        self.stage = Stage::Body;
        // A milter is not shown the first line of the body, because that is the blank line. Where a
        // text follows the header at once, Postfix leaves out a blank line of its own instead; but
        // it takes a text that begins with NUL for an empty one.
        if bytes.first().is_some_and(|first| *first != 0) {
            self.add_to_body(ending, bytes);
        }
    }

    fn add_to_field(&mut self, ending: Ending, bytes: &[u8]) {
        let continues = self.previous == Ending::Partial;
        let folds = bytes.first().is_some_and(|first| b" \t".contains(first));
        if !continues && !folds {
            self.end_field();
            return self.add_to_header(ending, bytes);
        }
        if self.field_length >= self.field_limit {
            return;
        }
        if !continues {
            self.extend_field(b"\r\n");
            // Postfix counts a fold as one byte.
            self.field_length -= 1;
        }
        self.extend_field(as_text(bytes));
    }

    fn add_to_body(&mut self, ending: Ending, bytes: &[u8]) {
        self.show(bytes);
        if ending == Ending::Line {
            self.show(b"\r\n");
        }
    }

    fn extend_field(&mut self, text: &[u8]) {
        self.field_length += text.len();
        if self.stage == Stage::Received {
            self.received.extend_from_slice(text);
        } else {
            self.show(text);
        }
    }

    fn end_field(&mut self) {
        match self.stage {
            Stage::Header | Stage::Body => return,
            Stage::Field => self.show(b"\r\n"),
            Stage::Received => self.end_received(),
        }
        self.stage = Stage::Header;
    }

    fn end_received(&mut self) {
        let received = std::mem::take(&mut self.received);
        let is_own = received
            .windows(self.own_received.len())
            .any(|window| window == self.own_received);
        self.n_received += 1;
        if is_own {
            self.is_own_found = true;
            self.without_received = None;
            return;
        }
        if self.n_received == 1 {
            self.without_received = Some(self.hasher.clone());
            for text in [&received[..], b"\r\n"] {
                self.hasher.update(text);
                self.kept.add(text);
            }
            return;
        }
        self.show(&received);
        self.show(b"\r\n");
    }

    fn show(&mut self, text: &[u8]) {
        self.hasher.update(text);
        self.kept.add(text);
        if let Some(other) = &mut self.without_received {
            other.update(text);
        }
    }
}

/// The bytes before the first NUL: in header fields Postfix works with C strings.
fn as_text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The name of the header field that begins here: printable ASCII, then white space, then a colon
/// (`src/global/is_header.c`).
fn field_name(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes
        .iter()
        .position(|byte| *byte == b':' || !byte.is_ascii_graphic())?;
    let (name, rest) = bytes.split_at_checked(length)?;
    let after = rest.iter().find(|byte| !b" \t".contains(byte))?;
    (!name.is_empty() && *after == b':').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postfix::sample;

    /// What a milter is shown of these records.
    fn shown(records: &[(Ending, &[u8])]) -> Digests {
        shown_within(60_000, records)
    }

    fn shown_within(field_limit: usize, records: &[(Ending, &[u8])]) -> Digests {
        let mut content = Content::new(&sample::ID.parse().unwrap(), field_limit);
        for (ending, bytes) in records {
            content.add(*ending, bytes);
        }
        content.finish()
    }

    fn lines<'a>(lines: &[&'a str]) -> Vec<(Ending, &'a [u8])> {
        let line = |line: &&'a str| (Ending::Line, line.as_bytes());
        lines.iter().map(line).collect()
    }

    fn digest(content: &str) -> ContentDigest {
        let mut hasher = ContentHasher::new();
        hasher.update(content.as_bytes());
        hasher.finish()
    }

    const OWN: [&str; 2] = ["Received: from x", "\tid 4jWkMG56f7z1j; today"];

    #[test]
    fn postfix_own_received_field_is_hidden() {
        let records = [&OWN[..], &["Subject: a", "", "body"]].concat();
        let digests = shown(&lines(&records));
        assert_eq!(digests.content, digest("Subject: a\r\n\r\nbody\r\n"));
        assert_eq!(digests.without_received, None);
    }

    #[test]
    fn it_is_hidden_below_what_an_earlier_milter_put_on_top() {
        let records = [&["X-Top: 1"], &OWN[..], &["Received: old", "", "b"]].concat();
        let expected = digest("X-Top: 1\r\nReceived: old\r\n\r\nb\r\n");
        assert_eq!(shown(&lines(&records)).content, expected);
    }

    #[test]
    fn without_our_queue_id_both_readings_are_offered() {
        let digests = shown(&lines(&["Received: private", "Received: old", "", "b"]));
        let expected = digest("Received: private\r\nReceived: old\r\n\r\nb\r\n");
        assert_eq!(digests.content, expected);
        let other = digest("Received: old\r\n\r\nb\r\n");
        assert_eq!(digests.without_received, Some(other));
    }

    #[test]
    fn a_message_without_a_body_ends_in_one_empty_line() {
        for records in [lines(&["Subject: a"]), lines(&["Subject: a", ""])] {
            assert_eq!(shown(&records).content, digest("Subject: a\r\n\r\n"));
        }
        assert_eq!(shown(&[]).content, digest("\r\n"));
    }

    #[test]
    fn a_text_right_behind_the_header_is_body() {
        let records = lines(&["Subject: a", "no field", "X: body"]);
        let expected = digest("Subject: a\r\n\r\nno field\r\nX: body\r\n");
        assert_eq!(shown(&records).content, expected);
    }

    #[test]
    fn a_text_that_begins_with_nul_is_lost_as_the_blank_line() {
        let records = lines(&["Subject: a", "\0no field", "body"]);
        let expected = digest("Subject: a\r\n\r\nbody\r\n");
        assert_eq!(shown(&records).content, expected);
    }

    #[test]
    fn fields_are_joined_from_their_records() {
        let records = [
            (Ending::Partial, &b"Sub"[..]),
            (Ending::Line, b"ject: no field"),
        ];
        let expected = digest("\r\nSubject: no field\r\n");
        assert_eq!(shown(&records).content, expected);

        let records = [
            (Ending::Partial, &b"Subject \t: a"[..]),
            (Ending::Partial, b" b\0c"),
            (Ending::Line, b"d"),
            (Ending::Partial, b"\te"),
            (Ending::Line, b" f"),
        ];
        let expected = digest("Subject: a bd\r\n\te f\r\n\r\n");
        assert_eq!(shown(&records).content, expected);
    }

    #[test]
    fn a_line_in_parts_gets_one_line_end() {
        let records = [
            (Ending::Line, &b""[..]),
            (Ending::Partial, b"a\0"),
            (Ending::Line, b"b"),
            (Ending::Partial, b"c"),
        ];
        assert_eq!(shown(&records).content, digest("\r\na\0b\r\nc\r\n"));
    }

    #[test]
    fn a_field_over_the_limit_is_cut_behind_a_record() {
        let records = lines(&["To: 34567", " 9", " lost", "Cc: kept", "", ""]);
        let expected = digest("To: 34567\r\n 9\r\nCc: kept\r\n\r\n\r\n");
        assert_eq!(shown_within(12, &records).content, expected);
    }

    #[test]
    fn names_end_at_the_first_colon() {
        let name = |text: &'static str| field_name(text.as_bytes());
        assert_eq!(name("Subject: a"), Some(&b"Subject"[..]));
        assert_eq!(name("Subject \t : a"), Some(&b"Subject"[..]));
        assert_eq!(name("S:"), Some(&b"S"[..]));
        for text in [
            "",
            ":",
            " Subject: a",
            "Sub ject: a",
            "Subject",
            "S\u{e9}: a",
            "S\0: a",
        ] {
            assert_eq!(name(text), None, "{text:?}");
        }
    }
}
