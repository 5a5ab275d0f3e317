//! Makes text out of a mail harmless for a terminal, and measures what it takes there.

/// A terminal obeys control characters: those of a mail are shown, not sent. Right-to-left marks
/// and the like can make a name look like another one.
pub fn plain(text: &str) -> String {
    let seen = |sign: char| match sign {
        '\t' => ' ',
        sign if is_harmful(sign) => '\u{fffd}',
        sign => sign,
    };
    text.chars().map(seen).collect()
}

/// The text, harmless and no wider than `width` columns; an ellipsis tells of a cut.
pub fn cut(text: &str, width: usize) -> String {
    let text = plain(text);
    if columns(&text) <= width {
        return text;
    }
    let mut left = width.saturating_sub(1);
    let fits = |sign: &char| {
        let enough = columns_of(*sign) <= left;
        left = left.saturating_sub(columns_of(*sign));
        enough
    };
    text.chars().take_while(fits).chain(['\u{2026}']).collect()
}

/// The columns that a text takes on a terminal: East Asian letters take two, accents none.
pub fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

fn is_harmful(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The blocks of Unicode Standard Annex 11 that are wide, and the common marks that stand on the
/// letter before them. A block counts as a whole: a table may be out of line, never out of order.
fn columns_of(sign: char) -> usize {
    match sign {
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{591}'..='\u{5bd}'
        | '\u{64b}'..='\u{65f}'
        | '\u{e31}'
        | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{3099}'..='\u{309a}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{1fa70}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_cannot_steer_the_terminal() {
        assert_eq!(
            plain("a\x1b[31mb\u{202e}c\0\u{9b}d\te"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}\u{fffd}d e"
        );
    }

    #[test]
    fn wide_letters_take_two_columns_and_accents_none() {
        assert_eq!(columns("abc"), 3);
        assert_eq!(columns("お見積り"), 8);
        assert_eq!(columns("한국어"), 6);
        assert_eq!(columns("e\u{301}"), 1);
    }

    #[test]
    fn a_cut_text_is_never_wider_than_its_column() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde\u{2026}");
        assert_eq!(cut("お見積り", 6), "お見\u{2026}");
        assert_eq!(cut("お見積り", 7), "お見積\u{2026}");
        assert_eq!(cut("お見積り", 1), "\u{2026}");
    }
}
