//! What is set aside for a person: captures that nobody can record, and bytes that are no whole
//! capture. Never removes anything.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::fcntl::OFlag;
use uuid::Uuid;

use super::{
    error::SpoolError,
    frame::{Source, WINDOW_BYTES},
    index::Entry,
    layout::Layout,
    load,
};
use crate::domain::capture_id::CaptureId;

/// Whether something was set aside now or lay there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// It was copied.
    New,
    /// An earlier start copied it.
    Known,
}

/// Copies a capture: its message as a file that a mail reader opens, its facts with the reason.
pub(super) fn capture(layout: &Layout, entry: &Entry, reason: &str) -> Result<(), SpoolError> {
    let (facts, content) = load::stored(layout, entry)?;
    let message = layout.aside_message(entry.id);
    let copied = match entry.large {
        Some(name) => link(&layout.large(name), &message),
        None => write(&message, &content),
    };
    copied.map_err(at(&message))?;
    facts_only(layout, entry.id, &facts, reason)
}

/// Copies the facts of a capture, with the reason. They come last and as a whole: their presence
/// says that the capture is not to be offered again.
pub(super) fn facts_only(
    layout: &Layout,
    id: CaptureId,
    facts: &[u8],
    reason: &str,
) -> Result<(), SpoolError> {
    let path = layout.aside_facts(id);
    let draft = path.with_extension("tmp");
    let facts: serde_json::Value = serde_json::from_slice(facts).unwrap_or_default();
    let text = serde_json::json!({ "reason": reason, "capture": facts }).to_string();
    write(&draft, text.as_bytes()).map_err(at(&draft))?;
    sync(layout)?;
    fs::rename(&draft, &path).map_err(at(&path))?;
    sync(layout)
}

/// Copies a stretch of a segment that holds no whole frame.
pub(super) fn stretch(
    layout: &Layout,
    segment: Uuid,
    source: &File,
    (from, to): (u64, u64),
) -> Result<Aside, SpoolError> {
    let path = layout.aside_part(&format!("{segment}-{from}"));
    if path.exists() {
        return Ok(Aside::Known);
    }
    copy(source, &path, (from, to)).map_err(at(&path))?;
    sync(layout)?;
    Ok(Aside::New)
}

/// Moves a large content that no frame names: its message was never confirmed.
pub(super) fn leftover(layout: &Layout, name: Uuid) -> Result<(), SpoolError> {
    let path = layout.aside_part(&name.to_string());
    fs::rename(layout.large(name), &path).map_err(at(&path))?;
    sync(layout)
}

/// The captures that lie here.
pub(super) fn captures(layout: &Layout) -> Result<HashSet<CaptureId>, SpoolError> {
    let directory = &layout.aside;
    let read = |cause| SpoolError::Read {
        path: directory.clone(),
        cause,
    };
    let mut ids = HashSet::new();
    for entry in fs::read_dir(directory).map_err(read)? {
        let name = entry.map_err(read)?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
        ids.extend(name.and_then(|name| name.parse::<CaptureId>().ok()));
    }
    Ok(ids)
}

fn copy(source: &File, path: &Path, (from, to): (u64, u64)) -> io::Result<()> {
    let mut part = create(path)?;
    let mut at = from;
    while at < to {
        let rest = usize::try_from(to - at).unwrap_or(usize::MAX);
        let mut window = vec![0; rest.min(WINDOW_BYTES)];
        source.fill_readable(&mut window, at);
        part.write_all(&window)?;
        at += window.len() as u64;
    }
    part.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// An earlier try may have left half of it.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn sync(layout: &Layout) -> Result<(), SpoolError> {
    let synced = File::open(&layout.aside).and_then(|directory| directory.sync_all());
    synced.map_err(|cause| SpoolError::Sync {
        path: layout.aside.clone(),
        cause,
    })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> SpoolError + use<> {
    let path = path.to_owned();
    move |cause| SpoolError::Write { path, cause }
}
