//! Cuts the body of a multipart at its boundary (RFC 2046, section 5.1.1): at the start of a line, and
//! with nothing but blanks behind it. Never obeys one that stands elsewhere, and tells where one does.

use std::ops::Range;

/// A longer boundary is none (RFC 2046 allows 70).
pub(super) const LONGEST_BOUNDARY: usize = 200;

/// So many boundaries out of place are told.
const MOST_TOLD: usize = 5;

/// So much of a line with a boundary out of place is told.
const LONGEST_TOLD: usize = 2 * LONGEST_BOUNDARY;

/// A body in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// Where the parts lie.
    pub pieces: Vec<Range<usize>>,
    /// Whether the last boundary came.
    pub is_closed: bool,
    /// How many signs stand before the first part and behind the last one, where nobody is shown them.
    pub n_outside: usize,
    /// Beginnings of what stands where a boundary is out of place, from its dashes on.
    pub out_of_place: Vec<Vec<u8>>,
}

/// Cuts a body.
pub(super) fn split(body: &[u8], boundary: &[u8]) -> Split {
    let needle = [b"--", boundary].concat();
    let mut split = Split::default();
    let mut open: Option<usize> = None;
    let mut outside = 0..body.len();
    for at in occurrences(body, &needle) {
        let is_line = at == 0 || body.get(at - 1) == Some(&b'\n');
        let tail = body.get(at + needle.len()..).unwrap_or_default();
        let (behind, is_last) = match tail.strip_prefix(b"--") {
            Some(behind) => (behind, true),
            None => (tail, false),
        };
        let end = blank_line(behind);
        let (Some(end), true, false) = (end, is_line, split.is_closed) else {
            split.tell(body, at);
            continue;
        };
        if split.pieces.is_empty() && open.is_none() {
            split.n_outside += n_signs(body.get(..at).unwrap_or_default());
        }
        outside = body.len() - behind.len()..body.len();
        if let Some(start) = open.take() {
            split
                .pieces
                .push(start..line_end_before(body, at).max(start));
        }
        match is_last {
            true => split.is_closed = true,
            false => open = Some(body.len() - behind.len() + end),
        }
    }
    match open {
        Some(start) => split.pieces.push(start..body.len()),
        None => split.n_outside += n_signs(body.get(outside).unwrap_or_default()),
    }
    split
}

impl Split {
    fn tell(&mut self, body: &[u8], at: usize) {
        if self.out_of_place.len() < MOST_TOLD {
            let rest = body.get(at..).unwrap_or_default();
            let rest = rest.get(..LONGEST_TOLD).unwrap_or(rest);
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            self.out_of_place.push(line.trim_ascii_end().to_vec());
        }
    }
}

fn n_signs(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .count()
}

/// The length of a rest of a line that holds blanks alone, its end included.
fn blank_line(bytes: &[u8]) -> Option<usize> {
    let n_blank = bytes
        .iter()
        .take_while(|byte| b" \t\r".contains(byte))
        .count();
    match bytes.get(n_blank) {
        Some(b'\n') => Some(n_blank + 1),
        Some(_) => None,
        None => Some(n_blank),
    }
}

/// The line end before a boundary belongs to it.
fn line_end_before(body: &[u8], at: usize) -> usize {
    let before = body.get(..at).unwrap_or_default();
    let bare = before.strip_suffix(b"\n").unwrap_or(before);
    bare.strip_suffix(b"\r").unwrap_or(bare).len()
}

/// Where a needle stands, none over another; the time grows with the text alone (Knuth, Morris, Pratt).
pub(super) fn occurrences(text: &[u8], needle: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    if needle.is_empty() {
        return found;
    }
    let borders = borders(needle);
    let mut matched = 0;
    for (at, byte) in text.iter().enumerate() {
        matched = step(needle, &borders, matched, *byte);
        if matched == needle.len() {
            found.push(at + 1 - matched);
            matched = 0;
        }
    }
    found
}

fn step(needle: &[u8], borders: &[usize], mut matched: usize, byte: u8) -> usize {
    while matched > 0 && needle.get(matched) != Some(&byte) {
        matched = borders.get(matched - 1).copied().unwrap_or(0);
    }
    matched + usize::from(needle.get(matched) == Some(&byte))
}

/// Of each beginning of the needle, the longest of its own beginnings that it ends with.
fn borders(needle: &[u8]) -> Vec<usize> {
    let mut borders = vec![0];
    for byte in needle.iter().skip(1) {
        let matched = borders.last().copied().unwrap_or(0);
        borders.push(step(needle, &borders, matched, *byte));
    }
    borders
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pieces<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
        let split = split(body.as_bytes(), boundary.as_bytes());
        split.pieces.into_iter().map(|piece| &body[piece]).collect()
    }

    #[test]
    fn a_body_is_cut_at_its_boundary_alone() {
        let body = "pre\r\n--b\r\n1\r\n\r\n--b \t\r\n2--b\r\nx --b\r\n--bc\r\n--b--\r\npost";
        assert_eq!(pieces(body, "b"), ["1\r\n", "2--b\r\nx --b\r\n--bc"]);
        let split = split(body.as_bytes(), b"b");
        assert!(split.is_closed);
        assert_eq!(split.n_outside, "prepost".len());
        assert_eq!(split.out_of_place, [&b"--b"[..], b"--b", b"--bc"]);
    }

    #[test]
    fn a_body_without_an_end_is_told() {
        assert_eq!(pieces("--b\n1\n--b\n2", "b"), ["1", "2"]);
        assert!(!split(b"--b\n1", b"b").is_closed);
        assert!(split(b"x", b"b").pieces.is_empty());
        assert_eq!(pieces("--b\n--b--", "b"), [""]);
        assert_eq!(pieces("--b", "b"), [""]);
    }

    #[test]
    fn a_boundary_behind_the_last_one_is_out_of_place() {
        let split = split(b"--b\n1\n--b--\n--b\n2\n", b"b");
        assert_eq!((split.pieces.len(), split.out_of_place.len()), (1, 1));
    }

    proptest! {
        #[test]
        fn a_needle_is_found_where_it_stands(text in "[ab]{0,40}", needle in "[ab]{1,4}") {
            let mut expected = Vec::new();
            let mut at = 0;
            while let Some(found) = text[at..].find(&needle) {
                expected.push(at + found);
                at += found + needle.len();
            }
            prop_assert_eq!(occurrences(text.as_bytes(), needle.as_bytes()), expected);
        }
    }
}
