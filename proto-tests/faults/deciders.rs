//! Reviewers that decide by chance, as fast as mail is held, and some of them on the same message.

use std::time::Duration;

use futures_util::future::join_all;
use mailhold::{
    domain::{capture_id::CaptureId, decision::Decision, instance::Instance, lifecycle::State},
    store::{
        Store, StoreError,
        decisions::{Answer, Ballot, Via},
        reviews::{Filter, Line, Order},
    },
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::ledger::{Heard, Ledger};
use crate::{lab::chance::Chance, store::fixture::Deciding};

/// How many reviews a decider looks at before it picks one.
const PAGE: u32 = 20;
/// Of a hundred decisions, so many are raced for by a second reviewer at the same moment.
const RACES: usize = 25;
/// Of 256 captures, so many are never decided: they are to stay on hold.
const LEFT_ALONE: u8 = 24;
const LONGEST_PAUSE_MS: usize = 150;

/// How many decide, and on what.
#[derive(Clone, Debug)]
pub struct Deciders {
    /// What they choose follows from it, as far as the order of the mail allows.
    pub seed: u64,
    /// How many there are.
    pub n_deciders: usize,
    /// Their names; a race needs two.
    pub reviewers: Vec<String>,
    /// Whose mail they decide on.
    pub instance: Instance,
}

/// Decides until it is stopped; gives how many decisions were tried.
pub async fn run(
    deciders: &Deciders,
    store: &Store,
    ledger: &Ledger,
    stop: &CancellationToken,
) -> usize {
    let mut chance = Chance::new(deciders.seed);
    let each = (0..deciders.n_deciders).map(|_| {
        let desk = Desk {
            deciders,
            store,
            ledger,
        };
        desk.decide_until(stop, chance.branch())
    });
    join_all(each).await.into_iter().sum()
}

/// Whether the deciders never touch this capture.
pub fn is_left_alone(capture_id: CaptureId) -> bool {
    let bytes = capture_id.uuid().into_bytes();
    bytes.last().is_some_and(|last| *last < LEFT_ALONE)
}

/// The oldest reviews that deciders still have to do with; empty when they are done.
pub async fn open(store: &Store, instance: &Instance) -> Result<Vec<Line>, StoreError> {
    let mut filter = Filter {
        states: vec![State::Held],
        instance: Some(instance.clone()),
        order: Order::OldestFirst,
        after: None,
        limit: PAGE,
    };
    loop {
        let mut page = store.list(&filter).await?;
        let Some(last) = page.last() else {
            return Ok(page);
        };
        filter.after = Some(last.position());
        page.retain(|line| !is_left_alone(line.capture_id));
        // A page of nothing but such ones has others behind it.
        if !page.is_empty() {
            return Ok(page);
        }
    }
}

struct Desk<'a> {
    deciders: &'a Deciders,
    store: &'a Store,
    ledger: &'a Ledger,
}

impl Desk<'_> {
    async fn decide_until(self, stop: &CancellationToken, mut chance: Chance) -> usize {
        let mut n_tried = 0;
        while !stop.is_cancelled() {
            // An outage is no matter of the decider: the next look may succeed.
            let page = open(self.store, &self.deciders.instance).await;
            let page = page.unwrap_or_default();
            if !page.is_empty() {
                let line = chance.pick(&page);
                n_tried += self.decide(line.capture_id, &mut chance).await;
            }
            let pause = chance.below(LONGEST_PAUSE_MS) as u64;
            sleep(Duration::from_millis(pause)).await;
        }
        n_tried
    }

    async fn decide(&self, capture_id: CaptureId, chance: &mut Chance) -> usize {
        let reviewers = &self.deciders.reviewers;
        let first = (*chance.pick(&Decision::ALL), chance.pick(reviewers).clone());
        let second = (*chance.pick(&Decision::ALL), chance.pick(reviewers).clone());
        if chance.percent(RACES) {
            tokio::join!(
                self.try_once(capture_id, first),
                self.try_once(capture_id, second)
            );
            return 2;
        }
        match self.try_once(capture_id, first.clone()).await {
            // Whoever does not know asks again, as a person would.
            Heard::Unknown(_) => {
                self.try_once(capture_id, first).await;
                2
            }
            Heard::Acknowledged | Heard::LostTo { .. } | Heard::Refused(_) => 1,
        }
    }

    async fn try_once(
        &self,
        capture_id: CaptureId,
        (decision, reviewer): (Decision, String),
    ) -> Heard {
        let number = self.ledger.decide(capture_id, decision, &reviewer);
        let ballot = Ballot {
            capture_id,
            decision,
            reviewer,
            os_user: None,
            via: Via::Cli,
            note: None,
        };
        let heard = match self.store.decide(&ballot).await {
            Ok(Answer::Accepted { .. }) => Heard::Acknowledged,
            Ok(Answer::AlreadyDecided(winner)) => Heard::LostTo {
                decision: winner.decision.to_string(),
                reviewer: winner.reviewer,
            },
            Ok(answer) => Heard::Refused(format!("{answer:?}")),
            Err(error) => Heard::Unknown(format!("{error:?}")),
        };
        self.ledger.decided(number, heard.clone());
        heard
    }
}
