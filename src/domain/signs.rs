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

/// A text with every sign that is not seen by its name in brackets, for what is shown without marks of
/// our own.
pub fn in_brackets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let after = signs.peek().copied();
        match hidden(sign).filter(|_| !is_joined_picture(before, after)) {
            Some(name) => shown.push_str(&format!("[{name}]")),
            None => shown.push(sign),
        }
        before = Some(sign);
    }
    shown
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
}
