//! Durable captures on the local disk until PostgreSQL has them. Never talks to PostgreSQL, never
//! answers a sender, never reads what is in a message.
//!
//! Small captures lie in *segments*: files of frames that one thread appends to, one sync for all
//! captures that wait at that moment. A large content has a file of its own, which is durable before
//! a frame names it. So one synced frame is all that makes a capture exist:
//!
//! | frame | large file | settled mark | what a start does |
//! |---|---|---|---|
//! | – | – | – | nothing: the message was never confirmed |
//! | half | any | – | sets it aside; it was never confirmed |
//! | – | yes | – | sets the file aside; it was never confirmed |
//! | yes | yes, or not needed | – | the capture waits; recording it twice does no harm |
//! | yes | missing | – | sets the facts aside and says so: the disk lost a file |
//! | yes | any | yes | removes what is left |
//!
//! A write or sync that fails refuses all captures of its group, and nothing is ever written to that
//! file again; the next group gets a new one. What was confirmed in it before stays readable.

mod draft;
mod error;
mod room;
mod waiting;

mod aside;
mod disk;
mod frame;
mod index;
mod large;
mod layout;
mod load;
mod probe;
mod record;
mod recovery;
mod scan;
mod segment;
mod writer;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use self::{
    disk::{Disk, RealDisk},
    draft::{Sealed, off_thread},
    frame::{Frame, Kind},
    index::Index,
    layout::Layout,
    room::Room,
    writer::{Message, Request, Writer},
};
pub use self::{
    draft::Draft,
    error::SpoolError,
    recovery::Recovered,
    room::Free,
    waiting::{Chunks, Content, Waiting},
};
use crate::{
    domain::{capture::Capture, capture_id::CaptureId},
    telemetry::events,
};

/// The memory limit stays between these, so that a frame always fits a segment.
const MEMORY_LIMITS: std::ops::RangeInclusive<u64> = 4_096..=8 * 1_024 * 1_024;

/// Where the spool is and what it may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its directory; made with mode 0700 if only its parent exists.
    pub directory: PathBuf,
    /// Free space and free inodes below this percentage are too little.
    pub min_free_percent: u8,
    /// Free space from this on is enough, whatever its percentage; in bytes.
    pub min_free_bytes: u64,
    /// Contents up to this size stay in memory until they are committed; 4 KiB to 8 MiB.
    pub memory_limit_bytes: u64,
}

/// The spool of one milter. Cheap to clone; the last clone that is dropped closes it.
#[derive(Clone)]
pub struct Spool {
    inner: Arc<Inner>,
}

struct Inner {
    layout: Layout,
    disk: Arc<dyn Disk>,
    index: Arc<Index>,
    room: Room,
    memory_limit: usize,
    recovered: Recovered,
    /// Taken when the spool closes.
    writer: Option<(mpsc::Sender<Message>, JoinHandle<()>)>,
    /// Held while the spool is open.
    _lock: File,
}

/// What is free where a spool is or will be. Opens nothing; its parent will do.
///
/// # Errors
/// [`SpoolError::Full`] if a milter would ask flagged mail to come again.
pub fn measure(settings: &Settings) -> Result<Free, SpoolError> {
    let room = Room::new(settings);
    room.check()?;
    room.free()
}

impl Spool {
    /// Takes the directory and recovers what an earlier process left there. Blocks: start-up.
    pub fn open(settings: &Settings) -> Result<Self, SpoolError> {
        Self::open_on(settings, Arc::new(RealDisk))
    }

