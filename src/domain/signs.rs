//! Signs that a reader does not see, or that change how others are read. What is shown of a mail
//! names them in place of obeying them.

/// A sign that is not seen, by its short name; `None` for all that are.
///
/// Names after the Unicode Character Database; what has no usual abbreviation is shown by its number.
pub fn hidden(sign: char) -> Option<String> {
    let name = match sign {
        '\u{ad}' => "SHY",
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

/// Control characters (but line ends and tabs), and the other blocks of format characters.
fn is_unseen(sign: char) -> bool {
    let is_control = sign.is_control() && !matches!(sign, '\n' | '\t');
    is_control
        || matches!(sign,
            '\u{2028}' | '\u{2029}' | '\u{2061}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a sign joins emoji, where it is no trick: between two signs that are no letters.
pub fn is_joined_picture(before: Option<char>, after: Option<char>) -> bool {
    let is_picture = |sign: char| matches!(sign, '\u{2600}'..='\u{27bf}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
    before.is_some_and(is_picture) && after.is_some_and(is_picture)
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
    cut(text, |_| None, |_, _, _| false)
}

/// The pieces of a text to be read. What orthography asks for stays unnamed, and one name stands for a
/// run of signs and blanks, as mails have them to fill a line.
pub fn prose(text: &str) -> Vec<Piece> {
    cut(text, run, is_spelling)
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
    text.chars()
        .filter(|sign| hidden(*sign).is_none())
        .collect()
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
    is_spelling: fn(Option<char>, char, Option<char>) -> bool,
) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut before = None;
    let mut left = text.chars();
    loop {
        if let Some(run) = run(left.as_str()) {
            pieces.push(run.name());
            if run.ends_a_word() {
                push(&mut pieces, ' ');
            }
            before = None;
            left = run.behind.chars();
        }
        let Some(sign) = left.next() else {
            return pieces;
        };
        let after = left.clone().next();
        let is_left = is_joined_picture(before, after) || is_spelling(before, sign, after);
        match hidden(sign).filter(|_| !is_left) {
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

/// Signs without width that do not turn direction.
fn is_filler(sign: char) -> bool {
    matches!(
        sign,
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}'
    )
}

/// Blanks within a line, and the combining mark that mails write between them.
fn is_blank(sign: char) -> bool {
    let is_space = sign.is_whitespace() && sign != '\n' && hidden(sign).is_none();
    is_space || sign == '\u{34f}'
}

/// Whether a sign is of the orthography: a soft hyphen within a word, and what joins or parts letters
/// within a word where letters are joined.
fn is_spelling(before: Option<char>, sign: char, after: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else {
        return false;
    };
    match sign {
        '\u{ad}' => before.is_alphabetic() && after.is_alphabetic(),
        '\u{200c}' | '\u{200d}' => is_joining(before) && is_joining(after),
        _ => false,
    }
}

/// Letters and vowel signs of Arabic and Indic scripts.
fn is_joining(sign: char) -> bool {
    let is_of_script = matches!(sign, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{dff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    is_of_script && hidden(sign).is_none() && !sign.is_numeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_direction_is_named() {
        assert_eq!(hidden('\u{202e}').as_deref(), Some("RLO"));
        assert_eq!(hidden('\u{200b}').as_deref(), Some("ZWSP"));
        assert_eq!(hidden('\u{1b}').as_deref(), Some("U+001B"));
        assert_eq!(hidden('\u{e0041}').as_deref(), Some("U+E0041"));
    }

    #[test]
    fn what_is_seen_is_left_alone() {
        for sign in [
            'a',
            ' ',
            '\n',
            '\t',
            '\u{e9}',
            '\u{5c71}',
            '\u{0301}',
            '\u{1f600}',
        ] {
            assert_eq!(hidden(sign), None, "{sign:?}");
        }
    }

    #[test]
    fn in_brackets_stands_what_is_not_seen_and_nothing_else() {
        let text = "pay\u{202e}fdp\u{200b} \u{5c71} \u{1f468}\u{200d}\u{1f469}\u{200d}";
        let shown = "pay[RLO]fdp[ZWSP] \u{5c71} \u{1f468}\u{200d}\u{1f469}[ZWJ]";
        assert_eq!(in_brackets(text), shown);
    }

    #[test]
    fn a_family_is_one_picture() {
        assert!(is_joined_picture(Some('\u{1f468}'), Some('\u{1f469}')));
        assert!(!is_joined_picture(Some('a'), Some('b')));
    }

    #[test]
    fn a_run_of_signs_that_fill_a_line_has_one_name() {
        for (text, shown) in [
            (
                "\u{200c}\u{a0}".repeat(150) + "News",
                "[ZWNJ \u{d7}150]\u{a0}News",
            ),
            ("\u{ad}".repeat(200), "[SHY \u{d7}200]"),
            (
                "\u{34f}\u{200c} \u{ad} ".repeat(9),
                "\u{34f}[ZWNJ, SHY \u{d7}18] ",
            ),
            ("a\u{200b} \u{200b}b".to_owned(), "a[ZWSP \u{d7}2] b"),
            ("a\u{200b}\n\u{200b}b".to_owned(), "a[ZWSP]\n[ZWSP]b"),
            ("a\u{200b}b\u{200b}c".to_owned(), "a[ZWSP]b[ZWSP]c"),
            (
                "\u{200c}\u{202e}\u{200c}\u{202e}".to_owned(),
                "[ZWNJ][RLO][ZWNJ][RLO]",
            ),
            ("\u{200b} \r\u{200b}".to_owned(), "[ZWSP] [U+000D][ZWSP]"),
            (" a".to_owned(), " a"),
        ] {
            assert_eq!(prose_in_brackets(&text), shown);
        }
        // A name has each of them.
        assert_eq!(in_brackets("\u{200b}\u{200b}"), "[ZWSP][ZWSP]");
    }

    #[test]
    fn what_spelling_asks_for_is_no_trick_in_a_text_to_be_read() {
        for text in [
            "Donau\u{ad}dampf\u{ad}schiff",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}",
            "\u{1f468}\u{200d}\u{1f469}",
        ] {
            assert_eq!(prose_in_brackets(text), text);
            assert_eq!(in_brackets(text) == text, text.starts_with('\u{1f468}'));
        }
        for (text, shown) in [
            ("ba\u{200c}nk", "ba[ZWNJ]nk"),
            ("\u{645}\u{200c} a", "\u{645}[ZWNJ] a"),
            ("5\u{ad}000", "5[SHY]000"),
            (
                "\u{645}\u{202e}\u{645}\u{61c}\u{645}",
                "\u{645}[RLO]\u{645}[ALM]\u{645}",
            ),
        ] {
            assert_eq!(prose_in_brackets(text), shown);
        }
    }

    #[test]
    fn what_is_seen_of_a_text_has_no_hidden_sign() {
        assert_eq!(seen("ba\u{ad}nk\u{200b}.test\u{202e}"), "bank.test");
    }
}
