//! What was seen in the hold queue between two listings, and since when nothing can have been missed.
//! Only this tells a message that was never queued from one that came and went. Looks at nothing
//! itself.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use crate::{domain::queue_id::QueueId, postfix::watch::Hint};

/// The most names kept: beyond them the watch counts as begun anew, and memory stays bounded.
const MOST_NAMES: usize = 100_000;

/// The names that the watch on the hold queue has told of.
#[derive(Debug, Default)]
pub struct Sightings {
    inner: Mutex<Inner>,
    mistrusted: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// Since when the watch stands without a gap.
    since: Option<DateTime<Utc>>,
    names: HashSet<QueueId>,
}

impl Sightings {
    /// The watch stands, and has missed nothing from now on.
    pub(in crate::worker) fn begin(&self, now: DateTime<Utc>) {
        let mut inner = self.lock();
        inner.since = Some(now);
    }

    /// The watch is blind.
    pub(in crate::worker) fn end(&self) {
        self.lock().since = None;
    }

    /// The watch may stand on another directory than the one that is listed: a file system that is
    /// mounted over a directory is told to nobody who watches it.
    pub(super) fn mistrust(&self) {
        self.end();
        self.mistrusted.notify_one();
    }

    /// Waits until the watch is to be set anew.
    pub(in crate::worker) async fn mistrusted(&self) {
        self.mistrusted.notified().await;
    }

    /// The watch has told something.
    pub(in crate::worker) fn note(&self, hints: Vec<Hint>, now: DateTime<Utc>) {
        let mut inner = self.lock();
        for hint in hints {
            match hint {
                Hint::Changed(id) | Hint::Left(id) => drop(inner.names.insert(id)),
                Hint::Rescan => inner.since = Some(now),
            }
        }
        if inner.names.len() > MOST_NAMES {
            inner.names.clear();
            inner.since = Some(now);
        }
    }

    /// Takes out all names that were told since they were taken out last.
    pub(super) fn take(&self) -> HashSet<QueueId> {
        std::mem::take(&mut self.lock().names)
    }

    /// Since when the watch stands without a gap; `None` while it is blind.
    pub(super) fn since(&self) -> Option<DateTime<Utc>> {
        self.lock().since
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names that were in the hold queue, have left it, and have no capture yet: it may still come.
#[derive(Debug, Default)]
pub(super) struct Departed {
    names: HashSet<QueueId>,
    /// Names were forgotten at this time.
    forgot_at: Option<DateTime<Utc>>,
}

impl Departed {
    /// Keeps a name.
    pub fn add(&mut self, id: QueueId, now: DateTime<Utc>) {
        if self.names.len() >= MOST_NAMES {
            self.names.clear();
            self.forgot_at = Some(now);
        }
        self.names.insert(id);
    }

    /// What is known of a message's stay in the hold queue, if it was captured at this time, is not
    /// there, and the watch stands since `since`.
    pub fn stay(
        &self,
        id: &QueueId,
        captured_at: DateTime<Utc>,
        since: Option<DateTime<Utc>>,
    ) -> Stay {
        if self.names.contains(id) {
            return Stay::Seen;
        }
        let begin = since.map(|since| self.forgot_at.map_or(since, |forgot| forgot.max(since)));
        match begin {
            Some(begin) if begin <= captured_at => Stay::Never,
            Some(_) | None => Stay::Unknown,
        }
    }
}

/// Whether a message that is not on hold ever was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// It was seen there.
    Seen,
    /// It would have been seen.
    Never,
    /// Nobody watched all the time.
    Unknown,
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn id(last: &str) -> QueueId {
        format!("4jWkMG56f7z{last}").parse().unwrap()
    }

    #[test]
    fn only_a_watch_without_a_gap_tells_that_nothing_was_there() {
        let sightings = Sightings::default();
        let stay = |second| Departed::default().stay(&id("1"), at(second), sightings.since());
        assert_eq!(stay(100), Stay::Unknown);
        sightings.begin(at(10));
        let stays = [9, 10, 100].map(stay);
        assert_eq!(stays, [Stay::Unknown, Stay::Never, Stay::Never]);
        sightings.note(vec![Hint::Rescan], at(50));
        let stays = [49, 50].map(stay);
        assert_eq!(stays, [Stay::Unknown, Stay::Never], "something was missed");
        sightings.end();
        assert_eq!(stay(100), Stay::Unknown);
    }

    #[test]
    fn a_name_that_was_there_is_remembered_until_too_many_are() {
        let since = Some(at(1));
        let mut departed = Departed::default();
        departed.add(id("1"), at(2));
        let stays = |departed: &Departed, second| {
            ["1", "2"].map(|last| departed.stay(&id(last), at(second), since))
        };
        assert_eq!(stays(&departed, 5), [Stay::Seen, Stay::Never]);
        for n in 0..MOST_NAMES {
            departed.add(format!("4jWkMG{n:06}z1").parse().unwrap(), at(9));
        }
        assert_eq!(
            stays(&departed, 5),
            [Stay::Unknown; 2],
            "they may be forgotten"
        );
        assert_eq!(stays(&departed, 9), [Stay::Never; 2]);
    }

    #[test]
    fn too_many_names_are_a_gap() {
        let sightings = Sightings::default();
        sightings.begin(at(1));
        let name = |n: usize| Hint::Changed(format!("4jWkMG{n:06}z1").parse().unwrap());
        sightings.note((0..MOST_NAMES).map(name).collect(), at(2));
        assert_eq!(sightings.since(), Some(at(1)));
        sightings.note(vec![name(MOST_NAMES)], at(3));
        assert_eq!(sightings.since(), Some(at(3)));
        assert!(sightings.take().is_empty());
    }
}
