//! Spells a message out as bytes and hashes them; the milter and the queue file must agree here.

use sha2::{Digest, Sha256};

use crate::domain::capture::ContentDigest;

/// Appends one header field as the content spells it: `name ":" value CRLF`.
///
/// `value` is what a milter gets with `LEADING_SPACE` negotiated: everything after the colon, its
/// folds as a bare LF (`milter8_header` in Postfix's `src/milter/milter8.c`). Each LF becomes CRLF,
/// also one that follows a CR: a queue file can hold lines that end in a stray CR, and both sides
/// must spell these alike.
pub fn render_header(name: &[u8], value: &[u8], content: &mut Vec<u8>) {
    content.reserve(name.len() + value.len() + 8);
    content.extend_from_slice(name);
    content.push(b':');
    for (n, line) in value.split(|byte| *byte == b'\n').enumerate() {
        if n > 0 {
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(line);
    }
    content.extend_from_slice(b"\r\n");
}

/// Hashes the content of one message: header fields, one CRLF always, body.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(Sha256);

impl ContentHasher {
    /// Starts a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the content, cut anywhere.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes taken.
    pub fn finish(self) -> ContentDigest {
        ContentDigest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(value: &str) -> String {
        let mut content = Vec::new();
        render_header(b"Subject", value.as_bytes(), &mut content);
        String::from_utf8(content).unwrap()
    }

    #[test]
    fn a_header_field_keeps_its_leading_space() {
        assert_eq!(rendered(" hello"), "Subject: hello\r\n");
        assert_eq!(rendered("hello"), "Subject:hello\r\n");
        assert_eq!(rendered(""), "Subject:\r\n");
    }

    #[test]
    fn folds_become_lines() {
        assert_eq!(rendered(" a\n\tb\n c"), "Subject: a\r\n\tb\r\n c\r\n");
    }

    #[test]
    fn a_stray_carriage_return_before_a_fold_is_kept() {
        assert_eq!(rendered(" a\r\n b"), "Subject: a\r\r\n b\r\n");
    }

    #[test]
    fn the_digest_does_not_depend_on_the_chunks() {
        let mut whole = ContentHasher::new();
        whole.update(b"Subject: x\r\n\r\nbody\r\n");
        let mut parts = ContentHasher::new();
        parts.update(b"Subject: x\r");
        parts.update(b"");
        parts.update(b"\n\r\nbody\r\n");
        assert_eq!(whole.finish(), parts.finish());
    }

    #[test]
    fn the_digest_is_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(ContentHasher::new().finish().to_string(), empty);
    }
}
