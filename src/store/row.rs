//! Reads checked types out of rows, and makes text that PostgreSQL takes. Never asks the database.

use std::str::FromStr;

use sqlx::types::Uuid;

use crate::domain::{capture::ContentDigest, capture_id::CaptureId, queue_id::QueueId};

use super::Cause;

/// The checked type that a text column stands for.
pub(super) fn parsed<T: FromStr>(word: &str, column: &'static str) -> Result<T, Cause>
where
    T::Err: std::fmt::Display,
{
    word.parse()
        .map_err(|bad| Cause::Unreadable(format!("column {column}: {bad}")))
}

/// The digest that a column holds.
pub(super) fn digest(bytes: &[u8]) -> Result<ContentDigest, Cause> {
    bytes
        .try_into()
        .map(ContentDigest)
        .map_err(|_| Cause::Unreadable("column digest: not 32 bytes".to_owned()))
}

/// A size that the database keeps in a signed number.
pub(super) fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or_default()
}

/// UUIDs as they are bound.
pub(super) fn uuids(ids: &[CaptureId]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

/// Queue IDs as they are bound.
pub(super) fn names<'a>(ids: impl IntoIterator<Item = &'a QueueId>) -> Vec<String> {
    ids.into_iter().map(|id| id.as_str().to_owned()).collect()
}

/// Text without NUL, the one character that PostgreSQL's text cannot hold.
pub(super) fn text(words: &str) -> String {
    words.replace('\0', "\u{fffd}")
}

/// The same for a column that may be null.
pub(super) fn optional_text(words: Option<&str>) -> Option<String> {
    words.map(text)
}

/// PostgreSQL's text form of a `bytea[]`. `unnest` flattens an array of arrays, so the lists of a
/// batch travel as text.
pub(super) fn bytea_array(list: &[Vec<u8>]) -> String {
    let mut text = String::from("{");
    for (position, bytes) in list.iter().enumerate() {
        if position > 0 {
            text.push(',');
        }
        text.push_str("\"\\\\x");
        for byte in bytes {
            text.extend([byte >> 4, byte & 0x0f].map(hexadecimal));
        }
        text.push('"');
    }
    text.push('}');
    text
}

fn hexadecimal(half: u8) -> char {
    char::from_digit(u32::from(half), 16).unwrap_or('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_byte_strings_is_written_as_an_array() {
        assert_eq!(bytea_array(&[]), "{}");
        assert_eq!(
            bytea_array(&[b"SIZE=1".to_vec(), vec![0x00, 0xff], vec![]]),
            r#"{"\\x53495a453d31","\\x00ff","\\x"}"#
        );
    }

    #[test]
    fn nul_is_replaced_and_nothing_else() {
        assert_eq!(text("a\0b\u{1}\u{e9}"), "a\u{fffd}b\u{1}\u{e9}");
    }
}
