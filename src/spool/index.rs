//! Which captures wait, and where they lie. Never reads or writes a file.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::domain::{capture::Capture, capture_id::CaptureId};

/// How much of what waits is kept in memory too; the rest is read from the disk again.
const IN_MEMORY_BYTES: u64 = 16 * 1_024 * 1_024;
/// What the facts of a capture take beside its content, roughly and rather too much.
const FACTS_BYTES: u64 = 2_048;

/// One waiting capture.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: CaptureId,
    pub(super) captured_at: DateTime<Utc>,
    pub(super) size_bytes: u64,
    pub(super) segment: Uuid,
    pub(super) at: u64,
    /// The name of the content's own file, if it has one.
    pub(super) large: Option<Uuid>,
    pub(super) fresh: Option<Fresh>,
}

/// A capture that need not be read again.
#[derive(Clone, Debug)]
pub(super) struct Fresh {
    pub(super) capture: Arc<Capture>,
    pub(super) content: Bytes,
}

impl Fresh {
    fn n_bytes(&self) -> u64 {
        self.content.len() as u64 + FACTS_BYTES
    }
}

/// A capture that waits no more and whose traces can be removed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removed {
    pub(super) id: CaptureId,
    pub(super) segment: Uuid,
    pub(super) large: Option<Uuid>,
}

impl From<&Entry> for Removed {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id,
            segment: entry.segment,
            large: entry.large,
        }
    }
}

/// All that waits, in the order in which it was confirmed.
#[derive(Debug, Default)]
pub(super) struct Index {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: BTreeMap<u64, Entry>,
    order: HashMap<CaptureId, u64>,
    /// How many captures of each segment are still needed.
    segments: HashMap<Uuid, usize>,
    in_memory_bytes: u64,
    n_unreadable: usize,
}

impl Index {
    /// Makes a segment known, so that it can be removed when nothing in it is needed.
    pub(super) fn open_segment(&self, segment: Uuid) {
        self.state().segments.entry(segment).or_default();
    }

    /// Adds confirmed captures; one that waits already is left as it is.
    pub(super) fn insert(&self, entries: impl IntoIterator<Item = Entry>) {
        let mut state = self.state();
        for entry in entries {
            state.insert(entry);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Takes captures off the list; those that do not wait are skipped.
    pub(super) fn remove(&self, ids: &[CaptureId]) -> Vec<Removed> {
        let mut state = self.state();
        let taken = ids.iter().filter_map(|id| state.take(*id));
        let removed: Vec<Entry> = taken.collect();
        for entry in &removed {
            state.release(entry.segment);
        }
        removed.iter().map(Removed::from).collect()
    }

    /// Offers a capture last, behind all that wait by now.
    pub(super) fn defer(&self, id: CaptureId) {
        self.state().defer(id);
    }

    /// Stops offering a capture that cannot be read; its segment stays for the next start.
    pub(super) fn bury(&self, id: CaptureId) {
        let mut state = self.state();
        if state.take(id).is_some() {
            state.n_unreadable += 1;
        }
    }

    pub(super) fn find(&self, id: CaptureId) -> Option<Entry> {
        let state = self.state();
        state.waiting.get(state.order.get(&id)?).cloned()
    }

    /// Waits until there is a capture, then returns the oldest: at least one, at most `max_items`,
    /// and no more than `max_bytes` if there are several.
    pub(super) async fn oldest(&self, max_items: usize, max_bytes: u64) -> Vec<Entry> {
        loop {
            let arrived = self.arrived.notified();
            let entries = self.state().oldest(max_items, max_bytes);
            if !entries.is_empty() {
                return entries;
            }
            arrived.await;
        }
    }

    /// Whether anything in any segment is still needed.
    pub(super) fn is_needed(&self) -> bool {
        self.state().segments.values().any(|n| *n > 0)
    }

    /// Forgets the segments in which nothing is needed, `current` excepted, and names them.
    pub(super) fn forget_dead(&self, current: Option<Uuid>) -> Vec<Uuid> {
        let is_dead = |segment: &Uuid, n: &mut usize| *n == 0 && Some(*segment) != current;
        let mut state = self.state();
        let dead = state.segments.extract_if(is_dead);
        dead.map(|(segment, _)| segment).collect()
    }

    pub(super) fn n_waiting(&self) -> usize {
        self.state().waiting.len()
    }

    pub(super) fn n_unreadable(&self) -> usize {
        self.state().n_unreadable
    }

    pub(super) fn oldest_at(&self) -> Option<DateTime<Utc>> {
        let state = self.state();
        let times = state.waiting.values().map(|entry| entry.captured_at);
        times.min()
    }

    #[cfg(test)]
    pub(super) fn in_memory_bytes(&self) -> u64 {
        self.state().in_memory_bytes
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn insert(&mut self, mut entry: Entry) {
        if self.order.contains_key(&entry.id) {
            return;
        }
        let fresh_bytes = entry.fresh.as_ref().map_or(0, Fresh::n_bytes);
        if self.in_memory_bytes.saturating_add(fresh_bytes) > IN_MEMORY_BYTES {
            entry.fresh = None;
        } else {
            self.in_memory_bytes += fresh_bytes;
        }
        *self.segments.entry(entry.segment).or_default() += 1;
        self.order.insert(entry.id, self.next);
        self.waiting.insert(self.next, entry);
        self.next += 1;
    }

    fn take(&mut self, id: CaptureId) -> Option<Entry> {
        let entry = self.waiting.remove(&self.order.remove(&id)?)?;
        let fresh_bytes = entry.fresh.as_ref().map_or(0, Fresh::n_bytes);
        self.in_memory_bytes = self.in_memory_bytes.saturating_sub(fresh_bytes);
        Some(entry)
    }

    fn defer(&mut self, id: CaptureId) {
        let Some(place) = self.order.get_mut(&id) else {
            return;
        };
        if let Some(entry) = self.waiting.remove(place) {
            self.waiting.insert(self.next, entry);
            *place = self.next;
            self.next += 1;
        }
    }

    fn release(&mut self, segment: Uuid) {
        if let Some(n) = self.segments.get_mut(&segment) {
            *n = n.saturating_sub(1);
        }
    }

    fn oldest(&self, max_items: usize, max_bytes: u64) -> Vec<Entry> {
        let mut n_bytes = 0_u64;
        let mut batch = Vec::new();
        for entry in self.waiting.values().take(max_items.max(1)) {
            n_bytes = n_bytes.saturating_add(entry.size_bytes);
            if n_bytes > max_bytes && !batch.is_empty() {
                break;
            }
            batch.push(entry.clone());
        }
        batch
    }
}
