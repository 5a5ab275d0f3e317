//! What the parts of a message say as a whole: first words, language, and whether two forms of a text
//! agree. Never looks at bytes.

use super::{compare, number, tree::Tree};
use crate::mail::{
    charset,
    outline::{Body, DoubtKind, Part, Text},
};

/// So many characters for a list.
const LONGEST_SNIPPET: usize = 200;

/// The texts to be read, with the numbers of their parts.
fn texts(parts: &[Part]) -> impl Iterator<Item = (usize, &Text)> {
    parts
        .iter()
        .enumerate()
        .filter_map(|(at, part)| match &part.body {
            Body::Text { text } | Body::Html { text, .. } => Some((at, text)),
            Body::Multipart | Body::Message { .. } | Body::File { .. } => None,
        })
}

/// The first words of the first text that has any, on one line.
pub(super) fn snippet(parts: &[Part]) -> String {
    let mut snippet = String::new();
    let first = texts(parts).find(|(_, text)| text.text.contains(char::is_alphanumeric));
    let text = first.map_or("", |(_, text)| text.text.as_str());
    let blank = |sign: char| if sign.is_control() { ' ' } else { sign };
    for word in text.split_whitespace().take(LONGEST_SNIPPET) {
        if !snippet.is_empty() {
            snippet.push(' ');
        }
        snippet.extend(word.chars().take(LONGEST_SNIPPET).map(blank));
        if snippet.chars().count() >= LONGEST_SNIPPET {
            break;
        }
    }
    snippet.chars().take(LONGEST_SNIPPET).collect()
}

/// The language of the first text that tells one, else of the subject.
pub(super) fn language(parts: &[Part], subject: Option<&str>) -> Option<String> {
    let of_text = texts(parts).find_map(|(_, text)| text.language.clone());
    let of_subject = || subject.and_then(charset::language_of).map(str::to_owned);
    of_text.or_else(of_subject)
}

/// Notes alternatives whose text and HTML say different things.
pub(super) fn compare_alternatives(tree: &mut Tree) {
    let mut differing = Vec::new();
    for (page_at, page) in tree.parts.iter().enumerate() {
        let Body::Html { text: page, .. } = &page.body else {
            continue;
        };
        let Some(alternative) = alternative_of(&tree.parts, page_at) else {
            continue;
        };
        let others = tree
            .parts
            .iter()
            .enumerate()
            .filter_map(|(at, part)| match &part.body {
                Body::Text { text } if part.media_type == "text/plain" => {
                    (alternative_of(&tree.parts, at) == Some(alternative)).then_some(text)
                }
                Body::Text { .. }
                | Body::Html { .. }
                | Body::Multipart
                | Body::Message { .. }
                | Body::File { .. } => None,
            });
        let is_whole = |text: &&Text| !text.is_cut && !page.is_cut;
        if others
            .filter(is_whole)
            .any(|text| compare::differ(&text.text, &page.text))
        {
            differing.push(page_at);
        }
    }
    for at in differing {
        tree.doubt(DoubtKind::TextDiffersFromHtml, number(at), "");
    }
}

/// The alternative that a part belongs to, with no message between.
fn alternative_of(parts: &[Part], part: usize) -> Option<u32> {
    let mut parent = parts.get(part)?.parent;
    while let Some(at) = parent {
        let part = parts.get(usize::try_from(at).ok()?)?;
        match (&part.body, part.media_type.as_str()) {
            (Body::Multipart, "multipart/alternative") => return Some(at),
            (Body::Multipart, _) => parent = part.parent,
            (
                Body::Message { .. } | Body::Text { .. } | Body::Html { .. } | Body::File { .. },
                _,
            ) => {
                return None;
            }
        }
    }
    None
}
