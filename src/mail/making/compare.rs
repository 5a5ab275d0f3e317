//! Compares what the text and the HTML of an alternative say. Never looks at layout, punctuation or
//! addresses.

use std::collections::BTreeSet;

/// So many characters of each are compared.
const MOST: usize = 200_000;

/// Fewer words than these say too little to differ.
const FEWEST: usize = 3;

/// With fewer words the HTML is but a little longer.
const FEWEST_MORE: usize = 8;

/// Whether one says something that the other does not.
pub(super) fn differ(text: &str, html: &str) -> bool {
    let (text, html) = (words(text), words(html));
    let n_both = text.intersection(&html).count();
    // The HTML often adds a footer, and the text the addresses of its links.
    let lacks = |own: &BTreeSet<String>, fewest: usize, percent: usize| {
        own.len() >= fewest && n_both * 100 < own.len() * percent
    };
    lacks(&text, FEWEST, 60) || (lacks(&html, FEWEST_MORE, 40) && !text.is_empty())
}

/// The words; of scripts without spaces the single characters.
fn words(text: &str) -> BTreeSet<String> {
    let short: String = text.chars().take(MOST).collect();
    let mut words = BTreeSet::new();
    for chunk in short.split_whitespace().filter(|chunk| !is_address(chunk)) {
        let mut word = String::new();
        for sign in chunk.chars().chain([' ']) {
            let is_wide = ('\u{2e80}'..='\u{ffdc}').contains(&sign) || sign >= '\u{2_0000}';
            if sign.is_alphanumeric() && !is_wide {
                word.extend(sign.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                words.insert(std::mem::take(&mut word));
            }
            if is_wide && sign.is_alphanumeric() {
                words.insert(sign.to_string());
            }
        }
    }
    words
}

fn is_address(chunk: &str) -> bool {
    chunk.contains("://") || chunk.contains("www.") || chunk.contains('@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_in_another_layout_do_not_differ() {
        assert!(!differ(
            "Hello, World! See https://a.test",
            "hello\n\nworld see"
        ));
        assert!(!differ(
            "\u{4f60}\u{597d}\u{ff0c}\u{4f1a}\u{8bae}",
            "\u{4f60}\u{597d}\n\u{4f1a}\u{8bae}"
        ));
        assert!(!differ("", "any number of words in the page"));
        assert!(!differ("ok", "all right then"));
    }

    #[test]
    fn other_words_differ() {
        assert!(differ(
            "See you at lunch tomorrow",
            "The list of all our customers"
        ));
        assert!(differ(
            "See you at lunch tomorrow",
            "See you at lunch tomorrow and here is everything else about our customers which nobody may read",
        ));
        assert!(differ(
            "see you at lunch, and the list of customers is ab cd ef gh ij",
            "see you at lunch"
        ));
    }
}
