//! Transfer encodings: base64, quoted-printable, and the Q of header fields (RFC 2045, 2047). Never
//! fails: what does not follow its encoding is read as far as it goes, and told.

/// Decoded bytes, and whether all of it followed the encoding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether nothing was amiss.
    pub is_clean: bool,
}

/// Reads base64. Behind padding it goes on, as some programs do and others do not.
pub(super) fn base64(coded: &[u8]) -> Unpacked {
    let mut bytes = Vec::with_capacity(coded.len() / 4 * 3);
    let mut is_clean = true;
    let (mut bits, mut n_sextets, mut n_padding) = (0_u32, 0_u32, 0_u32);
    for byte in coded {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                n_padding += 1;
                continue;
            }
            b'\r' | b'\n' | b' ' | b'\t' => continue,
            _ => {
                is_clean = false;
                continue;
            }
        };
        if n_padding > 0 {
            is_clean = false;
            finish(bits, n_sextets, &mut bytes);
            (bits, n_sextets, n_padding) = (0, 0, 0);
        }
        bits = bits << 6 | u32::from(value);
        n_sextets += 1;
        if n_sextets == 4 {
            bytes.extend(bits.to_be_bytes().iter().skip(1));
            (bits, n_sextets) = (0, 0);
        }
    }
    is_clean &= matches!((n_sextets, n_padding), (0, 0) | (2, 2) | (3, 1));
    finish(bits, n_sextets, &mut bytes);
    Unpacked { bytes, is_clean }
}

/// The bytes of a group that is not whole.
fn finish(bits: u32, n_sextets: u32, bytes: &mut Vec<u8>) {
    let (bits, n_bytes) = match n_sextets {
        2 => (bits << 12, 1),
        3 => (bits << 6, 2),
        _ => return,
    };
    bytes.extend(bits.to_be_bytes().iter().skip(1).take(n_bytes));
}

/// Writes base64 on one line.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let mut bits = 0_u32;
        for at in 0..3 {
            bits = bits << 8 | three.get(at).copied().map_or(0, u32::from);
        }
        for at in 0..4 {
            let sextet = usize::try_from(bits >> (18 - 6 * at) & 0x3f).unwrap_or_default();
            let is_there = at <= three.len();
            let sign = SIGNS
                .get(sextet)
                .filter(|_| is_there)
                .copied()
                .unwrap_or(b'=');
            text.push(char::from(sign));
        }
    }
    text
}

/// Reads quoted-printable.
pub(super) fn quoted_printable(coded: &[u8]) -> Unpacked {
    let mut bytes = Vec::with_capacity(coded.len());
    let mut is_clean = true;
    for line in coded.split_inclusive(|byte| *byte == b'\n') {
        let bare = line.trim_ascii_end();
        // Blanks before the end of a line were put there on the way.
        let has_end = line.ends_with(b"\n");
        let (bare, goes_on) = match bare.strip_suffix(b"=") {
            Some(bare) => (bare, true),
            None => (if has_end { bare } else { line }, false),
        };
        is_clean &= unquote(bare, b'=', &mut bytes);
        if has_end && !goes_on {
            bytes.extend(if line.ends_with(b"\r\n") {
                &b"\r\n"[..]
            } else {
                b"\n"
            });
        }
    }
    Unpacked { bytes, is_clean }
}

/// Reads the Q encoding of an encoded word.
pub(super) fn q(coded: &[u8]) -> Unpacked {
    let spaced: Vec<u8> = coded
        .iter()
        .map(|byte| if *byte == b'_' { b' ' } else { *byte })
        .collect();
    let mut bytes = Vec::with_capacity(coded.len());
    let is_clean = unquote(&spaced, b'=', &mut bytes);
    Unpacked { bytes, is_clean }
}

/// Reads the percent signs of an extended parameter (RFC 2231) or a URL.
pub(super) fn percent(coded: &[u8]) -> Unpacked {
    let mut bytes = Vec::with_capacity(coded.len());
    let is_clean = unquote(coded, b'%', &mut bytes);
    Unpacked { bytes, is_clean }
}

fn unquote(coded: &[u8], mark: u8, bytes: &mut Vec<u8>) -> bool {
    let mut is_clean = true;
    let mut rest = coded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != mark {
            bytes.push(*first);
            continue;
        }
        match after {
            [high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(nibble(*high) << 4 | nibble(*low));
                rest = behind;
            }
            _ => {
                bytes.push(mark);
                is_clean = false;
            }
        }
    }
    is_clean
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_its_padding() {
        for (coded, plain) in [
            ("", ""),
            ("QQ==", "A"),
            ("QUI=", "AB"),
            ("QUJD\r\nRA==\r\n", "ABCD"),
        ] {
            let read = base64(coded.as_bytes());
            assert_eq!(
                (read.bytes.as_slice(), read.is_clean),
                (plain.as_bytes(), true),
                "{coded}"
            );
            let bare: String = coded.split_whitespace().collect();
            assert_eq!(to_base64(plain.as_bytes()), bare);
        }
    }

    #[test]
    fn base64_that_programs_read_in_two_ways_is_told() {
        for (coded, plain) in [
            ("QQ==QUI=", "AAB"),
            ("Q-Q=", "A"),
            ("QUI", "AB"),
            ("Q", ""),
            ("QUJD=", "ABC"),
        ] {
            let read = base64(coded.as_bytes());
            assert_eq!(
                (read.bytes.as_slice(), read.is_clean),
                (plain.as_bytes(), false),
                "{coded}"
            );
        }
    }

    #[test]
    fn quoted_printable_joins_lines_and_drops_blanks_at_their_ends() {
        let read = quoted_printable(b"a=3D=\r\nb  \r\nc=e4 ");
        assert_eq!(read.bytes, b"a=b\r\nc\xe4 ");
        assert!(read.is_clean);
        let read = quoted_printable(b"1=2, =zz");
        assert_eq!(read.bytes, b"1=2, =zz");
        assert!(!read.is_clean);
    }
}
