//! A second reading of the structure by another parser: where it sees other parts, a mail program may
//! too. Never the reading that is shown.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use mail_parser::{Encoding, Message, MessageParser, MimeHeaders, PartType};

/// A longer message is read once.
const LONGEST: usize = 8 * 1024 * 1024;

/// A leaf as a reading sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// Where its content lies, without line ends at its end.
    pub content: Range<usize>,
    /// The end of its file name.
    pub extension: Option<String>,
}

impl Seen {
    /// A leaf of a message.
    pub fn new(message: &[u8], content: Range<usize>, name: Option<&str>) -> Self {
        let bytes = message.get(content.clone()).unwrap_or_default();
        let length = bytes.trim_ascii_end().len();
        Self {
            content: content.start..content.start + length,
            extension: name.and_then(extension),
        }
    }
}

fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.trim().rsplit_once('.')?;
    let is_plain =
        !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| extension.to_ascii_lowercase())
}

/// What differs, in a few words; `None` if both readings agree.
pub(super) fn difference(message: &[u8], first: &[Seen]) -> Option<String> {
    if message.len() > LONGEST {
        return None;
    }
    let Ok(second) = catch_unwind(AssertUnwindSafe(|| read(message))) else {
        return Some("the second parser fails".to_owned());
    };
    let second = second?;
    if first.len() != second.len() {
        return Some(format!("{} parts, or {}", first.len(), second.len()));
    }
    let differs = |(first, second): &(&Seen, &Seen)| {
        let is_other_name = match (&first.extension, &second.extension) {
            (Some(first), Some(second)) => first != second,
            // The second parser loses names that are folded.
            (_, None) | (None, _) => false,
        };
        let is_empty = first.content.is_empty() && second.content.is_empty();
        is_other_name || (first.content != second.content && !is_empty)
    };
    let found = first.iter().zip(&second).position(|pair| differs(&pair))?;
    Some(format!("part {} of {}", found + 1, first.len()))
}

fn read(message: &[u8]) -> Option<Vec<Seen>> {
    let parsed = MessageParser::default().parse(message)?;
    Some(leaves(message, parsed))
}

/// Takes the message apart as it goes: messages within messages, a hundred thousand deep, must not be
/// walked or dropped one from within the other.
fn leaves(whole: &[u8], message: Message<'_>) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut open = vec![(message.parts.into_iter(), true)];
    while let Some((parts, is_told)) = open.last_mut() {
        let is_told = *is_told;
        let Some(part) = parts.next() else {
            open.pop();
            continue;
        };
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        let content = at(part.offset_body)..at(part.offset_end);
        let leaf = Seen::new(whole, content, part.attachment_name());
        let is_leaf = match part.body {
            PartType::Multipart(_) => false,
            PartType::Message(nested) => {
                // What lies in an encoded message has no place in this one.
                let is_plain = part.encoding == Encoding::None;
                open.push((nested.parts.into_iter(), is_told && is_plain));
                !is_plain
            }
            PartType::Text(_)
            | PartType::Html(_)
            | PartType::Binary(_)
            | PartType::InlineBinary(_) => true,
        };
        if is_told && is_leaf {
            seen.push(leaf);
        }
    }
    seen
}
