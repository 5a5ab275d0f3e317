//! Character sets: the bytes of a text as Unicode, with the set they were read in and its language.
//! Never fails: what means nothing becomes U+FFFD and is told.
//!
//! A browser's decoders refuse the stateful seven-bit sets; mail has them, so they are read here. The
//! text is decoded before anything looks for markup in it.

mod cns;
mod escapes;
mod guess;
mod hz;
mod labels;
mod language;
mod utf7;

#[cfg(test)]
mod fixtures;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use self::labels::{Charset, Label};

/// A decoded text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The text; NUL is U+FFFD in it.
    pub text: String,
    /// The character set that it was read in.
    pub read_as: &'static str,
    /// The language that the set or the script tells.
    pub language: Option<&'static str>,
    /// Whether some bytes meant nothing.
    pub has_errors: bool,
    /// Whether the declared set is not known.
    pub is_unknown: bool,
    /// Whether it held NUL.
    pub has_nul: bool,
    /// Whether it ends within a shift, as a text that was cut does.
    pub is_open: bool,
}

/// What a decoder tells.
#[derive(Debug, Default)]
struct Reading {
    text: String,
    read_as: &'static str,
    has_errors: bool,
    is_open: bool,
}

/// Reads a text in its declared set, or in the one that its bytes tell.
pub(super) fn decode(bytes: &[u8], declared: Option<&str>) -> Decoded {
    let label = declared.map_or(Label::Unsaid, labels::of);
    let reading = match (Encoding::for_bom(bytes), &label) {
        (Some((encoding, length)), _) => table(encoding, bytes.get(length..).unwrap_or_default()),
        (None, Label::Known(charset)) => known(*charset, bytes),
        (None, Label::Unsaid | Label::Unknown) => undeclared(bytes, None),
    };
    finish(reading, matches!(label, Label::Unknown))
}

/// Reads a text that declares nothing; `near` is the set of what stands beside it.
pub(super) fn decode_near(bytes: &[u8], near: Option<&str>) -> Decoded {
    finish(undeclared(bytes, near), false)
}

/// The language of a text that is Unicode already, as far as its script tells.
pub(super) fn language_of(text: &str) -> Option<&'static str> {
    language::of(text, UTF_8.name())
}

fn finish(reading: Reading, is_unknown: bool) -> Decoded {
    let has_nul = reading.text.contains('\0');
    let text = match has_nul {
        true => reading.text.replace('\0', "\u{fffd}"),
        false => reading.text,
    };
    Decoded {
        language: language::of(&text, reading.read_as),
        text,
        read_as: reading.read_as,
        has_errors: reading.has_errors,
        is_unknown,
        has_nul,
        is_open: reading.is_open,
    }
}

fn known(charset: Charset, bytes: &[u8]) -> Reading {
    let is_utf8 = || !bytes.is_ascii() && std::str::from_utf8(bytes).is_ok();
    let reading = match charset {
        Charset::Ascii => return undeclared(bytes, None),
        // Programs that changed to UTF-8 and kept the old label.
        Charset::Escapes(_) | Charset::Hz | Charset::Utf7 if is_utf8() => table(UTF_8, bytes),
        Charset::Escapes(family) => escapes::read(bytes, family),
        Charset::Hz => hz::read(bytes),
        Charset::Utf7 => utf7::read(bytes),
        Charset::Utf16 => table(utf16_order(bytes), bytes),
        Charset::Table(encoding) => table(encoding, bytes),
    };
    match reading.has_errors && is_utf8() {
        true => table(UTF_8, bytes),
        false => reading,
    }
}

fn undeclared(bytes: &[u8], near: Option<&str>) -> Reading {
    if bytes.is_ascii() {
        return match escapes::family_of(bytes) {
            Some(family) => escapes::read(bytes, family),
            None => table(UTF_8, bytes),
        };
    }
    if std::str::from_utf8(bytes).is_ok() {
        return table(UTF_8, bytes);
    }
    // What stands beside it comes from the same program, which knew its own set.
    if let Some(Label::Known(Charset::Table(encoding))) = near.map(labels::of) {
        let reading = table(encoding, bytes);
        if !reading.has_errors {
            return reading;
        }
    }
    table(guess::encoding_of(bytes), bytes)
}

fn table(encoding: &'static Encoding, bytes: &[u8]) -> Reading {
    let (text, has_errors) = encoding.decode_without_bom_handling(bytes);
    Reading {
        text: text.into_owned(),
        read_as: encoding.name(),
        has_errors,
        is_open: false,
    }
}

/// Without a mark the order is told by where the zeros of ASCII stand.
fn utf16_order(bytes: &[u8]) -> &'static Encoding {
    let zeros = |at: usize| {
        let every_other = bytes.iter().skip(at).step_by(2);
        every_other.filter(|byte| **byte == 0).count()
    };
    if zeros(0) > zeros(1) {
        UTF_16BE
    } else {
        UTF_16LE
    }
}
