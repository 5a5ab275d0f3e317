//! UTF-7 (RFC 2152). Never reads the form that mailbox names of IMAP have.

use super::Reading;

/// Reads a whole text.
pub(super) fn read(bytes: &[u8]) -> Reading {
    let mut text = String::with_capacity(bytes.len());
    let mut has_errors = false;
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' if after.first() == Some(&b'-') => {
                text.push('+');
                rest = after.get(1..).unwrap_or_default();
            }
            b'+' => {
                let length = after
                    .iter()
                    .take_while(|byte| sextet(**byte).is_some())
                    .count();
                let (coded, behind) = after.split_at(length);
                has_errors |= !unpack(coded, &mut text);
                rest = behind.strip_prefix(b"-").unwrap_or(behind);
            }
            0x80.. => {
                text.push('\u{fffd}');
                has_errors = true;
            }
            other => text.push(char::from(*other)),
        }
    }
    Reading {
        text,
        read_as: "UTF-7",
        has_errors,
        is_open: false,
    }
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// UTF-16 in base64 without padding; tells whether all of it meant something.
fn unpack(coded: &[u8], text: &mut String) -> bool {
    let (mut bits, mut n_bits) = (0_u32, 0);
    let mut units = Vec::new();
    for value in coded.iter().filter_map(|byte| sextet(*byte)) {
        bits = (bits << 6 | value) & 0x3f_ffff;
        n_bits += 6;
        if n_bits >= 16 {
            n_bits -= 16;
            units.push(u16::try_from(bits >> n_bits & 0xffff).unwrap_or_default());
        }
    }
    let mut is_good = !coded.is_empty() && n_bits < 6 && bits & ((1 << n_bits) - 1) == 0;
    for unit in char::decode_utf16(units) {
        is_good &= unit.is_ok();
        text.push(unit.unwrap_or('\u{fffd}'));
    }
    is_good
}
