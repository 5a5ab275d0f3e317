//! Mail on hold that nobody captured. It is recorded and told, and nothing ever acts on it.

use std::{collections::HashMap, time::Duration};

use chrono::DateTime;
use tokio::time::Instant;

use super::{Memory, PAGE};
use crate::{
    domain::{instance::Instance, queue_id::QueueId},
    postfix::{presence::Presence, roll::Roll},
    store::{
        StoreError,
        strays::{Stray, StrayEnd},
    },
    telemetry::{AlarmKind, events},
    worker::{
        Desk,
        troubles::{Part, Troubles},
    },
};

/// Names on hold without a capture that stands.
#[derive(Debug, Default)]
pub(super) struct Strays {
    strangers: HashMap<QueueId, Stranger>,
    /// Recorded ones whose end is not recorded yet.
    ended: Vec<(QueueId, StrayEnd)>,
    n_recorded: usize,
}

#[derive(Clone, Copy, Debug)]
struct Stranger {
    since: Instant,
    is_recorded: bool,
}

impl Strays {
    /// A name on hold has no capture; not yet, it may be.
    pub fn add(&mut self, id: QueueId) {
        self.strangers.entry(id).or_insert(Stranger {
            since: Instant::now(),
            is_recorded: false,
        });
    }

    /// A capture stands under this name.
    pub fn captured(&mut self, id: &QueueId) {
        self.end(id, StrayEnd::Captured);
    }

    /// This name is not on hold any more.
    pub fn left(&mut self, id: &QueueId) {
        self.end(id, StrayEnd::Left);
    }

    /// Names that are not on this roll are not on hold any more.
    pub fn keep_on(&mut self, roll: &Roll) {
        let gone = self.strangers.keys().filter(|id| !roll.has(id));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.left(&id);
        }
    }

    /// It was adopted, and its end is recorded.
    pub fn adopted(&mut self, id: &QueueId) {
        if let Some(stranger) = self.strangers.remove(id) {
            self.n_recorded -= usize::from(stranger.is_recorded);
        }
    }

    /// How many names there are, recorded or not.
    pub fn len(&self) -> usize {
        self.strangers.len()
    }

    /// Sets figure and alarm; `n_others` are files with names that nothing acts on.
    pub fn tell(&self, desk: &Desk, n_others: usize) {
        let n_strays = self.n_recorded + n_others;
        desk.metrics.strays(n_strays);
        if n_strays == 0 {
            desk.alarms.clear(AlarmKind::Stray);
            return;
        }
        let mut detail = format!("{n_strays} files on hold were not captured");
        if n_others > 0 {
            detail.push_str(&format!(", {n_others} of them with no long queue ID"));
        }
        desk.alarms.raise(AlarmKind::Stray, &detail);
    }

    fn end(&mut self, id: &QueueId, end: StrayEnd) {
        if let Some(stranger) = self.strangers.remove(id)
            && stranger.is_recorded
        {
            self.n_recorded -= 1;
            self.ended.push((id.clone(), end));
        }
    }

    fn recorded(&mut self, id: &QueueId) {
        if let Some(stranger) = self.strangers.get_mut(id)
            && !stranger.is_recorded
        {
            stranger.is_recorded = true;
            self.n_recorded += 1;
        }
    }

    /// What is no message yet is looked at again after the same time.
    fn wait_on(&mut self, ids: &[QueueId]) {
        for id in ids {
            if let Some(stranger) = self.strangers.get_mut(id) {
                stranger.since = Instant::now();
            }
        }
    }

    /// Those whose time is up, if the database answers since `store_since`.
    fn due(&self, store_since: Instant, grace: Duration, now: Instant) -> Vec<QueueId> {
        let is_due = |stranger: &Stranger| {
            !stranger.is_recorded
                && now.saturating_duration_since(stranger.since.max(store_since)) >= grace
        };
        let due = self.strangers.iter().filter(|(_, one)| is_due(one));
        due.map(|(id, _)| id.clone()).collect()
    }
}

/// How long a name may be on hold without a capture, which may still be on its way from the milter's
/// spool: nearly two passes, so that the one after the next finds it due.
fn grace(reconcile: Duration) -> Duration {
    reconcile * 7 / 4
}

