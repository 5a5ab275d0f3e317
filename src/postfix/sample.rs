//! Builds queue files for tests and the fuzzer, as Postfix lays them out. Never part of the program.

use super::record::kind;

/// The queue ID of every sample.
pub(super) const ID: &str = "4jWkMG56f7z1j";

/// The second in that ID.
pub(super) const SECOND: u64 = 1_795_246_090;

/// A queue file as it grows.
#[derive(Clone, Default)]
pub(super) struct Sample {
    pub bytes: Vec<u8>,
}

impl Sample {
    /// An envelope with one recipient, up to the start of the message.
    pub fn with_envelope() -> Self {
        Self::default()
            .record(
                kind::SIZE,
                b"            391             704               2               0",
            )
            .record(kind::TIME, b"1795246089 592294")
            .record(kind::ATTRIBUTE, format!("create_time={SECOND}").as_bytes())
            .record(kind::SENDER, b"anna@corp.test")
            .record(kind::ATTRIBUTE, b"client_address=192.0.2.7")
            .record(kind::ATTRIBUTE, b"dsn_orig_rcpt=rfc822;bob@out.test")
            .record(kind::ORIGINAL_RECIPIENT, b"bob@out.test")
            .record(kind::RECIPIENT, b"bob@out.test")
            .record(kind::MESSAGE, b"")
    }

    /// Postfix's own Received field.
    pub fn received(self) -> Self {
        self.line(b"Received: from client.test (localhost [127.0.0.1])")
            .line(format!("\tby mx.corp.test (Postfix) with ESMTP id {ID};").as_bytes())
            .line(b"\tSat, 21 Nov 2026 10:34:19 +0000 (UTC)")
    }

    /// A message with this content, each line one record.
    pub fn message(lines: &[&[u8]]) -> Self {
        lines
            .iter()
            .fold(Self::with_envelope().received(), |sample, line| {
                sample.line(line)
            })
            .end()
    }

    pub fn line(self, text: &[u8]) -> Self {
        self.record(kind::LINE, text)
    }

    pub fn pointer(self, target: usize) -> Self {
        self.record(kind::POINTER, format!("{target:15}").as_bytes())
    }

    /// The end of the message and of the file.
    pub fn end(self) -> Self {
        self.pointer(0)
            .record(kind::EXTRACTED, b"")
            .pointer(0)
            .record(kind::END, b"")
    }

    pub fn record(mut self, kind: u8, bytes: &[u8]) -> Self {
        self.bytes.push(kind);
        let mut length = bytes.len();
        while length > 0x7f {
            self.bytes.push(length.to_le_bytes()[0] | 0x80);
            length >>= 7;
        }
        self.bytes.push(length.to_le_bytes()[0]);
        self.bytes.extend_from_slice(bytes);
        self
    }
}
