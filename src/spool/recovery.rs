//! What a start finds: whole captures wait again, the rest is set aside. Never syncs a segment.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io,
    path::Path,
};

use uuid::Uuid;

use super::{
    aside::{self, Aside},
    disk,
    error::SpoolError,
    frame::{Kind, Place},
    index::{Entry, Index, Removed},
    layout::{self, Layout},
    record,
    scan::{Found, Scan},
};
use crate::domain::capture_id::CaptureId;

/// What a start found in the spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Captures that wait to be recorded.
    pub n_waiting: usize,
    /// Half-written captures and damaged stretches that were set aside now: nobody was told that
    /// they are safe, unless the disk lost what it had confirmed.
    pub n_half_written: usize,
    /// Captures that were confirmed but have lost their content: a person must look.
    pub n_lost: usize,
}

/// Fills the index with what waits; returns also what is settled but not yet gone.
pub(super) fn recover(
    layout: &Layout,
    index: &Index,
) -> Result<(Recovered, Vec<Removed>), SpoolError> {
    let mut found = Findings {
        settled: aside::captures(layout)?,
        ..Findings::default()
    };
    for segment in names(&layout.segments)? {
        index.open_segment(segment);
        found.read_segment(layout, segment)?;
    }
    let mut recovered = Recovered {
        n_half_written: found.n_damaged,
        ..Recovered::default()
    };
    let (settled, waiting): (Vec<Entry>, Vec<Entry>) = std::mem::take(&mut found.captures)
        .into_iter()
        .partition(|entry| found.settled.contains(&entry.id));
    let mut contents = found_contents(layout)?;
    for name in settled.iter().filter_map(|entry| entry.large) {
        if contents.remove(&name).is_some() {
            disk::remove(&layout.large(name));
        }
    }
    let mut entries = Vec::with_capacity(waiting.len());
    for entry in waiting {
        match entry.large.map(|name| contents.remove(&name)) {
            None => entries.push(entry),
            Some(Some(n_bytes)) if n_bytes == entry.size_bytes => entries.push(entry),
            Some(of_another_length) => {
                // What is left of the content goes first: once the facts are there, the next start
                // takes the capture for settled and removes what it still has in `large/`.
                if let (Some(name), Some(_)) = (entry.large, of_another_length) {
                    aside::leftover(layout, name)?;
                }
                give_up(layout, &entry)?;
                recovered.n_lost += 1;
            }
        }
    }
    for name in contents.into_keys() {
        aside::leftover(layout, name)?;
        recovered.n_half_written += 1;
    }
    index.insert(entries);
    recovered.n_waiting = index.n_waiting();
    Ok((recovered, settled.iter().map(Removed::from).collect()))
}

#[derive(Default)]
struct Findings {
    captures: Vec<Entry>,
    settled: HashSet<CaptureId>,
    n_damaged: usize,
}

impl Findings {
    fn read_segment(&mut self, layout: &Layout, segment: Uuid) -> Result<(), SpoolError> {
        let path = layout.segment(segment);
        let (file, length) = opened(&path).map_err(read(&path))?;
        for found in Scan::new(&file, length, segment) {
            let stretch = match found {
                Found::Frame(place) => {
                    match self.take(&file, segment, place).map_err(read(&path))? {
                        Taken::Yes => continue,
                        Taken::No => (place.at, place.end()),
                    }
                }
                Found::Damage { from, to } => (from, to),
            };
            match aside::stretch(layout, segment, &file, stretch)? {
                Aside::New => self.n_damaged += 1,
                Aside::Known => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, file: &File, segment: Uuid, place: Place) -> io::Result<Taken> {
        let facts = place.facts(file)?;
        match place.kind {
            Kind::Capture => {
                let Some((capture, large)) = record::decode(&facts) else {
                    return Ok(Taken::No);
                };
                self.captures.push(Entry {
                    id: capture.id,
                    captured_at: capture.captured_at,
                    size_bytes: capture.size_bytes,
                    segment,
                    at: place.at,
                    large,
                    fresh: None,
                });
            }
            Kind::Settled => self.settled.extend(ids(&facts)),
        }
        Ok(Taken::Yes)
    }
}

enum Taken {
    Yes,
    /// The frame is whole, but what it says is not understood.
    No,
}

fn give_up(layout: &Layout, entry: &Entry) -> Result<(), SpoolError> {
    let reason = "the content is lost: its file in the spool is missing or has another length";
    let (facts, _) = super::load::stored(layout, entry)?;
    aside::facts_only(layout, entry.id, &facts, reason)
}

fn ids(facts: &[u8]) -> impl Iterator<Item = CaptureId> {
    let (ids, _) = facts.as_chunks::<16>();
    ids.iter().map(|id| CaptureId::new(Uuid::from_bytes(*id)))
}

/// The large contents and their lengths.
fn found_contents(layout: &Layout) -> Result<HashMap<Uuid, u64>, SpoolError> {
    let mut contents = HashMap::new();
    for name in names(&layout.large)? {
        let path = layout.large(name);
        let found = fs::symlink_metadata(&path).map_err(read(&path))?;
        contents.insert(name, found.len());
    }
    Ok(contents)
}

/// The files that are named by a UUID, oldest first; others are not ours.
fn names(directory: &Path) -> Result<Vec<Uuid>, SpoolError> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(read(directory))? {
        let name = entry.map_err(read(directory))?.file_name();
        names.extend(name.to_str().and_then(|name| Uuid::try_parse(name).ok()));
    }
    names.sort_unstable();
    Ok(names)
}

fn opened(path: &Path) -> io::Result<(File, u64)> {
    let file = layout::open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn read(path: &Path) -> impl Fn(io::Error) -> SpoolError + use<> {
    let path = path.to_owned();
    move |cause| SpoolError::Read {
        path: path.clone(),
        cause,
    }
}