/// Records strangers whose time is up, and how recorded ones ended.
pub(super) async fn record(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
    store_since: Instant,
) -> Result<(), StoreError> {
    record_ends(desk, instance, memory).await?;
    let grace = grace(desk.settings().reconcile);
    let due = memory.strays.due(store_since, grace, Instant::now());
    for part in due.chunks(PAGE as usize) {
        let looked = match desk.postfix.sizes_of_held(part.to_vec()).await {
            Ok(looked) => looked,
            Err(error) => {
                Troubles::note(desk, Part::Queue, &error);
                return Ok(());
            }
        };
        let found: Vec<Stray> = looked.into_iter().filter_map(read).collect();
        memory.strays.wait_on(part);
        if found.is_empty() {
            continue;
        }
        let fresh = desk.store.note_strays(instance, &found).await?;
        for stray in &found {
            // Another worker may have recorded it.
            memory.strays.recorded(&stray.queue_id);
            if fresh.contains(&stray.queue_id) {
                events::message_stray(&stray.queue_id, stray.size_bytes);
            }
        }
    }
    Ok(())
}

/// A file that Postfix would act on; another one is no message, or not yet.
fn read((queue_id, presence, size_bytes): (QueueId, Presence, u64)) -> Option<Stray> {
    match presence {
        Presence::Ready | Presence::ForceExpired => {}
        Presence::Missing | Presence::NotReady | Presence::NotRegular => return None,
    }
    let second = i64::try_from(queue_id.second()?).ok()?;
    let nanosecond = queue_id.microsecond()?.checked_mul(1_000)?;
    Some(Stray {
        arrived_at: DateTime::from_timestamp(second, nanosecond)?,
        queue_id,
        size_bytes,
    })
}

async fn record_ends(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    for end in [StrayEnd::Captured, StrayEnd::Left] {
        let all = memory.strays.ended.iter().filter(|(_, how)| *how == end);
        let mut ids: Vec<QueueId> = all.map(|(id, _)| id.clone()).collect();
        if end == StrayEnd::Left {
            ids = still_missing(desk, ids).await;
        }
        for part in ids.chunks(PAGE as usize) {
            for id in desk.store.end_strays(instance, part, end).await? {
                events::stray_ended(&id, end.as_str());
            }
        }
        memory.strays.ended.retain(|(_, how)| *how != end);
    }
    Ok(())
}

/// The second look for what one listing did not have; what is there is told by the next listing.
async fn still_missing(desk: &Desk, ids: Vec<QueueId>) -> Vec<QueueId> {
    let mut missing = Vec::new();
    for id in ids {
        if let Ok(Presence::Missing) = desk.postfix.presence(&id).await {
            missing.push(id);
        }
    }
    missing
}

/// Compares the recorded strays with the names on hold: others may have recorded them, or this worker
/// before it was started again.
pub(super) async fn compare(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let mut after: Option<QueueId> = None;
    loop {
        let page = desk
            .store
            .standing_strays(instance, after.as_ref(), PAGE)
            .await?;
        for id in &page {
            if memory.strays.strangers.contains_key(id) {
                memory.strays.recorded(id);
            } else if memory.roll.has(id) {
                memory.strays.ended.push((id.clone(), StrayEnd::Captured));
            } else {
                memory.strays.ended.push((id.clone(), StrayEnd::Left));
            }
        }
        if page.len() < PAGE as usize {
            return Ok(());
        }
        after = page.last().cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(last: &str) -> QueueId {
        format!("4jWkMG56f7z{last}").parse().unwrap()
    }

    #[test]
    fn a_capture_may_be_late_and_the_database_away() {
        let mut strays = Strays::default();
        let grace = grace(Duration::from_secs(15));
        let start = Instant::now();
        strays.add(id("1"));
        let due = |strays: &Strays, back, second| {
            let [back, now] = [back, second].map(|second| start + Duration::from_secs(second));
            strays.due(back, grace, now).len()
        };
        assert_eq!(due(&strays, 0, 15), 0);
        assert_eq!(due(&strays, 0, 31), 1);
        assert_eq!(due(&strays, 20, 31), 0, "the database is only just back");
        assert_eq!(due(&strays, 20, 47), 1);
        strays.captured(&id("1"));
        assert_eq!(due(&strays, 0, 99), 0);
        assert!(strays.ended.is_empty(), "it was never recorded");
    }

    #[test]
    fn what_is_recorded_is_counted_until_its_end() {
        let mut strays = Strays::default();
        for last in ["1", "2", "3"] {
            strays.add(id(last));
            strays.recorded(&id(last));
            strays.recorded(&id(last));
        }
        assert_eq!(strays.n_recorded, 3);
        strays.left(&id("1"));
        strays.captured(&id("2"));
        strays.adopted(&id("3"));
        strays.adopted(&id("3"));
        assert_eq!((strays.n_recorded, strays.len()), (0, 0));
        let ended = [(id("1"), StrayEnd::Left), (id("2"), StrayEnd::Captured)];
        assert_eq!(strays.ended, ended);
    }
}
