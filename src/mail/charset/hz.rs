//! HZ (RFC 1843): GB 2312 between `~{` and `~}`. Never reads anything else into a tilde.

use encoding_rs::GBK;

use super::Reading;

/// Reads a whole text.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let mut text = String::with_capacity(bytes.len());
    let mut pairs = Vec::new();
    let (mut is_open, mut has_errors) = (false, false);
    let mut rest = bytes;
    let mut flush = |pairs: &mut Vec<u8>, text: &mut String| {
        let (decoded, bad) = GBK.decode_without_bom_handling(pairs);
        text.push_str(&decoded);
        pairs.clear();
        has_errors |= bad;
    };
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after.first()) {
            (b'~', Some(b'{')) if !is_open => {
                is_open = true;
                rest = after.get(1..).unwrap_or_default();
            }
            (b'~', Some(b'}')) if is_open => {
                is_open = false;
                flush(&mut pairs, &mut text);
                rest = after.get(1..).unwrap_or_default();
            }
            (b'~', Some(b'~')) if !is_open => {
                text.push('~');
                rest = after.get(1..).unwrap_or_default();
            }
            // A line that goes on.
            (b'~', Some(b'\n')) => rest = after.get(1..).unwrap_or_default(),
            (0x21..=0x7e, Some(second @ 0x21..=0x7e)) if is_open => {
                pairs.extend([first | 0x80, second | 0x80]);
                rest = after.get(1..).unwrap_or_default();
            }
            (b'\n', _) => {
                is_open = false;
                flush(&mut pairs, &mut text);
                text.push('\n');
            }
            (0x80.., _) => pairs.push(*first),
            (other, _) => {
                flush(&mut pairs, &mut text);
                text.push(char::from(*other));
            }
        }
    }
    flush(&mut pairs, &mut text);
    Reading {
        text,
        read_as: "HZ-GB-2312",
        has_errors,
        is_open,
    }
}
