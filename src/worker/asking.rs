//! Which of the worker's loops PostgreSQL fails just now: one alarm for all, which ends when the last
//! of them gets through a round. Never ends it on the word of another loop: where the figures can be
//! read, a settlement may still be refused.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::Desk;
use crate::{
    store::StoreError,
    telemetry::{AlarmKind, chain::Chain, events},
};

/// A loop, by what it asks the database for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asking {
    /// Figures.
    Count,
    /// Captures to confirm.
    Confirm,
    /// Decisions to carry out.
    Settle,
    /// What stands under the names on hold.
    Reconcile,
    /// Decisions that wait, and the time.
    LookOut,
}

/// The loops whose round has met a fault.
#[derive(Debug, Default)]
pub struct Rounds(Mutex<BTreeSet<Asking>>);

impl Asking {
    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Confirm => "confirm",
            Self::Settle => "settle",
            Self::Reconcile => "reconcile",
            Self::LookOut => "look out",
        }
    }

    /// A loop sets out to do all that it has to do.
    pub(super) fn begin(self, desk: &Desk) {
        desk.rounds.faulty().remove(&self);
    }

    /// It has come to the end of it.
    pub(super) fn end(self, desk: &Desk) {
        if !desk.rounds.faulty().contains(&self) {
            desk.alarms
                .clear_part(AlarmKind::StoreUnreachable, self.as_str());
        }
    }

    /// A statement failed on the way.
    pub(super) fn note(self, desk: &Desk, error: &StoreError) {
        desk.rounds.faulty().insert(self);
        let detail = Chain(error).to_string();
        desk.alarms
            .raise_part(AlarmKind::StoreUnreachable, self.as_str(), &detail);
        events::store_unreachable(error);
    }
}

impl Rounds {
    fn faulty(&self) -> MutexGuard<'_, BTreeSet<Asking>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
