//! Reads the records of a Postfix queue file within bounds. Never writes, never trusts a length.
//!
//! A record is one type byte, its length in groups of seven bits (low group first, the high bit
//! says that there is more), and that many bytes (`rec_put` in Postfix's `src/global/record.c`).
//! A pointer record sends the reader to another place in the file: milters' edits are appended to
//! the file and the old places point there.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// The longest record taken. Postfix cuts text at `line_length_limit` (2048 unless set).
const RECORD_LIMIT_BYTES: u64 = 1_024 * 1_024;

/// Pointers followed in one file. Postfix itself stops after 10,000 jumps backwards.
const JUMP_LIMIT: u32 = 100_000;

/// The types of records that matter here (`src/global/rec_type.h`).
pub(super) mod kind {
    pub const ATTRIBUTE: u8 = b'A';
    pub const SIZE: u8 = b'C';
    pub const DELIVERED: u8 = b'D';
    pub const END: u8 = b'E';
    pub const PARTIAL_LINE: u8 = b'L';
    pub const MESSAGE: u8 = b'M';
    pub const LINE: u8 = b'N';
    pub const ORIGINAL_RECIPIENT: u8 = b'O';
    pub const RECIPIENT: u8 = b'R';
    pub const REDIRECT: u8 = b'>';
    pub const SENDER: u8 = b'S';
    pub const TIME: u8 = b'T';
    pub const EXTRACTED: u8 = b'X';
    pub const CANCELLED_RECIPIENT: u8 = b'/';
    pub const POINTER: u8 = b'p';
    pub const PADDING: u8 = b'w';
}

/// Why a queue file cannot be understood.
#[derive(Debug, thiserror::Error)]
pub enum QueueFileError {
    /// The disk or the file system failed.
    #[error("cannot read the queue file")]
    Read(#[source] io::Error),
    /// The bytes are no queue file, or only a part of one.
    #[error("no complete queue file: {fault} before offset {offset}")]
    Malformed {
        /// Where the reader stood, in bytes.
        offset: u64,
        /// What is wrong there.
        fault: &'static str,
    },
    /// The file holds more than this reader keeps in memory.
    #[error("the queue file has too many or too long {what}")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
    },
}

impl QueueFileError {
    /// Whether the same file may be readable later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Read(_) => true,
            Self::Malformed { .. } | Self::TooMuch { .. } => false,
        }
    }
}

/// One record; its bytes are valid until the next one is read.
pub(super) struct Record<'a> {
    pub kind: u8,
    pub bytes: &'a [u8],
}

/// Reads records in the order that Postfix reads them: pointers followed, padding left out.
pub(super) struct RecordReader<R> {
    input: BufReader<R>,
    offset: u64,
    file_size: u64,
    /// Bytes that may still be read. No byte of a sound file is read twice, so this ends any loop.
    budget: u64,
    jumps: u32,
    bytes: Vec<u8>,
}

impl<R: Read + Seek> RecordReader<R> {
    /// Starts at the beginning of a queue file.
    pub fn new(mut file: R) -> Result<Self, QueueFileError> {
        let file_size = file.seek(SeekFrom::End(0)).map_err(QueueFileError::Read)?;
        file.rewind().map_err(QueueFileError::Read)?;
        Ok(Self {
            input: BufReader::with_capacity(64 * 1_024, file),
            offset: 0,
            file_size,
            budget: file_size,
            jumps: 0,
            bytes: Vec::new(),
        })
    }

