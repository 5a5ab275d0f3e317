//! Compares what the world outside did and was told with what is found afterwards, and counts how
//! often each invariant is violated. Pure: reads a history and a snapshot, and nothing else.
//!
//! What nobody heard the end of is *unknown*: a message that its client sent to the last byte and
//! heard nothing of, and a decision whose connection failed. Either end is right then. But whatever
//! is found of such a message must be whole: what reached one recipient must reach them all, what
//! was seen on hold must not vanish, and of a decision that stands everybody else must be told.

mod report;
mod view;

mod bystanders;
mod content;
mod decisions;
mod durable;
mod escape;
mod ghosts;
mod leaks;
mod loss;
mod right;
mod twice;
mod visible;

use self::view::View;
pub use self::{
    report::{Finding, Invariant, Report},
    visible::seen,
};
use super::{ledger::History, snapshot::Snapshot};

/// Checks every invariant.
pub fn check(history: &History, snapshot: &Snapshot) -> Report {
    let view = View::new(history, snapshot);
    let check = |invariant: Invariant| {
        let mut finding = Finding::new(invariant);
        match invariant {
            Invariant::NoEscape => escape::check(&view, &mut finding),
            Invariant::NoLoss => loss::check(&view, &mut finding),
            Invariant::Durable => durable::check(&view, &mut finding),
            Invariant::NoGhosts => ghosts::check(&view, &mut finding),
            Invariant::OneDecision => decisions::check(&view, &mut finding),
            Invariant::ApplyOnce => twice::check(&view, &mut finding),
            Invariant::RightMessage => right::check(&view, &mut finding),
            Invariant::SameBytes => content::check(&view, &mut finding),
            Invariant::Bystanders => bystanders::check(&view, &mut finding),
            Invariant::NoLeak => leaks::check(&view, &mut finding),
            Invariant::FailVisible => visible::check(&view, &mut finding),
        }
        finding
    };
    Report {
        findings: Invariant::ALL.map(check).into(),
    }
}
