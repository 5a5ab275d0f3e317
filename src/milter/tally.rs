//! How many captures each sender has made within the last hour, for the cap of `milter.sender_cap`.
//!
//! In memory alone, and bounded in it: a restart forgets, and so does a crowd of other senders, those
//! with the fewest captures first. Reads no clock. Never keeps a name of somebody who is not held.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Senders that are remembered; one of them takes up 1 KB at most, and an address.
const MOST_SENDERS: usize = 10_000;

/// Captures are counted by the minute.
const MINUTE_SECONDS: u64 = 60;

/// The minutes that count beside the current one: a whole hour, wherever in a minute it begins.
const HOUR_MINUTES: u64 = 60;

/// A name under which captures are counted, folded as the policy folds it.
pub type Sender = Vec<u8>;

/// The captures of the last hour, by sender.
#[derive(Debug)]
pub struct Tally {
    began: Instant,
    most_senders: usize,
    senders: Mutex<HashMap<Sender, Recent>>,
}

/// The captures of one sender by minute, the oldest first.
#[derive(Debug, Default)]
struct Recent(VecDeque<(Minute, u32)>);

/// Minutes since the tally began.
type Minute = u64;

/// A capture that was counted; for [`Tally::give_back`] if it comes to nothing.
#[derive(Debug)]
#[must_use = "a capture that fails is to be given back"]
pub struct Counted {
    sender: Sender,
    minute: Minute,
}

/// The sender has as many captures as the cap allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sender has {0} captures within an hour, which is milter.sender_cap")]
pub struct Capped(pub NonZeroU32);

impl Tally {
    /// An empty one.
    pub fn new(now: Instant) -> Self {
        Self {
            began: now,
            most_senders: MOST_SENDERS,
            senders: Mutex::default(),
        }
    }

