//! Counts what waits, for the figures, and looks whether faults are over. Never changes anything.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{Desk, asking::Asking, doubts, troubles::Troubles};
use crate::store::figures::{Figures, Waiting};

/// Rounds of counting between two tries of what failed: where sudo is at fault, each try may be a
/// mail to the administrator.
const ROUNDS_BETWEEN_TRIES: u32 = 6;

/// Never ends.
pub(super) async fn run(desk: Arc<Desk>) {
    let mut held = Held::default();
    for round in 0_u32.. {
        Asking::Count.begin(&desk);
        let asked = Instant::now();
        let instance = &desk.settings().instance;
        match desk.store.figures(instance, held.known()).await {
            Ok(figures) => {
                held.told(figures.held.count);
                doubts::counted(&desk, figures.n_doubted, asked);
                tell(&desk, &figures);
            }
            Err(error) => Asking::Count.note(&desk, &error),
        }
        Asking::Count.end(&desk);
        if round % ROUNDS_BETWEEN_TRIES == 0 {
            Troubles::try_again(&desk).await;
        }
        desk.pause().await;
    }
}

fn tell(desk: &Desk, figures: &Figures) {
    let Figures {
        unconfirmed,
        held,
        decided,
        ..
    } = figures;
    let now = Utc::now();
    desk.metrics
        .unconfirmed(unconfirmed.count, age(unconfirmed, now));
    desk.metrics.review(held.count, age(held, now));
    desk.metrics.settling(decided.count, age(decided, now));
}

fn age(waiting: &Waiting, now: DateTime<Utc>) -> Duration {
    waiting
        .oldest
        .and_then(|oldest| (now - oldest).to_std().ok())
        .unwrap_or_default()
}

/// Each held message is a row of an index to count: very many are not counted in every round.
#[derive(Debug, Default)]
struct Held {
    known: u64,
    rounds_left: u64,
}

impl Held {
    /// So many messages make their count one round rarer.
    const PER_ROUND: u64 = 20_000;
    /// Their count is never older, in rounds.
    const MOST_ROUNDS: u64 = 12;

    /// How many there were, where that is good enough.
    fn known(&self) -> Option<u64> {
        (self.rounds_left > 0).then_some(self.known)
    }

    fn told(&mut self, count: u64) {
        self.rounds_left = match self.rounds_left {
            0 => (count / Self::PER_ROUND).min(Self::MOST_ROUNDS - 1),
            left => left - 1,
        };
        self.known = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In which of 40 rounds so many are counted.
    fn counted(n_held: u64) -> Vec<usize> {
        let mut held = Held::default();
        let mut is_counted = |_: &usize| {
            let is_new = held.known().is_none();
            held.told(n_held);
            is_new
        };
        (0..40).filter(|round| is_counted(round)).collect()
    }

    #[test]
    fn few_messages_are_counted_in_every_round() {
        assert_eq!(counted(19_999).len(), 40);
    }

    #[test]
    fn the_more_messages_are_held_the_rarer_they_are_counted() {
        assert_eq!(counted(100_000)[..3], [0, 6, 12]);
        assert_eq!(counted(u64::MAX)[..3], [0, 12, 24]);
    }
}
