//! Signs that a reader does not see, or that change how others are read. What is shown of a mail
//! names them in place of obeying them.

mod beside;

#[cfg(test)]
mod tests;

use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

use self::beside::{JOINER, Unseen};

/// A sign that is not seen, by its short name; `None` for all that are.
///
/// Names after the Unicode Character Database; what has no usual abbreviation is shown by its number.
fn hidden(sign: char) -> Option<String> {
    let name = match sign {
        '\u{ad}' => "SHY",
        '\u{34f}' => "CGJ",
        '\u{61c}' => "ALM",
        '\u{180e}' => "MVS",
        '\u{200b}' => "ZWSP",
        '\u{200c}' => "ZWNJ",
        '\u{200d}' => "ZWJ",
        '\u{200e}' => "LRM",
        '\u{200f}' => "RLM",
        '\u{202a}' => "LRE",
        '\u{202b}' => "RLE",
        '\u{202c}' => "PDF",
        '\u{202d}' => "LRO",
        '\u{202e}' => "RLO",
        '\u{2060}' => "WJ",
        '\u{2066}' => "LRI",
        '\u{2067}' => "RLI",
        '\u{2068}' => "FSI",
        '\u{2069}' => "PDI",
        '\u{feff}' => "BOM",
        '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}' => "HF",
        _ if is_unseen(sign) => return Some(format!("U+{:04X}", u32::from(sign))),
        _ => return None,
    };
    Some(name.to_owned())
}

/// Whether a sign is not seen: control characters (but line ends and tabs), what Unicode has programs
/// leave out of sight (`Default_Ignorable_Code_Point`), its annotations, and a Braille pattern of no dot.
pub fn is_unseen(sign: char) -> bool {
    let is_control = sign.is_control() && !matches!(sign, '\n' | '\t');
    is_control
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(sign)
        || matches!(
            sign,
            '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffb}'
        )
}

/// A piece of a text as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// The name of a sign, or of a run of them.
    Name {
        /// Its short name.
        name: String,
        /// The signs that it is of, each once.
        signs: Vec<char>,
    },
}

/// The pieces of a name, an address or the like: every sign that is not seen is named, but in pictures.
pub fn pieces(text: &str) -> Vec<Piece> {
    cut(text, |_| None, |_| false)
}

/// The pieces of a text to be read. What orthography asks for stays unnamed, and one name stands for a
/// run of signs and blanks, as mails have them to fill a line.
pub fn prose(text: &str) -> Vec<Piece> {
    cut(text, run, Unseen::is_spelling)
}

/// A text with every sign that is not seen by its name in brackets, for what is shown without marks of
/// our own.
pub fn in_brackets(text: &str) -> String {
    joined(pieces(text))
}

/// The same of a text to be read.
pub fn prose_in_brackets(text: &str) -> String {
    joined(prose(text))
}

/// What is seen of a text.
pub fn seen(text: &str) -> String {
    text.chars().filter(|sign| !is_unseen(*sign)).collect()
}

fn joined(pieces: Vec<Piece>) -> String {
    let written = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Name { name, .. } => format!("[{name}]"),
    };
    pieces.into_iter().map(written).collect()
}

fn cut(
    text: &str,
    run: fn(&str) -> Option<Run<'_>>,
    is_spelling: fn(Unseen) -> bool,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut before, mut base) = (None, None);
    let mut left = text.chars();
    loop {
        if let Some(run) = run(left.as_str()) {
            pieces.push(run.name());
            if run.ends_a_word() {
                push(&mut pieces, ' ');
            }
            (before, base) = (None, None);
            left = run.behind.chars();
        }
        let Some(sign) = left.next() else {
            return pieces;
        };
        let unseen = Unseen {
            sign,
            before,
            base,
            after: left.clone().next(),
        };
        let is_left = unseen.is_of_picture() || is_spelling(unseen);
        let name = hidden(sign);
        base = match name {
            Some(_) => base.filter(|_| is_left && sign != JOINER),
            None => Some(sign),
        };
        match name.filter(|_| !is_left) {
            Some(name) => pieces.push(Piece::Name {
                name,
                signs: vec![sign],
            }),
            None => push(&mut pieces, sign),
        }
        before = Some(sign);
    }
}

fn push(pieces: &mut Vec<Piece>, sign: char) {
    match pieces.last_mut() {
        Some(Piece::Text(text)) => text.push(sign),
        _ => pieces.push(Piece::Text(sign.to_string())),
    }
}

/// Signs that fill a line, one after the other or with blanks between them.
struct Run<'t> {
    signs: Vec<char>,
    n: usize,
    /// Whether there are blanks within.
    has_blank: bool,
    behind: &'t str,
}

/// The run that a text begins with, of two signs at least.
fn run(text: &str) -> Option<Run<'_>> {
    let mut run = Run {
        signs: Vec::new(),
        n: 0,
        has_blank: false,
        behind: text,
    };
    let mut left = text.chars();
    let mut is_blank_before = false;
    while let Some(sign) = left.next() {
        if is_filler(sign) {
            run.n += 1;
            run.has_blank |= is_blank_before;
            is_blank_before = false;
            run.behind = left.as_str();
            if !run.signs.contains(&sign) {
                run.signs.push(sign);
            }
        } else if run.n > 0 && is_blank(sign) {
            is_blank_before = true;
        } else {
            break;
        }
    }
    (run.n > 1).then_some(run)
}

impl Run<'_> {
    fn name(&self) -> Piece {
        let names: Vec<String> = self.signs.iter().filter_map(|sign| hidden(*sign)).collect();
        Piece::Name {
            name: format!("{} \u{d7}{}", names.join(", "), self.n),
            signs: self.signs.clone(),
        }
    }

    /// Whether a blank within is the only one before the next word.
    fn ends_a_word(&self) -> bool {
        self.has_blank
            && self
                .behind
                .starts_with(|sign| !is_blank(sign) && sign != '\n')
    }
}

/// Signs that show nothing and do not turn direction.
fn is_filler(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{2800}' | '\u{feff}'
    )
}

/// Blanks within a line.
fn is_blank(sign: char) -> bool {
    sign.is_whitespace() && sign != '\n' && !is_unseen(sign)
}