    /// Refuses a sender who is at the cap. Counts nothing.
    pub fn check(&self, sender: &[u8], cap: NonZeroU32, now: Instant) -> Result<(), Capped> {
        let minute = self.minute(now);
        match self.senders().get(sender) {
            Some(recent) if recent.n_captures(minute) >= cap.get() => Err(Capped(cap)),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a capture, unless its sender is at the cap.
    pub fn count(&self, sender: &[u8], cap: NonZeroU32, now: Instant) -> Result<Counted, Capped> {
        let minute = self.minute(now);
        let mut senders = self.senders();
        if !senders.contains_key(sender) {
            make_room(&mut senders, self.most_senders, minute);
        }
        let recent = senders.entry(sender.to_vec()).or_default();
        if recent.n_captures(minute) >= cap.get() {
            return Err(Capped(cap));
        }
        recent.add(minute);
        Ok(Counted {
            sender: sender.to_vec(),
            minute,
        })
    }

    /// Takes back a capture that came to nothing.
    pub fn give_back(&self, counted: Counted) {
        let mut senders = self.senders();
        let Some(recent) = senders.get_mut(&counted.sender) else {
            return;
        };
        recent.take(counted.minute);
        if recent.0.is_empty() {
            senders.remove(&counted.sender);
        }
    }

    /// How many senders are at the cap now.
    pub fn n_capped(&self, cap: NonZeroU32, now: Instant) -> usize {
        let minute = self.minute(now);
        let is_capped = |recent: &&Recent| recent.n_captures(minute) >= cap.get();
        self.senders().values().filter(is_capped).count()
    }

    fn minute(&self, now: Instant) -> Minute {
        now.saturating_duration_since(self.began).as_secs() / MINUTE_SECONDS
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<Sender, Recent>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets senders until one more may come: those whose hour is over, then the one with the fewest
/// captures, so that nobody is pushed out of a cap by names that were used once.
fn make_room(senders: &mut HashMap<Sender, Recent>, most: usize, now: Minute) {
    if senders.len() < most {
        return;
    }
    senders.retain(|_, recent| recent.n_captures(now) > 0);
    if senders.len() < most {
        return;
    }
    let fewest = senders
        .iter()
        .min_by_key(|(_, recent)| (recent.n_captures(now), recent.last_minute()))
        .map(|(sender, _)| sender.clone());
    if let Some(sender) = fewest {
        senders.remove(&sender);
    }
}

impl Recent {
    /// The captures that count at `now`.
    fn n_captures(&self, now: Minute) -> u32 {
        let counts = |(minute, _): &&(Minute, u32)| minute.saturating_add(HOUR_MINUTES) >= now;
        let counted = self.0.iter().filter(counts).map(|(_, n)| n);
        counted.fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Counts one, and forgets those that count no more.
    fn add(&mut self, now: Minute) {
        let is_over = |(minute, _): &(Minute, u32)| minute.saturating_add(HOUR_MINUTES) < now;
        while self.0.front().is_some_and(is_over) {
            self.0.pop_front();
        }
        match self.0.back_mut() {
            Some((minute, n)) if *minute == now => *n = n.saturating_add(1),
            Some(_) | None => self.0.push_back((now, 1)),
        }
    }

    fn take(&mut self, minute: Minute) {
        let Some(at) = self.0.iter().position(|(one, _)| *one == minute) else {
            return;
        };
        if let Some((_, n)) = self.0.get_mut(at) {
            *n = n.saturating_sub(1);
            if *n == 0 {
                self.0.remove(at);
            }
        }
    }

    fn last_minute(&self) -> Minute {
        self.0.back().map_or(0, |(minute, _)| *minute)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANNA: &[u8] = b"anna@corp.test";

    fn cap(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    struct Clock {
        began: Instant,
        tally: Tally,
    }

    impl Clock {
        fn new(most_senders: usize) -> Self {
            let began = Instant::now();
            let tally = Tally {
                most_senders,
                ..Tally::new(began)
            };
            Self { began, tally }
        }

        fn at(&self, seconds: u64) -> Instant {
            self.began + Duration::from_secs(seconds)
        }

        /// Counts captures of a sender; how many were let through.
        fn count(&self, sender: &[u8], n: usize, limit: u32, seconds: u64) -> usize {
            let one = || self.tally.count(sender, cap(limit), self.at(seconds));
            (0..n).filter(|_| one().is_ok()).count()
        }
    }

    #[test]
    fn beyond_its_cap_a_sender_is_refused_and_others_are_not() {
        let clock = Clock::new(10);
        assert_eq!(clock.count(ANNA, 5, 3, 0), 3);
        assert_eq!(
            clock.tally.check(ANNA, cap(3), clock.at(1)),
            Err(Capped(cap(3)))
        );
        assert_eq!(clock.count(b"ben", 5, 3, 1), 3);
        assert_eq!(clock.tally.n_capped(cap(3), clock.at(1)), 2);
    }

    #[test]
    fn no_hour_has_more_captures_than_the_cap_wherever_it_begins() {
        let clock = Clock::new(10);
        let counted: Vec<u64> = (0..40_000)
            .step_by(7)
            .filter(|second| clock.count(ANNA, 1, 20, *second) == 1)
            .collect();
        for from in &counted {
            let within = |at: &&u64| (*from..from + 3_600).contains(*at);
            assert!(
                counted.iter().filter(within).count() <= 20,
                "from {from} on"
            );
        }
        assert!(
            counted.len() >= 200,
            "{}: captures come back",
            counted.len()
        );
    }

    #[test]
    fn captures_count_for_an_hour_and_a_minute_at_most() {
        let clock = Clock::new(10);
        clock.count(ANNA, 1, 1, 59);
        assert_eq!(
            clock.count(ANNA, 1, 1, 59 + 3_600),
            0,
            "not a whole hour yet"
        );
        assert_eq!(clock.tally.n_capped(cap(1), clock.at(3_661)), 0);
        assert_eq!(clock.count(ANNA, 1, 1, 3_661), 1);
    }

    #[test]
    fn a_capture_that_came_to_nothing_does_not_count() {
        let clock = Clock::new(10);
        let counted = clock.tally.count(ANNA, cap(1), clock.at(0)).unwrap();
        clock.tally.give_back(counted);
        assert_eq!(clock.count(ANNA, 2, 1, 0), 1);
        let late = clock.tally.count(b"ben", cap(1), clock.at(0)).unwrap();
        assert_eq!(clock.count(b"ben", 1, 1, 9_000), 1);
        clock.tally.give_back(late);
        assert_eq!(clock.count(b"ben", 1, 1, 9_000), 0, "it is not another's");
    }

    #[test]
    fn a_cap_that_is_lowered_acts_on_what_was_counted() {
        let clock = Clock::new(10);
        assert_eq!(clock.count(ANNA, 5, 9, 0), 5);
        assert!(clock.tally.check(ANNA, cap(5), clock.at(1)).is_err());
        assert!(clock.tally.check(ANNA, cap(6), clock.at(1)).is_ok());
    }

    #[test]
    fn a_crowd_of_senders_is_forgotten_before_one_with_many_captures() {
        let clock = Clock::new(10);
        assert_eq!(clock.count(ANNA, 3, 3, 0), 3);
        for n in 0..1_000_u32 {
            assert_eq!(clock.count(&n.to_be_bytes(), 1, 3, 1), 1);
        }
        assert_eq!(clock.tally.senders().len(), 10);
        assert_eq!(clock.count(ANNA, 1, 3, 2), 0);
    }

    #[test]
    fn what_is_kept_of_a_sender_is_bounded() {
        let clock = Clock::new(10);
        for second in 0..20_000 {
            clock.count(ANNA, 1, u32::MAX, second);
        }
        let senders = clock.tally.senders();
        assert!(senders[ANNA].0.len() <= 61, "{}", senders[ANNA].0.len());
    }
}