    /// Reads the next record.
    pub fn next_record(&mut self) -> Result<Record<'_>, QueueFileError> {
        loop {
            let kind = self.read_byte()?;
            let length = self.read_length()?;
            self.read_content(length)?;
            match kind {
                kind::POINTER => self.follow()?,
                kind::PADDING => {}
                other => {
                    return Ok(Record {
                        kind: other,
                        bytes: &self.bytes,
                    });
                }
            }
        }
    }

    /// An error about the place where the reader stands.
    pub fn malformed(&self, fault: &'static str) -> QueueFileError {
        QueueFileError::Malformed {
            offset: self.offset,
            fault,
        }
    }

    fn read_byte(&mut self) -> Result<u8, QueueFileError> {
        let next = self.input.fill_buf().map_err(QueueFileError::Read)?;
        let Some(byte) = next.first().copied() else {
            return Err(self.malformed("it ends early"));
        };
        self.spend(1)?;
        self.input.consume(1);
        Ok(byte)
    }

    fn read_length(&mut self) -> Result<u64, QueueFileError> {
        let mut length = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.read_byte()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(self.malformed("a record's length has no end"))
    }

    fn read_content(&mut self, length: u64) -> Result<(), QueueFileError> {
        if length > RECORD_LIMIT_BYTES {
            return Err(QueueFileError::TooMuch { what: "records" });
        }
        self.spend(length)?;
        self.bytes.clear();
        let n_read = (&mut self.input)
            .take(length)
            .read_to_end(&mut self.bytes)
            .map_err(QueueFileError::Read)?;
        if u64::try_from(n_read) != Ok(length) {
            return Err(self.malformed("it ends within a record"));
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64) -> Result<(), QueueFileError> {
        let Some(left) = self.budget.checked_sub(bytes) else {
            return Err(self.malformed("its pointers run in a circle, or it ends early"));
        };
        self.budget = left;
        self.offset = self.offset.saturating_add(bytes);
        Ok(())
    }

    /// Goes where a pointer record points; 0 is the place-holder for a later pointer (`rec_goto`).
    fn follow(&mut self) -> Result<(), QueueFileError> {
        let target = std::str::from_utf8(self.bytes.trim_ascii())
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let Some(target) = target.filter(|target| *target <= self.file_size) else {
            return Err(self.malformed("a pointer points nowhere"));
        };
        if target == 0 {
            return Ok(());
        }
        self.jumps += 1;
        if self.jumps > JUMP_LIMIT {
            return Err(QueueFileError::TooMuch { what: "pointers" });
        }
        let distance = i64::try_from(i128::from(target) - i128::from(self.offset))
            .map_err(|_| self.malformed("a pointer points nowhere"))?;
        self.input
            .seek_relative(distance)
            .map_err(QueueFileError::Read)?;
        self.offset = target;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::postfix::{
        queue_file::QueueFile,
        sample::{ID, Sample},
    };

    fn read(sample: &Sample) -> Result<QueueFile, QueueFileError> {
        QueueFile::read(Cursor::new(&sample.bytes), &ID.parse().unwrap(), 60_000)
    }

    #[test]
    fn pointers_in_a_circle_end() {
        let start = Sample::with_envelope();
        let circle = start.bytes.len();
        let fault = read(&start.line(b"X: 1").pointer(circle).end()).unwrap_err();
        assert!(!fault.is_transient(), "{fault}");
    }

    #[test]
    fn pointers_to_nowhere_are_an_error() {
        for target in [1, 999_999, usize::MAX] {
            let sample = Sample::with_envelope().pointer(target).end();
            assert!(read(&sample).is_err(), "{target}");
        }
        for text in ["", "-5", "x", "99999999999999999999999"] {
            let sample = Sample::with_envelope().record(kind::POINTER, text.as_bytes());
            assert!(read(&sample.end()).is_err(), "{text}");
        }
    }

    #[test]
    fn every_part_of_a_file_is_no_file() {
        let whole = Sample::message(&[b"Subject: a", b"", b"body"]);
        for length in 0..whole.bytes.len() {
            let bytes = whole.bytes[..length].to_vec();
            assert!(read(&Sample { bytes }).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_record_longer_than_memory_is_an_error() {
        let bytes = b"N\xff\xff\xff\xff\x0f".to_vec();
        assert!(read(&Sample { bytes }).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let outcome = read(&Sample { bytes });
            prop_assert!(outcome.is_err());
        }

        #[test]
        fn any_change_to_a_file_is_read_without_harm(
            changes in prop::collection::vec((0..800_usize, any::<u8>()), 1..20),
        ) {
            let mut sample = Sample::message(&[b"Subject: a", b"X: y", b"", b"body"]);
            let length = sample.bytes.len();
            for (at, byte) in changes {
                sample.bytes[at % length] = byte;
            }
            // The answer is open; that there is one is the point.
            drop(read(&sample));
        }
    }
}
