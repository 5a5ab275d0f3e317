//! The set in use, and the time at which it was last known to be right. Readers never wait for a
//! server.

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    refresh::{Refresh, Said},
    set::{Person, Set},
};
use crate::directory::reading::Answered;

/// What is known of the people.
#[derive(Debug, Default)]
pub struct Memory(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    set: Set,
    /// The set had everything that the server had told until then; `None`: there is no whole set.
    proven_at: Option<Instant>,
}

/// How old an answer may be.
#[derive(Clone, Copy, Debug)]
pub struct Oldest {
    /// The time of the question.
    pub now: Instant,
    /// The greatest age.
    pub max_age: Duration,
}

impl Known {
    fn is_newer(&self, Oldest { now, max_age }: Oldest) -> bool {
        let age = |at| now.saturating_duration_since(at);
        self.proven_at.is_some_and(|at| age(at) < max_age)
    }
}

/// A change that cannot come outside of a refresh.
#[derive(Debug, thiserror::Error)]
#[error("the end of a refresh where there was none")]
pub struct OutOfOrder;

impl Memory {
    /// Everyone who has this key; `None` if what is known is not newer than `oldest`.
    pub fn find(&self, key: &[u8], oldest: Oldest) -> Option<Vec<Answered>> {
        let known = self.read();
        known.is_newer(oldest).then(|| known.set.find(key))
    }

    /// Everyone; `None` if what is known is not newer than `oldest`.
    pub fn entries(&self, oldest: Oldest) -> Option<Vec<Answered>> {
        let known = self.read();
        let entries = || known.set.entries().map(|(_, entry)| entry).collect();
        known.is_newer(oldest).then(entries)
    }

    /// Whether anything is known that is newer than `oldest`.
    pub fn answers(&self, oldest: Oldest) -> bool {
        self.read().is_newer(oldest)
    }

    /// The time since the set was last known to be right; `None`: there is no whole set.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        let proven_at = self.read().proven_at?;
        Some(now.saturating_duration_since(proven_at))
    }

    /// How many entries are kept.
    pub fn len(&self) -> usize {
        self.read().set.len()
    }

    /// Puts a whole refresh in force, which the server was asked for at `asked_at`.
    pub fn refreshed(&self, refresh: Refresh, asked_at: Instant) {
        let left_over = {
            let mut known = self.write();
            known.proven_at = Some(asked_at);
            refresh.apply(&mut known.set)
        };
        drop(left_over);
    }

    /// Puts a change in force.
    ///
    /// # Errors
    /// What is no change.
    pub fn change(&self, said: Said<Person>) -> Result<(), OutOfOrder> {
        let mut known = self.write();
        match said {
            Said::Is(id, person) => known.set.put(id, person),
            Said::Gone(ids) => ids.into_iter().for_each(|id| known.set.remove(id)),
            Said::Present(_) | Said::Nothing => {}
            Said::PresentPhaseOver(_) | Said::DeletePhaseOver(_) => return Err(OutOfOrder),
        }
        Ok(())
    }

    /// The set is still what the server tells, as of `at`.
    pub fn prove(&self, at: Instant) {
        let mut known = self.write();
        known.proven_at = known.proven_at.map(|before| before.max(at));
    }

    /// The set cannot be relied on any more, until there is a whole one again.
    pub fn distrust(&self) {
        let left_over = std::mem::take(&mut *self.write());
        drop(left_over);
    }

    /// A panic while it was locked was told where it happened; a set that is distrusted is empty.
    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{
        super::refresh::{Kind, Rest},
        *,
    };

    const LONG: Duration = Duration::from_secs(60);

    fn told(name: &str) -> Said<Person> {
        let entry = Answered {
            name: name.to_owned(),
            values: Vec::new(),
        };
        Said::Is(Uuid::from_u128(1), Person::new(&entry, &[b"k".to_vec()]))
    }

    fn refresh(kind: Kind, said: Said<Person>) -> Refresh {
        let mut refresh = Refresh::new(kind);
        refresh.take(said);
        refresh
    }

    fn after(begin: Instant, passed: Duration) -> Oldest {
        Oldest {
            now: begin + passed,
            max_age: LONG,
        }
    }

    #[test]
    fn nothing_is_answered_before_the_first_refresh_is_whole() {
        let (memory, begin) = (Memory::default(), Instant::now());
        let now = after(begin, Duration::ZERO);
        assert_eq!(memory.find(b"k", now), None);
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        assert_eq!(memory.find(b"k", now).unwrap().len(), 1);
        assert_eq!(memory.find(b"other", now), Some(Vec::new()));
    }

    #[test]
    fn what_is_too_old_is_not_answered() {
        let (memory, begin) = (Memory::default(), Instant::now());
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        let later = after(begin, LONG);
        assert_eq!(memory.find(b"k", later), None);
        memory.prove(begin + Duration::from_secs(1));
        assert!(memory.find(b"k", later).is_some());
        memory.distrust();
        assert_eq!((memory.find(b"k", later), memory.len()), (None, 0));
    }

    #[test]
    fn a_proof_that_comes_late_makes_nothing_older() {
        let (memory, begin) = (Memory::default(), Instant::now());
        memory.refreshed(refresh(Kind::Full, told("anna")), begin + LONG);
        memory.prove(begin);
        assert_eq!(memory.age(begin + LONG), Some(Duration::ZERO));
    }

    /// A pulse that was felt when the set was already given up.
    #[test]
    fn a_proof_without_a_set_is_none() {
        let (memory, begin) = (Memory::default(), Instant::now());
        memory.prove(begin);
        assert_eq!(memory.age(begin), None);
    }

    #[test]
    fn a_refresh_cannot_end_where_there_is_none() {
        let memory = Memory::default();
        memory.change(told("anna")).unwrap();
        let end = Said::PresentPhaseOver(Rest::Changes);
        assert!(memory.change(end).is_err());
    }
}
