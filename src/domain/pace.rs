//! How often a loop may go round: at once as long as little happens, and then at a steady pace, so
//! that what comes meanwhile is done together.

use std::time::{Duration, Instant};

/// Rounds that may follow each other at once.
const BURST: u32 = 4;

/// A budget of rounds: one more for each `apart`, a few of them in hand.
#[derive(Debug)]
pub struct Pace {
    apart: Duration,
    /// When the budget is full again.
    full_at: Instant,
}

impl Pace {
    /// Rounds this far apart in the long run.
    pub fn new(apart: Duration, now: Instant) -> Self {
        Self {
            apart,
            full_at: now,
        }
    }

    /// Takes one round, and tells when it may begin.
    pub fn take(&mut self, now: Instant) -> Instant {
        let in_hand = self.apart * (BURST - 1);
        let begin = self
            .full_at
            .checked_sub(in_hand)
            .map_or(now, |at| at.max(now));
        self.full_at = self.full_at.max(begin) + self.apart;
        begin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_millis(50);

    /// Rounds as soon as each may begin; their milliseconds.
    fn rounds(pace: &mut Pace, begin: Instant, n_rounds: usize) -> Vec<u128> {
        let mut now = begin;
        let mut next = || {
            now = pace.take(now);
            (now - begin).as_millis()
        };
        (0..n_rounds).map(|_| next()).collect()
    }

    #[test]
    fn a_few_rounds_follow_at_once_and_more_keep_the_pace() {
        let begin = Instant::now();
        let mut pace = Pace::new(APART, begin);
        let began = rounds(&mut pace, begin, 8);
        assert_eq!(began, [0, 0, 0, 0, 50, 100, 150, 200]);
    }

    #[test]
    fn after_a_rest_rounds_follow_at_once_again() {
        let begin = Instant::now();
        let mut pace = Pace::new(APART, begin);
        rounds(&mut pace, begin, 6);
        let rested = begin + 2 * APART + BURST * APART;
        let began = rounds(&mut pace, rested, 5);
        assert_eq!(began, [0, 0, 0, 0, 50]);
    }
}
