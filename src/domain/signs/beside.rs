//! What a sign that is not seen does beside others: of a picture or of a word it is no trick.

use icu_properties::{
    CodePointSetData,
    props::{ExtendedPictographic, UnifiedIdeograph},
};

use super::is_unseen;

/// Joins pictures to one, and letters (zero width joiner).
pub(super) const JOINER: char = '\u{200d}';

fn is_picture(sign: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(sign)
        || matches!(sign, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_han(sign: char) -> bool {
    CodePointSetData::new::<UnifiedIdeograph>().contains(sign)
}

/// A sign that is not seen, and what stands beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unseen {
    pub sign: char,
    pub before: Option<char>,
    /// The one before that is seen, where no more than its shape is chosen between.
    pub base: Option<char>,
    pub after: Option<char>,
}

impl Unseen {
    /// Whether it is of a picture: what chooses its shape, or joins it with the next one.
    pub fn is_of_picture(self) -> bool {
        match self.sign {
            JOINER => self.base.is_some_and(is_picture) && self.after.is_some_and(is_picture),
            '\u{fe0e}' | '\u{fe0f}' => {
                self.before.is_some_and(is_picture)
                    || self.after == Some('\u{20e3}') && self.before.is_some_and(is_on_key)
            }
            _ => false,
        }
    }

    /// Whether it is of the orthography: a soft hyphen within a word, what joins or parts letters within
    /// a word where letters are joined, and what chooses the shape of a letter.
    pub fn is_spelling(self) -> bool {
        let is_before = |is_letter: fn(char) -> bool| self.before.is_some_and(is_letter);
        let is_after = |is_letter: fn(char) -> bool| self.after.is_some_and(is_letter);
        match self.sign {
            '\u{ad}' => is_before(char::is_alphabetic) && is_after(char::is_alphabetic),
            '\u{200c}' | JOINER => is_before(is_joining) && is_after(is_joining),
            '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => is_before(is_han),
            '\u{180b}'..='\u{180d}' | '\u{180f}' => is_before(is_mongolian),
            _ => false,
        }
    }
}

/// Signs that have a key as their picture (Unicode Technical Standard 51, `emoji_keycap_sequence`).
fn is_on_key(sign: char) -> bool {
    sign.is_ascii_digit() || matches!(sign, '#' | '*')
}

fn is_mongolian(sign: char) -> bool {
    matches!(sign, '\u{1820}'..='\u{18aa}')
}

/// Letters and vowel signs of Arabic and Indic scripts.
fn is_joining(sign: char) -> bool {
    let is_of_script = matches!(sign, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{dff}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
    is_of_script && !is_unseen(sign) && !sign.is_numeric()
}
