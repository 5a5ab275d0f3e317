//! Reads captures back from the disk and checks them. Never changes anything.

use std::{fs::File, io, path::Path, sync::Arc};

use bytes::Bytes;
use nix::errno::Errno;
use uuid::Uuid;

use super::{
    error::SpoolError,
    frame::{self, Kind, Source},
    index::Entry,
    layout::{self, Layout},
    record,
    waiting::{HEADER_BYTES, Waiting},
};
use crate::domain::capture_id::CaptureId;

/// Hands over captures that need no reading; `None` if one does.
pub(super) fn from_memory(entries: &[Entry]) -> Option<Vec<Waiting>> {
    entries.iter().map(fresh).collect()
}

/// Reads captures back, oldest first; fails at the first that cannot be read.
pub(super) fn load(layout: &Layout, entries: &[Entry]) -> Result<Vec<Waiting>, SpoolError> {
    let mut segment = None;
    let mut batch = Vec::with_capacity(entries.len());
    for entry in entries {
        batch.push(match fresh(entry) {
            Some(waiting) => waiting,
            None => load_one(layout, entry, &mut segment)?,
        });
    }
    Ok(batch)
}

/// Reads facts and content as they lie in the segment; the content is empty if it has a file.
pub(super) fn stored(layout: &Layout, entry: &Entry) -> Result<(Vec<u8>, Bytes), SpoolError> {
    let path = layout.segment(entry.segment);
    let stored = layout::open(&path).and_then(|file| stored_in(&file, entry));
    stored.map_err(|cause| failure(entry.id, &path, cause))
}

/// Tells a lack of file handles or memory, which passes, from a capture that is lost.
pub(super) fn failure(id: CaptureId, path: &Path, cause: io::Error) -> SpoolError {
    let passing = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EINTR];
    let errno = cause.raw_os_error().map(Errno::from_raw);
    if errno.is_some_and(|errno| passing.contains(&errno)) {
        let path = path.to_owned();
        return SpoolError::Read { path, cause };
    }
    SpoolError::Unreadable { id, cause }
}

pub(super) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn fresh(entry: &Entry) -> Option<Waiting> {
    let fresh = entry.fresh.clone()?;
    Some(Waiting::in_memory(fresh.capture, fresh.content))
}

/// Neighbours mostly lie in one segment: it is opened once for all of them.
fn load_one(
    layout: &Layout,
    entry: &Entry,
    segment: &mut Option<(Uuid, File)>,
) -> Result<Waiting, SpoolError> {
    let path = layout.segment(entry.segment);
    let at_segment = |cause| failure(entry.id, &path, cause);
    let file = match segment.take() {
        Some((id, file)) if id == entry.segment => file,
        _ => layout::open(&path).map_err(at_segment)?,
    };
    let stored = stored_in(&file, entry).map_err(at_segment)?;
    *segment = Some((entry.segment, file));
    let (facts, content) = stored;
    let Some((capture, large)) = record::decode(&facts) else {
        return Err(at_segment(damaged("the facts cannot be understood")));
    };
    let capture = Arc::new(capture);
    let Some(name) = large else {
        return Ok(Waiting::in_memory(capture, content));
    };
    let path = layout.large(name);
    match beginning(&path, entry.size_bytes) {
        Ok(beginning) => Ok(Waiting::in_file(capture, path, &beginning)),
        Err(cause) => Err(failure(entry.id, &path, cause)),
    }
}

fn stored_in(file: &File, entry: &Entry) -> io::Result<(Vec<u8>, Bytes)> {
    let length = file.metadata()?.len();
    match frame::frame_at(file, length, entry.segment, entry.at) {
        Some(place) if place.kind == Kind::Capture => {
            Ok((place.facts(file)?, place.content(file)?))
        }
        _ => Err(damaged("the frame is damaged")),
    }
}

fn beginning(path: &Path, size_bytes: u64) -> io::Result<Bytes> {
    let file = layout::open(path)?;
    if file.metadata()?.len() != size_bytes {
        return Err(damaged("the file of the content has another length"));
    }
    let length = usize::try_from(size_bytes).unwrap_or(usize::MAX);
    let mut beginning = vec![0; length.min(HEADER_BYTES)];
    file.fill(&mut beginning, 0)?;
    Ok(Bytes::from(beginning))
}
