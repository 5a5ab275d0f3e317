//! ISO 2022 with seven bits: ISO-2022-JP with its Microsoft and multilingual forms, ISO-2022-KR
//! (RFC 1557) and ISO-2022-CN (RFC 1922). Never guesses: every character stands in the set that an
//! escape sequence or a shift named last.

use encoding_rs::{EUC_JP, EUC_KR, Encoding, GBK, ISO_8859_7};

use super::{Reading, cns};

const ESCAPE: u8 = 0x1b;
const SHIFT_OUT: u8 = 0x0e;
const SHIFT_IN: u8 = 0x0f;

/// Whose text it is; it tells what a shift without a designation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Japanese,
    Korean,
    Chinese,
}

impl Family {
    fn name(self) -> &'static str {
        match self {
            Self::Japanese => "ISO-2022-JP",
            Self::Korean => "ISO-2022-KR",
            Self::Chinese => "ISO-2022-CN",
        }
    }

    fn shifted(self) -> Set {
        match self {
            Self::Japanese => Set::Kana,
            Self::Korean => Set::Ksc,
            Self::Chinese => Set::Gb,
        }
    }
}

/// A set of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Ascii,
    Roman,
    Kana,
    Jis0208,
    Jis0212,
    Ksc,
    Gb,
    Cns1,
    Latin1,
    Greek,
    /// Designated rightly, and in no table here.
    Unread,
}

/// Where a sequence puts a set.
#[derive(Clone, Copy)]
enum Place {
    G0,
    G1,
    G2,
}

/// The longer ones first, where one begins with another.
const SEQUENCES: [(&[u8], Place, Set); 20] = [
    (b"(B", Place::G0, Set::Ascii),
    (b"(J", Place::G0, Set::Roman),
    (b"(H", Place::G0, Set::Roman),
    (b"(I", Place::G0, Set::Kana),
    (b"$@", Place::G0, Set::Jis0208),
    (b"$B", Place::G0, Set::Jis0208),
    (b"$(@", Place::G0, Set::Jis0208),
    (b"$(B", Place::G0, Set::Jis0208),
    (b"$(D", Place::G0, Set::Jis0212),
    (b"$A", Place::G0, Set::Gb),
    (b"$(A", Place::G0, Set::Gb),
    (b"$(C", Place::G0, Set::Ksc),
    (b")I", Place::G1, Set::Kana),
    (b"$)C", Place::G1, Set::Ksc),
    (b"$)A", Place::G1, Set::Gb),
    (b"$)G", Place::G1, Set::Cns1),
    (b"$)E", Place::G1, Set::Unread),
    (b"$*H", Place::G2, Set::Unread),
    (b".A", Place::G2, Set::Latin1),
    (b".F", Place::G2, Set::Greek),
];

/// Whose escape sequences stand in a text; none in most.
pub(super) fn family_of(bytes: &[u8]) -> Option<Family> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == ESCAPE) {
        rest = rest.get(at + 1..).unwrap_or_default();
        match SEQUENCES
            .iter()
            .find(|(sequence, ..)| rest.starts_with(sequence))
        {
            Some((_, Place::G1, Set::Ksc)) => return Some(Family::Korean),
            Some((_, Place::G1, Set::Gb | Set::Cns1 | Set::Unread)) => {
                return Some(Family::Chinese);
            }
            Some((_, Place::G0, Set::Jis0208 | Set::Jis0212 | Set::Kana | Set::Gb | Set::Ksc)) => {
                return Some(Family::Japanese);
            }
            Some(_) | None => {}
        }
    }
    None
}

