//! What is kept of a content to compare it byte for byte with another: digests. Never the content.

use mailhold::mail::digest::ContentHasher;
use serde::{Deserialize, Serialize};

/// The digests of one content and its parts, in hexadecimal digits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imprint {
    /// Of all bytes, as a capture has it.
    pub whole: String,
    /// Of the header, without the empty line.
    pub header: String,
    /// Of the body.
    pub body: String,
    /// The length of all bytes.
    pub size_bytes: u64,
}

impl Imprint {
    /// Of a content with CRLF.
    pub fn of(content: &[u8]) -> Self {
        let gap = content.windows(4).position(|four| four == b"\r\n\r\n");
        let at = gap.map_or(content.len(), |at| at + 2);
        let (header, rest) = content.split_at(at);
        Self {
            whole: digest(content),
            header: digest(header),
            body: digest(rest.get(2..).unwrap_or_default()),
            size_bytes: content.len() as u64,
        }
    }

    /// Which parts differ from another's, for a reader; empty where none does.
    pub fn difference(&self, other: &Self) -> String {
        let parts = [
            (self.header != other.header, "header"),
            (self.body != other.body, "body"),
            (self.size_bytes != other.size_bytes, "length"),
            (self.whole != other.whole, "whole"),
        ];
        let named = parts.into_iter().filter(|(differs, _)| *differs);
        named.map(|(_, name)| name).collect::<Vec<_>>().join(", ")
    }
}

fn digest(bytes: &[u8]) -> String {
    let mut hasher = ContentHasher::new();
    hasher.update(bytes);
    hasher.finish().to_string()
}
