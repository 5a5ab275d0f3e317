//! Sizes for people.

use super::words::{Value, Words};

const UNITS: [(&str, u64); 3] = [
    ("size-gib", 1_024 * 1_024 * 1_024),
    ("size-mib", 1_024 * 1_024),
    ("size-kib", 1_024),
];

/// A size in the largest unit that it fills, with one digit behind the point below ten.
pub fn shown(words: &Words, size_bytes: u64) -> String {
    let Some((id, unit)) = UNITS.into_iter().find(|(_, unit)| size_bytes >= *unit) else {
        return words.count("size-bytes", size_bytes);
    };
    let tenths = size_bytes.saturating_mul(10) / unit;
    let text = match tenths {
        0..100 => format!("{}.{}", tenths / 10, tenths % 10),
        _ => (tenths / 10).to_string(),
    };
    words.say_with(id, [("n", Value::from(text))])
}
