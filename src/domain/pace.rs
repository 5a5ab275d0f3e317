//! How often a loop may go round: at once as long as little happens, and then at a steady pace, so
//! that what comes meanwhile is done together.

use std::time::Duration;

/// Rounds that may follow each other at once.
const BURST: u32 = 4;

/// A budget of rounds: one more for each `apart`, a few of them in hand. Times are those since its
/// begin.
#[derive(Debug)]
pub struct Pace {
    apart: Duration,
    /// When the budget is full again.
    full_at: Duration,
}

impl Pace {
    /// Rounds this far apart in the long run.
    pub fn new(apart: Duration) -> Self {
        Self {
            apart,
            full_at: Duration::ZERO,
        }
    }

    /// Takes one round, and tells how long it is to wait.
    pub fn take(&mut self, elapsed: Duration) -> Duration {
        let in_hand = self.apart * (BURST - 1);
        let wait = self.full_at.saturating_sub(in_hand + elapsed);
        self.full_at = self.full_at.max(elapsed + wait) + self.apart;
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_millis(50);

    /// Rounds as soon as each may begin; their milliseconds.
    fn rounds(pace: &mut Pace, begin: Duration, n_rounds: usize) -> Vec<u128> {
        let mut elapsed = begin;
        let mut next = || {
            elapsed += pace.take(elapsed);
            (elapsed - begin).as_millis()
        };
        (0..n_rounds).map(|_| next()).collect()
    }

    #[test]
    fn a_few_rounds_follow_at_once_and_more_keep_the_pace() {
        let mut pace = Pace::new(APART);
        let began = rounds(&mut pace, Duration::ZERO, 8);
        assert_eq!(began, [0, 0, 0, 0, 50, 100, 150, 200]);
    }

    #[test]
    fn after_a_rest_rounds_follow_at_once_again() {
        let mut pace = Pace::new(APART);
        rounds(&mut pace, Duration::ZERO, 6);
        let rested = 2 * APART + BURST * APART;
        let began = rounds(&mut pace, rested, 5);
        assert_eq!(began, [0, 0, 0, 0, 50]);
    }
}
