//! The form of a segment: frames, one after the other. Never opens or writes a file.
//!
//! A frame is a head, the facts and the content; numbers are little-endian:
//!
//! ```text
//! marker 16 | kind 1 | zero 3 | facts length 4 | content length 8 | body CRC 4 | head CRC 4
//! ```
//!
//! The marker is the name of the segment, which no sender can know: a mail whose content looks like
//! a frame is not taken for one when the reader looks for the next frame behind a damaged one.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;
use uuid::Uuid;

/// The length of a frame's head.
pub(super) const HEAD_BYTES: usize = 40;
/// What one read takes at most.
pub(super) const WINDOW_BYTES: usize = 65_536;
/// What is given up when a part of the disk cannot be read.
pub(super) const BLOCK_BYTES: usize = 4_096;

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Facts and content of one capture.
    Capture,
    /// The IDs of captures that are settled, 16 bytes each, in place of the facts.
    Settled,
}

impl Kind {
    fn code(self) -> u8 {
        match self {
            Self::Capture => 1,
            Self::Settled => 2,
        }
    }

    fn of(code: u8) -> Option<Self> {
        [Self::Capture, Self::Settled]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}

/// A frame on its way to the disk; its checksum is made by whoever asks for the commit.
#[derive(Debug)]
pub(super) struct Frame {
    kind: Kind,
    facts: Vec<u8>,
    content: Bytes,
    crc: u32,
}

impl Frame {
    pub(super) fn new(kind: Kind, facts: Vec<u8>, content: Bytes) -> Self {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&facts);
        crc.update(&content);
        Self {
            kind,
            facts,
            content,
            crc: crc.finalize(),
        }
    }

    pub(super) fn head(&self, marker: Uuid) -> Vec<u8> {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend(marker.as_bytes());
        head.extend([self.kind.code(), 0, 0, 0]);
        // An envelope of 4 GiB cannot come in; if one did, the frame would be set aside.
        head.extend(
            u32::try_from(self.facts.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        head.extend((self.content.len() as u64).to_le_bytes());
        head.extend(self.crc.to_le_bytes());
        head.extend(crc32fast::hash(&head).to_le_bytes());
        head
    }

    pub(super) fn facts(&self) -> &[u8] {
        &self.facts
    }

    pub(super) fn content(&self) -> &Bytes {
        &self.content
    }

    pub(super) fn n_bytes(&self) -> u64 {
        (HEAD_BYTES + self.facts.len() + self.content.len()) as u64
    }
}

/// A frame that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) at: u64,
    facts_bytes: u32,
    content_bytes: u64,
}

impl Place {
    pub(super) fn end(&self) -> u64 {
        self.content_at().saturating_add(self.content_bytes)
    }

    fn content_at(&self) -> u64 {
        let facts_at = self.at.saturating_add(HEAD_BYTES as u64);
        facts_at.saturating_add(u64::from(self.facts_bytes))
    }

    /// The facts; the length was proved by the checksum, so it is safe to allocate.
    pub(super) fn facts(&self, source: &impl Source) -> io::Result<Vec<u8>> {
        let at = self.at.saturating_add(HEAD_BYTES as u64);
        read(source, at, u64::from(self.facts_bytes))
    }

    /// The content.
    pub(super) fn content(&self, source: &impl Source) -> io::Result<Bytes> {
        read(source, self.content_at(), self.content_bytes).map(Bytes::from)
    }
}

/// Something that frames are read from.
pub(super) trait Source {
    /// Fills all of `buffer` with the bytes from `at` on.
    fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()>;

    /// Fills `buffer` as far as the disk can be read, with zeros elsewhere.
    fn fill_readable(&self, buffer: &mut [u8], at: u64) {
        if self.fill(buffer, at).is_ok() {
            return;
        }
        let (mut at, mut rest) = (at, buffer);
        while !rest.is_empty() {
            let to_boundary = BLOCK_BYTES - usize::try_from(at % BLOCK_BYTES as u64).unwrap_or(0);
            let (block, behind) = rest.split_at_mut(to_boundary.min(rest.len()));
            if self.fill(block, at).is_err() {
                block.fill(0);
            }
            at += block.len() as u64;
            rest = behind;
        }
    }
}

impl Source for File {
    fn fill(&self, buffer: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(buffer, at)
    }
}

/// The whole frame at `at` in a source of `length` bytes, if there is one.
pub(super) fn frame_at(source: &impl Source, length: u64, marker: Uuid, at: u64) -> Option<Place> {
    let (place, crc) = head_at(source, marker, at)?;
    let end = at
        .checked_add(HEAD_BYTES as u64)?
        .checked_add(u64::from(place.facts_bytes))?
        .checked_add(place.content_bytes)?;
    if end > length {
        return None;
    }
    (body_crc(source, at + HEAD_BYTES as u64, end).ok()? == crc).then_some(place)
}

fn head_at(source: &impl Source, marker: Uuid, at: u64) -> Option<(Place, u32)> {
    let mut head = [0; HEAD_BYTES];
    source.fill(&mut head, at).ok()?;
    let (told, head_crc) = head.split_last_chunk::<4>()?;
    if crc32fast::hash(told) != u32::from_le_bytes(*head_crc) {
        return None;
    }
    let rest = told.strip_prefix(marker.as_bytes())?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (facts, rest) = rest.split_first_chunk::<4>()?;
    let (content, rest) = rest.split_first_chunk::<8>()?;
    let (crc, _) = rest.split_first_chunk::<4>()?;
    let place = Place {
        kind: Kind::of(*kind.first()?)?,
        at,
        facts_bytes: u32::from_le_bytes(*facts),
        content_bytes: u64::from_le_bytes(*content),
    };
    Some((place, u32::from_le_bytes(*crc)))
}

fn body_crc(source: &impl Source, from: u64, to: u64) -> io::Result<u32> {
    let mut crc = crc32fast::Hasher::new();
    let whole = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut window = vec![0; whole.min(WINDOW_BYTES)];
    let mut at = from;
    while at < to {
        let rest = usize::try_from(to - at).unwrap_or(usize::MAX);
        let length = rest.min(WINDOW_BYTES);
        let part = window.get_mut(..length).unwrap_or_default();
        source.fill(part, at)?;
        crc.update(part);
        at += length as u64;
    }
    Ok(crc.finalize())
}

fn read(source: &impl Source, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    source.fill(&mut bytes, at)?;
    Ok(bytes)
}
