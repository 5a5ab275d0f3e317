//! What is read of a header section that is too long to be read as a whole: its beginning, and every From
//! field behind it. Never takes a body.

use std::ops::ControlFlow;

use super::author;

/// So much of a header section is read at once.
const BEGINNING_BYTES: usize = 256 * 1_024;

/// More From fields than this, in bytes, are no list of authors: such a message is not captured. So
/// all of them can be read, whatever stands before or between them.
pub const FROM_LIMIT_BYTES: usize = 64 * 1_024;

/// What of the limit a field takes up, given its name and what stands behind its colon.
pub fn n_from_bytes(name: &[u8], value: &[u8]) -> usize {
    match author::is_from(name) {
        true => name.len() + value.len() + ":\r\n".len(),
        false => 0,
    }
}

/// A header section that arrives in chunks, cut anywhere.
#[derive(Debug, Default)]
pub struct Excerpt {
    kept: Vec<u8>,
    /// A line of which the end is not yet there.
    line: Vec<u8>,
    is_from: bool,
    /// Whether a line was left out: what would fit behind it may be the rest of a field that is not there.
    is_full: bool,
    n_from_bytes: usize,
}

impl Excerpt {
    /// Takes the next bytes of the content, until its header section ends.
    pub fn add(&mut self, chunk: &[u8]) -> ControlFlow<()> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if !piece.ends_with(b"\n") {
                break;
            }
            let line = std::mem::take(&mut self.line);
            if matches!(&*line, b"\n" | b"\r\n") {
                return ControlFlow::Break(());
            }
            self.take(&line);
        }
        ControlFlow::Continue(())
    }

    /// What is to be read: whole lines.
    pub fn finish(mut self) -> Vec<u8> {
        self.end();
        self.kept
    }

    /// The same, unless there is more of From than anybody reads.
    pub fn within_limit(mut self) -> Option<Vec<u8>> {
        self.end();
        (self.n_from_bytes <= FROM_LIMIT_BYTES).then_some(self.kept)
    }

    fn end(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take(&line);
        }
    }

    fn take(&mut self, line: &[u8]) {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next();
            self.is_from = author::is_from(name.unwrap_or_default());
        }
        if self.is_from {
            self.n_from_bytes += line.len();
        } else {
            self.is_full |= self.kept.len() + line.len() > BEGINNING_BYTES;
        }
        if self.is_from || !self.is_full {
            self.kept.extend_from_slice(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::author::from_fields;

    fn excerpt(chunks: &[&[u8]]) -> Excerpt {
        let mut excerpt = Excerpt::default();
        for chunk in chunks {
            if excerpt.add(chunk).is_break() {
                break;
            }
        }
        excerpt
    }

    #[test]
    fn a_short_section_is_kept_as_it_is() {
        for (content, section) in [
            (
                "A: b\r\nC: d\r\n e\r\n\r\nF: g\r\n",
                "A: b\r\nC: d\r\n e\r\n",
            ),
            ("A: b\nC: d\n\nFrom: x\n", "A: b\nC: d\n"),
            ("A: b\r\nC: d", "A: b\r\nC: d"),
            ("\r\nFrom: x\r\n", ""),
            ("", ""),
        ] {
            let kept = excerpt(&[content.as_bytes()]).finish();
            assert_eq!(kept, section.as_bytes(), "{content:?}");
        }
    }

    #[test]
    fn of_a_long_section_all_from_fields_are_kept_and_little_else() {
        let others = "a:b\r\n".repeat(70_000);
        let (first, last) = ("From: A\r\n <a@corp.test>\r\n", "FROM : b@corp.test\r\n");
        let content = format!("{others}{first}{others}{last}Subject: c\r\n\r\nFrom: d\r\n");
        let kept = excerpt(&[content.as_bytes()]).finish();
        let kept = String::from_utf8(kept).unwrap();
        assert!(kept.ends_with(&format!("a:b\r\n{first}{last}")));
        assert!(kept.len() <= BEGINNING_BYTES + first.len() + last.len());
    }

    #[test]
    fn a_field_without_an_end_is_no_reason_to_keep_it() {
        let long = "a ".repeat(BEGINNING_BYTES);
        let content = format!("Subject: {long}\r\n {long}\r\nFrom: a@corp.test\r\n\r\n");
        assert_eq!(
            excerpt(&[content.as_bytes()]).finish(),
            b"From: a@corp.test\r\n"
        );
    }

    #[test]
    fn the_end_of_a_field_that_is_left_out_is_no_end_of_another_one() {
        let long = "a ".repeat(BEGINNING_BYTES);
        let content = format!("From: a@corp.test\r\nX: {long}\r\n , b@corp.test\r\nTo: c\r\n\r\n");
        assert_eq!(
            excerpt(&[content.as_bytes()]).finish(),
            b"From: a@corp.test\r\n"
        );
    }

    #[test]
    fn more_from_fields_than_anybody_reads_are_told() {
        let of = |field: &str| {
            let n_fields = FROM_LIMIT_BYTES / field.len();
            let is_within = |n| {
                excerpt(&[field.repeat(n).as_bytes()])
                    .within_limit()
                    .is_some()
            };
            (is_within(n_fields), is_within(n_fields + 1))
        };
        for field in ["From:\r\n", "From: a@corp.test\r\n", "from: a\r\n b\r\n"] {
            assert_eq!(of(field), (true, false), "{field:?}");
        }
        assert_eq!(of("Subject: a\r\n"), (true, true));
        assert_eq!(n_from_bytes(b"From", b" a@b"), "From: a@b\r\n".len());
        assert_eq!(n_from_bytes(b"Subject", b" a@b"), 0);
    }

    proptest! {
        #[test]
        fn wherever_it_is_cut_it_has_the_same_authors(
            content in "((From|From |To|:|a)?:? ?[a@, ]{0,3}\r?\n){0,12}",
            cuts in proptest::collection::vec(1_usize..9, 1..40),
        ) {
            let mut rest = content.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts {
                let (chunk, others) = rest.split_at(cut.min(rest.len()));
                chunks.push(chunk);
                rest = others;
            }
            chunks.push(rest);
            let kept = excerpt(&chunks).finish();
            prop_assert_eq!(from_fields(&kept), from_fields(content.as_bytes()));
        }
    }
}