    fn open_on(settings: &Settings, disk: Arc<dyn Disk>) -> Result<Self, SpoolError> {
        let (layout, lock) = Layout::claim(&settings.directory)?;
        let index = Arc::new(Index::default());
        let (recovered, marked) = recovery::recover(&layout, &index)?;
        let mut writer = Writer::new(
            Arc::clone(&disk),
            layout.clone(),
            Arc::clone(&index),
            marked,
        );
        if !index.is_needed() {
            writer.sweep();
        }
        let writer = writer.start().map_err(|cause| SpoolError::Open {
            directory: settings.directory.clone(),
            cause,
        })?;
        let (least, most) = (*MEMORY_LIMITS.start(), *MEMORY_LIMITS.end());
        let memory_limit = settings.memory_limit_bytes.clamp(least, most);
        let inner = Inner {
            layout,
            disk,
            index,
            room: Room::new(settings),
            memory_limit: usize::try_from(memory_limit).unwrap_or(usize::MAX),
            recovered,
            writer: Some(writer),
            _lock: lock,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What the start found.
    pub fn recovered(&self) -> Recovered {
        self.inner.recovered
    }

    /// Begins to collect the content of a message.
    pub fn draft(&self) -> Draft {
        Draft::new(Arc::clone(&self.inner))
    }

    /// Makes a capture durable: when this returns, a power cut does not lose it any more.
    ///
    /// Length and digest of the capture are set to those of the draft. If the future is dropped, the
    /// capture may or may not be there. The spool does not look at [`Spool::room`] here.
    pub async fn commit(&self, draft: Draft, mut capture: Capture) -> Result<(), SpoolError> {
        capture.size_bytes = draft.size_bytes();
        capture.digest = draft.digest();
        let (content, large) = match draft.seal().await? {
            Sealed::Memory(content) => (content, None),
            Sealed::File(file) => (Bytes::new(), Some(file)),
        };
        let id = capture.id;
        let name = large.as_ref().map(large::LargeFile::name);
        let facts = record::encode(&capture, name);
        let facts = facts.map_err(|cause| SpoolError::Describe { id, cause })?;
        let (answer, answered) = oneshot::channel();
        self.inner.send(Message::Commit(Box::new(Request {
            capture: Arc::new(capture),
            frame: Frame::new(Kind::Capture, facts, content),
            large,
            answer,
        })))?;
        answered.await.unwrap_or(Err(SpoolError::Stopped))
    }

    /// Refuses when the file system has too little room; cheap, at most a second old.
    pub fn room(&self) -> Result<(), SpoolError> {
        self.inner.room.check()
    }

    /// Waits for captures and hands over the oldest ones: at least one, at most `max_items`, and
    /// no more than `max_bytes` of content if there are several.
    ///
    /// The same captures are handed over again until they are settled or set aside, so that one
    /// recorder at a time can work. Those that are fresh come from memory.
    ///
    /// # Errors
    /// [`SpoolError::Unreadable`] names a capture that is not offered again before the next start;
    /// the next call goes on with the others.
    pub async fn next_batch(
        &self,
        max_items: usize,
        max_bytes: u64,
    ) -> Result<Vec<Waiting>, SpoolError> {
        let entries = self.inner.index.oldest(max_items, max_bytes).await;
        if let Some(batch) = load::from_memory(&entries) {
            return Ok(batch);
        }
        let layout = self.inner.layout.clone();
        let batch = off_thread(move || load::load(&layout, &entries)).await;
        if let Err(SpoolError::Unreadable { id, .. }) = &batch {
            self.inner.index.bury(*id);
        }
        batch
    }

    /// Forgets captures that PostgreSQL has committed; their traces are removed soon after.
    pub fn settled(&self, ids: &[CaptureId]) {
        let removed = self.inner.index.remove(ids);
        if !removed.is_empty() {
            // Without the writing thread the traces stay until the next start.
            self.inner.send(Message::Settled(removed)).ok();
        }
    }

    /// Hands a capture over only after all others that wait: the database does not take it for now.
    pub fn defer(&self, id: CaptureId) {
        self.inner.index.defer(id);
    }

    /// Copies a capture that cannot be recorded to `aside/`, for a person, and forgets it.
    pub async fn set_aside(&self, id: CaptureId, reason: &str) -> Result<(), SpoolError> {
        let Some(entry) = self.inner.index.find(id) else {
            return Ok(());
        };
        let (layout, reason) = (self.inner.layout.clone(), reason.to_owned());
        off_thread(move || aside::capture(&layout, &entry, &reason)).await?;
        self.settled(&[id]);
        Ok(())
    }

    /// Whether a capture could be made durable just now: measures the room, writes a few bytes, syncs
    /// and removes them. Also while no mail comes, a disk that fails is seen so, and its cure.
    pub async fn probe(&self) -> Result<(), SpoolError> {
        let inner = Arc::clone(&self.inner);
        off_thread(move || {
            let writes = |(_, thread): &(_, JoinHandle<()>)| !thread.is_finished();
            if !inner.writer.as_ref().is_some_and(writes) {
                return Err(SpoolError::Stopped);
            }
            inner.room.free()?;
            probe::write(&*inner.disk, &inner.layout)
        })
        .await
    }

    /// How many captures wait to be recorded.
    pub fn n_waiting(&self) -> usize {
        self.inner.index.n_waiting()
    }

    /// How many captures could not be read back since the start.
    pub fn n_unreadable(&self) -> usize {
        self.inner.index.n_unreadable()
    }

    /// When the capture that waits longest was made.
    pub fn oldest_at(&self) -> Option<DateTime<Utc>> {
        self.inner.index.oldest_at()
    }

    /// What is free on the file system; at most a second old.
    pub fn free(&self) -> Result<Free, SpoolError> {
        self.inner.room.free()
    }
}

impl Inner {
    fn send(&self, message: Message) -> Result<(), SpoolError> {
        let (writer, _) = self.writer.as_ref().ok_or(SpoolError::Stopped)?;
        writer.send(message).map_err(|_| SpoolError::Stopped)
    }
}

impl Drop for Inner {
    /// Lets the writing thread finish before the lock is given up.
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.writer.take() {
            drop(sender);
            if thread.join().is_err() {
                events::spool_stopped();
            }
        }
    }
}
