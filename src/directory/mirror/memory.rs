//! The set in use, and the time at which it was last known to be right. Readers never wait for a
//! server.

use std::{
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    refresh::{Kind, Refresh, Said},
    set::{Key, Person, Set},
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
    /// How the set was last brought up to date.
    kind: Option<Kind>,
    /// A server is telling everything that is so by now; the set is what was so before.
    is_being_refreshed: bool,
}

/// What memory has to say of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Everyone of that name.
    pub entries: Vec<Answered>,
    /// What of it can be relied on.
    pub reliance: Reliance,
}

/// What of an answer can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliance {
    /// All: who is not found is not flagged.
    Everything,
    /// Only what memory *has*: somebody may be flagged whom it does not know, or not by this name.
    Presence,
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

    /// A refresh that was resumed may have missed somebody who became flagged, and one that is under
    /// way has yet to tell of them.
    fn reliance(&self) -> Reliance {
        match self.kind {
            _ if self.is_being_refreshed => Reliance::Presence,
            Some(Kind::Full) if self.set.is_sure() => Reliance::Everything,
            Some(Kind::Full | Kind::Resumed) | None => Reliance::Presence,
        }
    }
}

/// A change that cannot come outside of a refresh.
#[derive(Debug, thiserror::Error)]
#[error("the end of a refresh where there was none")]
pub struct OutOfOrder;

impl Memory {
    /// Everyone who has any of these keys; `None` if what is known is not newer than `oldest`.
    pub fn find(&self, keys: &[Key], oldest: Oldest) -> Option<Found> {
        let known = self.read();
        if !known.is_newer(oldest) {
            return None;
        }
        let entries = keys.iter().flat_map(|key| known.set.find(key)).collect();
        Some(Found {
            entries,
            reliance: known.reliance(),
        })
    }

    /// Everyone; `None` if what is known is not newer than `oldest`.
    pub fn entries(&self, oldest: Oldest) -> Option<Vec<Answered>> {
        let known = self.read();
        let entries = || known.set.entries().map(|(_, entry)| entry).collect();
        known.is_newer(oldest).then(entries)
    }

    /// Whether every question is answered, because all is known and newer than `oldest`.
    pub fn answers(&self, oldest: Oldest) -> bool {
        let known = self.read();
        known.is_newer(oldest) && known.reliance() == Reliance::Everything
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

    /// A server that can be asked has begun a refresh: until it is whole or lost, only what memory has is
    /// relied on, for a change of this time is told at its end.
    pub fn refresh_begins(&self) {
        self.write().is_being_refreshed = true;
    }

    /// The refresh will never be whole: what was so before is the best that is known.
    pub fn refresh_is_lost(&self) {
        self.write().is_being_refreshed = false;
    }

    /// Puts a whole refresh in force, which the server was asked for at `asked_at`. The new set is made
    /// aside: mail waits for none of it.
    pub fn refreshed(&self, refresh: Refresh, asked_at: Instant) {
        let kind = Some(refresh.kind());
        let set = refresh.make(|| self.read().set.clone());
        let known = Known {
            set,
            proven_at: Some(asked_at),
            kind,
            is_being_refreshed: false,
        };
        let left_over = std::mem::replace(&mut *self.write(), known);
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
        super::{refresh::Rest, set::Names},
        *,
    };

    const LONG: Duration = Duration::from_secs(60);

    fn told(name: &str) -> Said<Person> {
        let entry = Answered {
            name: name.to_owned(),
            values: Vec::new(),
        };
        let person = Person::new(&entry, &[b"k".to_vec()], Names::Sure);
        Said::Is(Uuid::from_u128(1), person)
    }

    fn refresh(kind: Kind, said: Said<Person>) -> Refresh {
        let mut refresh = Refresh::new(kind);
        refresh.take(said);
        refresh
    }

    fn find(memory: &Memory, key: &[u8], oldest: Oldest) -> Option<(usize, Reliance)> {
        let found = memory.find(&[key.to_vec()], oldest)?;
        Some((found.entries.len(), found.reliance))
    }

    #[test]
    fn what_was_resumed_is_relied_on_in_part_until_all_is_read_anew() {
        let (memory, begin) = (Memory::default(), Instant::now());
        let now = after(begin, Duration::ZERO);
        for (kind, reliance) in [
            (Kind::Full, Reliance::Everything),
            (Kind::Resumed, Reliance::Presence),
            (Kind::Full, Reliance::Everything),
        ] {
            memory.refreshed(refresh(kind, told("anna")), begin);
            assert_eq!(find(&memory, b"other", now), Some((0, reliance)));
            let is_all = reliance == Reliance::Everything;
            assert_eq!(memory.answers(now), is_all, "{kind:?}");
        }
    }

    #[test]
    fn while_a_refresh_is_under_way_only_what_memory_has_is_relied_on() {
        let (memory, begin) = (Memory::default(), Instant::now());
        let now = after(begin, Duration::ZERO);
        let reliance = || find(&memory, b"k", now);
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        memory.refresh_begins();
        assert_eq!(reliance(), Some((1, Reliance::Presence)));
        memory.refresh_is_lost();
        assert_eq!(reliance(), Some((1, Reliance::Everything)));
        memory.refresh_begins();
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        assert_eq!(reliance(), Some((1, Reliance::Everything)));
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
        assert_eq!(find(&memory, b"k", now), None);
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        assert_eq!(find(&memory, b"k", now), Some((1, Reliance::Everything)));
        assert_eq!(
            find(&memory, b"other", now),
            Some((0, Reliance::Everything))
        );
    }

    #[test]
    fn what_is_too_old_is_not_answered() {
        let (memory, begin) = (Memory::default(), Instant::now());
        memory.refreshed(refresh(Kind::Full, told("anna")), begin);
        let later = after(begin, LONG);
        assert_eq!(find(&memory, b"k", later), None);
        memory.prove(begin + Duration::from_secs(1));
        assert!(find(&memory, b"k", later).is_some());
        memory.distrust();
        assert_eq!((find(&memory, b"k", later), memory.len()), (None, 0));
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

    #[test]
    fn memory_of_nobody_is_not_relied_on() {
        let (memory, begin) = (Memory::default(), Instant::now());
        let now = after(begin, Duration::ZERO);
        memory.refreshed(refresh(Kind::Full, Said::Nothing), begin);
        assert_eq!(find(&memory, b"k", now), Some((0, Reliance::Presence)));
        assert!(!memory.answers(now));
    }
}
