//! The folded spelling in which texts are searched, and the grams by which they are looked up. Never
//! decides what matches: whatever the grams find is compared as text.
//!
//! A gram is three characters of a word in a row; the last two of a word are shorter. So any part of a
//! word is looked up alike: from three characters on by all grams that it holds, and one or two of them,
//! a whole word in Chinese or Japanese, by the grams that begin with them.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use super::signs::is_unseen;

/// Characters of a gram.
const LENGTH: usize = 3;

/// No folded text holds it, so that no word is taken for a mark.
const MARK: char = '\u{1}';

/// A text as it is searched: NFKC, lower case, one space for any white space between words, and
/// nothing that is not seen.
pub fn folded(text: &str) -> String {
    let seen = |text: &str| -> String {
        text.split_whitespace()
            .map(|word| word.chars().filter(|sign| !is_unseen(*sign)).collect())
            .filter(|word: &String| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    // Letter by letter: `str::to_lowercase` writes a Greek sigma at the end of a word in another way.
    let lower: String = seen(text).nfkc().flat_map(char::to_lowercase).collect();
    seen(&lower.nfkc().collect::<String>())
}

/// All grams of a folded text.
pub fn grams(folded: &str) -> BTreeSet<String> {
    let mut grams = BTreeSet::new();
    for word in folded.split_whitespace() {
        grams.extend(word.char_indices().filter_map(|(begin, _)| {
            let rest = word.get(begin..)?;
            Some(rest.chars().take(LENGTH).collect::<String>())
        }));
    }
    grams
}

/// What a text that holds something must have among its grams.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sought {
    /// This gram.
    Gram(String),
    /// Any gram that begins so.
    Begin(String),
}

/// The grams that a text must have to hold this one somewhere, also within its words.
pub fn sought(folded: &str) -> BTreeSet<Sought> {
    let mut sought = BTreeSet::new();
    for word in folded.split_whitespace() {
        let whole = |gram: &String| gram.chars().count() == LENGTH;
        let grams: Vec<String> = grams(word).into_iter().filter(whole).collect();
        if grams.is_empty() {
            sought.insert(Sought::Begin(word.to_owned()));
        } else {
            sought.extend(grams.into_iter().map(Sought::Gram));
        }
    }
    sought
}

/// What is looked up like a gram and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// There is a file.
    Attachment,
    /// There is HTML.
    Html,
    /// There is an image.
    Image,
    /// The structure is doubtful.
    Doubt,
    /// The power of two that the size reaches.
    Size(u64),
    /// The directory entry, or one above it.
    Entry(&'a str),
}

impl Mark<'_> {
    /// How it stands among the grams.
    pub fn as_gram(self) -> String {
        match self {
            Self::Attachment => format!("{MARK}attachment"),
            Self::Html => format!("{MARK}html"),
            Self::Image => format!("{MARK}image"),
            Self::Doubt => format!("{MARK}doubt"),
            Self::Size(bytes) => format!("{MARK}size {}", bytes.max(1).ilog2()),
            Self::Entry(name) => format!("{MARK}entry {:016x}", short(name)),
        }
    }

    /// The marks of all sizes from this one on.
    pub fn sizes_from(bytes: u64) -> impl Iterator<Item = String> {
        let first = bytes.max(1).ilog2();
        (first..u64::BITS).map(|power| Mark::Size(1 << power).as_gram())
    }
}

/// A name in 64 bits (FNV-1a): names are long, and each stands in every row. Two names that share it cost
/// time and nothing else, since names are compared as text afterwards.
fn short(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn spellings_of_one_text_are_folded_to_one() {
        assert_eq!(folded("Ｉｎｖｏｉｃｅ　№５"), "invoice no5");
        assert_eq!(folded("Cafe\u{301} \t CAFÉ"), "café café");
        assert_eq!(folded("ﾊﾝｺ"), "ハンコ");
        assert_eq!(folded("Σίσυφος ΣΊΣΥΦΟΣ"), "σίσυφος σίσυφοσ");
    }

    #[test]
    fn what_nobody_sees_hides_nothing() {
        assert_eq!(folded("in\u{200b}vo\u{ad}i\u{202e}ce"), "invoice");
        assert_eq!(folded("a\u{0}b\u{200b} \u{200b} c"), "ab c");
    }

    #[test]
    fn a_gram_begins_at_every_character_of_a_word() {
        assert_eq!(grams("abcd e"), set(&["abc", "bcd", "cd", "d", "e"]));
        assert_eq!(grams("契約書"), set(&["契約書", "約書", "書"]));
    }

    #[test]
    fn short_words_are_looked_up_by_how_grams_begin() {
        assert_eq!(
            sought("約"),
            BTreeSet::from([Sought::Begin("約".to_owned())])
        );
        assert_eq!(
            sought("契約 abcd"),
            BTreeSet::from([
                Sought::Gram("abc".to_owned()),
                Sought::Gram("bcd".to_owned()),
                Sought::Begin("契約".to_owned()),
            ])
        );
    }

    #[test]
    fn marks_are_no_words() {
        let marks = [
            Mark::Attachment,
            Mark::Html,
            Mark::Image,
            Mark::Doubt,
            Mark::Size(5),
            Mark::Entry("ou=a"),
        ];
        for mark in marks {
            let gram = mark.as_gram();
            assert!(!grams(&folded(&gram)).contains(&gram), "{gram:?}");
        }
    }

    #[test]
    fn a_size_is_among_the_sizes_from_any_smaller_one() {
        for (bytes, from) in [
            (5_000_000, 5_000_000),
            (u64::MAX, 0),
            (1, 0),
            (4_097, 4_096),
        ] {
            let mark = Mark::Size(bytes).as_gram();
            assert!(Mark::sizes_from(from).any(|size| size == mark), "{bytes}");
        }
        assert!(!Mark::sizes_from(4_096).any(|size| size == Mark::Size(4_095).as_gram()));
    }

    fn holds(grams: &BTreeSet<String>, sought: &Sought) -> bool {
        match sought {
            Sought::Gram(gram) => grams.contains(gram),
            Sought::Begin(begin) => grams.iter().any(|gram| gram.starts_with(begin)),
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(text in "\\PC*|.*") {
            let once = folded(&text);
            prop_assert_eq!(folded(&once), once);
        }

        #[test]
        fn every_part_of_a_text_is_found_by_its_grams(
            text in "[a-c契約ßŒ .@]{0,40}", begin in 0_usize..40, length in 1_usize..12
        ) {
            let text = folded(&text);
            let part: String = text.chars().skip(begin).take(length).collect();
            let grams = grams(&text);
            for sought in sought(&part) {
                prop_assert!(holds(&grams, &sought), "{:?} of {:?}", sought, text);
            }
        }
    }
}
