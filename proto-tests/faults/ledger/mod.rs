//! What the world outside did and was told: every message submitted, every decision tried, every
//! act by hand. Shared by all clients; the checker compares it with what is found.

mod file;
mod history;

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use mailhold::domain::{capture_id::CaptureId, decision::Decision, queue_id::QueueId};

pub use self::history::{
    Act, Alone, Ballot, ByHand, Disturbance, Heard, History, Outcome, Standing, Submission,
    Trouble, Way,
};

/// Keeps a history while it happens.
#[derive(Default)]
pub struct Ledger(Mutex<History>);

impl Ledger {
    /// Begins a submission, before its first byte is sent; gives its number, which replaces the one
    /// in `submission`.
    pub fn submit(&self, submission: Submission) -> usize {
        let mut history = self.0.lock().unwrap();
        let number = history.submissions.len();
        history.submissions.push(Submission {
            number,
            ..submission
        });
        number
    }

    /// What the client was told in the end.
    pub fn submitted(&self, number: usize, outcome: Outcome) {
        let mut history = self.0.lock().unwrap();
        let submission = &mut history.submissions[number];
        submission.outcome = outcome;
        submission.ended_at = Some(Utc::now());
    }

    /// The sender's standing changed while the message was sent.
    pub fn unsure(&self, number: usize) {
        self.0.lock().unwrap().submissions[number].standing = Standing::Changing;
    }

    /// Begins a decision, before it is sent; gives its number.
    pub fn decide(&self, capture_id: CaptureId, decision: Decision, reviewer: &str) -> usize {
        let mut history = self.0.lock().unwrap();
        let number = history.ballots.len();
        history.ballots.push(Ballot {
            number,
            capture_id: capture_id.to_string(),
            decision: decision.to_string(),
            reviewer: reviewer.to_owned(),
            begun_at: Utc::now(),
            heard: Heard::Unknown("nothing was heard yet".to_owned()),
            ended_at: None,
        });
        number
    }

    /// What the decider was told in the end.
    pub fn decided(&self, number: usize, heard: Heard) {
        let mut history = self.0.lock().unwrap();
        let ballot = &mut history.ballots[number];
        ballot.heard = heard;
        ballot.ended_at = Some(Utc::now());
    }

    /// An operator's act on one message. Note it before the command runs; gives its number.
    pub fn by_hand(&self, queue_id: &QueueId, act: Act) -> usize {
        let by_hand = ByHand {
            queue_id: queue_id.to_string(),
            act,
            at: Utc::now(),
            was_done: None,
        };
        let mut history = self.0.lock().unwrap();
        history.by_hand.push(by_hand);
        history.by_hand.len() - 1
    }

    /// Whether `postsuper` said that it did it: what had no effect explains nothing.
    pub fn was_done_by_hand(&self, number: usize, was_done: bool) {
        self.0.lock().unwrap().by_hand[number].was_done = Some(was_done);
    }

    /// Something that lets Postfix deliver twice. Note it before it begins and after it ends.
    pub fn disturb(&self, trouble: Trouble, from: DateTime<Utc>, to: DateTime<Utc>) {
        let disturbance = Disturbance { trouble, from, to };
        self.0.lock().unwrap().disturbances.push(disturbance);
    }

    /// A fault that came alone and is cured.
    pub fn came_alone(&self, alone: Alone) {
        self.0.lock().unwrap().alone.push(alone);
    }

    /// All that is noted so far.
    pub fn history(&self) -> History {
        self.0.lock().unwrap().clone()
    }
}
