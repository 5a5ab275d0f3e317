//! Captures on their way to the recorder, from memory or read back. Never removes one.

use std::{fs::File, io, path::PathBuf, sync::Arc};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{draft::off_thread, error::SpoolError, frame::Source, layout, load};
use crate::domain::capture::Capture;

/// How much of a header section is handed over at once.
pub(super) const HEADER_BYTES: usize = 256 * 1_024;
/// The largest chunk of a content.
const CHUNK_BYTES: usize = 1_024 * 1_024;

/// A capture that waits to be recorded.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its facts.
    pub capture: Arc<Capture>,
    /// The header fields, each with its CRLF, without the blank line; at most 256 KiB. The rest of a
    /// longer section is read with the content.
    pub header: Bytes,
    /// The content: header, blank line and body.
    pub content: Content,
}

/// A content that can be read any number of times. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Content {
    capture: Arc<Capture>,
    place: ContentPlace,
}

#[derive(Clone, Debug)]
enum ContentPlace {
    Memory(Bytes),
    File(PathBuf),
}

impl Waiting {
    /// Whether the header may go on behind what is handed over at once.
    pub fn is_header_cut(&self) -> bool {
        self.header.len() >= HEADER_BYTES
    }

    pub(super) fn in_memory(capture: Arc<Capture>, content: Bytes) -> Self {
        Self {
            header: header_section(&content),
            content: Content {
                capture: Arc::clone(&capture),
                place: ContentPlace::Memory(content),
            },
            capture,
        }
    }

    /// `beginning` is as much of the content as may hold the header section.
    pub(super) fn in_file(capture: Arc<Capture>, path: PathBuf, beginning: &Bytes) -> Self {
        Self {
            header: header_section(beginning),
            content: Content {
                capture: Arc::clone(&capture),
                place: ContentPlace::File(path),
            },
            capture,
        }
    }
}

impl Content {
    /// Reads it from the beginning.
    pub fn chunks(&self) -> Chunks {
        Chunks {
            rest: match &self.place {
                ContentPlace::Memory(content) => Rest::Memory(content.clone()),
                ContentPlace::File(path) => Rest::File(Box::new(LargeReader {
                    capture: Arc::clone(&self.capture),
                    path: path.clone(),
                    file: None,
                    at: 0,
                    hasher: Sha256::new(),
                })),
            },
        }
    }
}

/// A content in chunks of at most 1 MiB.
#[derive(Debug)]
pub struct Chunks {
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Memory(Bytes),
    File(Box<LargeReader>),
    /// A read was cancelled or failed.
    Lost,
}

impl Chunks {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// The last chunk of a large content is an error if the whole does not have the digest of the
    /// capture: the file was damaged. Such a capture is to be set aside.
    pub async fn next(&mut self) -> Result<Option<Bytes>, SpoolError> {
        match std::mem::replace(&mut self.rest, Rest::Lost) {
            Rest::Memory(mut content) => {
                let chunk = content.split_to(content.len().min(CHUNK_BYTES));
                self.rest = Rest::Memory(content);
                Ok((!chunk.is_empty()).then_some(chunk))
            }
            Rest::File(mut reader) => {
                let (reader, chunk) = off_thread(move || {
                    let chunk = reader.read()?;
                    Ok((reader, chunk))
                })
                .await?;
                self.rest = Rest::File(reader);
                Ok(chunk)
            }
            Rest::Lost => Err(SpoolError::Incomplete),
        }
    }
}

#[derive(Debug)]
struct LargeReader {
    capture: Arc<Capture>,
    path: PathBuf,
    file: Option<File>,
    at: u64,
    hasher: Sha256,
}

impl LargeReader {
    fn read(&mut self) -> Result<Option<Bytes>, SpoolError> {
        let rest = self.capture.size_bytes.saturating_sub(self.at);
        if rest == 0 {
            return Ok(None);
        }
        let chunk = self.fill(rest).map_err(|cause| self.failure(cause))?;
        self.at += chunk.len() as u64;
        self.hasher.update(&chunk);
        let is_last = self.at == self.capture.size_bytes;
        if is_last && self.hasher.clone().finalize()[..] != self.capture.digest.0 {
            return Err(self.failure(load::damaged("the content has another digest")));
        }
        Ok(Some(Bytes::from(chunk)))
    }

    fn fill(&mut self, rest: u64) -> io::Result<Vec<u8>> {
        let file = match self.file.take() {
            Some(file) => file,
            None => layout::open(&self.path)?,
        };
        let length = usize::try_from(rest).unwrap_or(usize::MAX);
        let mut chunk = vec![0; length.min(CHUNK_BYTES)];
        file.fill(&mut chunk, self.at)?;
        self.file = Some(file);
        Ok(chunk)
    }

    fn failure(&self, cause: io::Error) -> SpoolError {
        load::failure(self.capture.id, &self.path, cause)
    }
}

/// The header section ends before the first blank line; a content may begin with that.
fn header_section(content: &Bytes) -> Bytes {
    let beginning = content.slice(..content.len().min(HEADER_BYTES));
    if beginning.starts_with(b"\r\n") {
        return Bytes::new();
    }
    let blank = beginning.windows(4).position(|four| four == b"\r\n\r\n");
    match blank {
        Some(at) => beginning.slice(..at + 2),
        None => beginning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_section_ends_before_the_first_blank_line() {
        for (content, header) in [
            ("A: b\r\nC: d\r\n\r\nbody\r\n\r\n", "A: b\r\nC: d\r\n"),
            ("\r\nbody\r\n\r\n", ""),
            ("A: b\r\n\r\n", "A: b\r\n"),
            ("A: b\r\n", "A: b\r\n"),
            ("", ""),
        ] {
            assert_eq!(header_section(&Bytes::from(content)), header, "{content:?}");
        }
    }
}