/// Reads a whole text.
pub(super) fn read(bytes: &[u8], family: Family) -> Reading {
    let mut reader = Reader {
        rest: bytes,
        g0: Set::Ascii,
        g1: family.shifted(),
        g2: None,
        is_shifted: false,
        family,
        run: Vec::new(),
        run_set: Set::Ascii,
        text: String::with_capacity(bytes.len()),
        has_errors: false,
    };
    while let Some(byte) = reader.next() {
        reader.take(byte);
    }
    reader.flush();
    Reading {
        is_open: reader.g0 != Set::Ascii || reader.is_shifted,
        text: reader.text,
        read_as: family.name(),
        has_errors: reader.has_errors,
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    g0: Set,
    g1: Set,
    g2: Option<Set>,
    is_shifted: bool,
    family: Family,
    /// Characters of one set that are not decoded yet.
    run: Vec<u8>,
    run_set: Set,
    text: String,
    has_errors: bool,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, byte: u8) {
        match byte {
            ESCAPE => self.escape(),
            SHIFT_OUT => self.is_shifted = true,
            SHIFT_IN => self.is_shifted = false,
            b'\r' | b'\n' => {
                // A shift ends with its line; a designation by an escape sequence does not.
                self.is_shifted = false;
                self.push(Set::Ascii, &[byte]);
            }
            0..=0x20 | 0x7f => self.push(Set::Ascii, &[byte]),
            0xa1..=0xdf if self.family == Family::Japanese => self.push(Set::Kana, &[byte & 0x7f]),
            0x80.. => self.fault(),
            _ => self.graphic(byte),
        }
    }

    fn graphic(&mut self, byte: u8) {
        let set = if self.is_shifted { self.g1 } else { self.g0 };
        match set {
            Set::Ascii | Set::Roman | Set::Kana | Set::Latin1 | Set::Greek => {
                self.push(set, &[byte]);
            }
            Set::Jis0208 | Set::Jis0212 | Set::Ksc | Set::Gb | Set::Cns1 | Set::Unread => {
                match self.rest.first() {
                    Some(second @ 0x21..=0x7e) => {
                        self.push(set, &[byte, *second]);
                        self.next();
                    }
                    _ => self.fault(),
                }
            }
        }
    }

    fn escape(&mut self) {
        let found = SEQUENCES
            .iter()
            .find(|(sequence, ..)| self.rest.starts_with(sequence));
        if let Some((sequence, place, set)) = found {
            self.rest = self.rest.get(sequence.len()..).unwrap_or_default();
            match place {
                Place::G0 => self.g0 = *set,
                Place::G1 => self.g1 = *set,
                Place::G2 => self.g2 = Some(*set),
            }
        } else if self.rest.first() == Some(&b'N') && self.g2.is_some() {
            self.next();
            self.single_shift();
        } else {
            self.push(Set::Ascii, &[ESCAPE]);
        }
    }

    /// The next character is of G2.
    fn single_shift(&mut self) {
        match (self.g2, self.next()) {
            (Some(Set::Unread), Some(_)) => {
                self.next();
                self.fault();
            }
            (Some(set), Some(byte)) => self.push(set, &[byte]),
            (None, _) | (_, None) => self.fault(),
        }
    }

    fn push(&mut self, set: Set, bytes: &[u8]) {
        if set != self.run_set {
            self.flush();
            self.run_set = set;
        }
        self.run.extend(bytes);
    }

    fn fault(&mut self) {
        self.flush();
        self.text.push('\u{fffd}');
        self.has_errors = true;
    }

    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        match self.run_set {
            Set::Ascii => self.text.extend(run.iter().map(|byte| char::from(*byte))),
            Set::Roman => self.text.extend(run.iter().map(|byte| roman(*byte))),
            Set::Kana => self.text.extend(run.iter().map(|byte| kana(*byte))),
            Set::Latin1 => self
                .text
                .extend(run.iter().map(|byte| char::from(byte | 0x80))),
            Set::Greek => self.table(ISO_8859_7, &high(&run)),
            Set::Jis0208 => self.table(EUC_JP, &high(&run)),
            Set::Jis0212 => {
                let triples = run
                    .chunks(2)
                    .flat_map(|pair| [&[0x8f], high(pair).as_slice()].concat());
                self.table(EUC_JP, &triples.collect::<Vec<u8>>());
            }
            Set::Ksc => self.table(EUC_KR, &high(&run)),
            Set::Gb => self.table(GBK, &high(&run)),
            Set::Cns1 => match cns::to_big5(&run) {
                Some(big5) => self.table(encoding_rs::BIG5, &big5),
                None => self.unread(&run),
            },
            Set::Unread => self.unread(&run),
        }
    }

    fn table(&mut self, encoding: &'static Encoding, bytes: &[u8]) {
        let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
        self.text.push_str(&text);
        self.has_errors |= has_errors;
    }

    fn unread(&mut self, run: &[u8]) {
        self.text.extend(run.chunks(2).map(|_| '\u{fffd}'));
        self.has_errors |= !run.is_empty();
    }
}

fn high(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte | 0x80).collect()
}

fn roman(byte: u8) -> char {
    match byte {
        b'\\' => '\u{a5}',
        b'~' => '\u{203e}',
        other => char::from(other),
    }
}

fn kana(byte: u8) -> char {
    match byte {
        0x21..=0x5f => char::from_u32(0xff61 + u32::from(byte - 0x21)).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    }
}
