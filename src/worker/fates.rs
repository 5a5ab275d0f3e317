//! What came of claimed decisions, and its record. What is proven is kept until it is recorded,
//! however long PostgreSQL is away.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};

use super::{Desk, Settings, asking::Asking, piecemeal::Piecemeal};
use crate::{
    domain::{capture_id::CaptureId, decision::Disposition},
    store::{
        StoreError,
        settlements::{Method, Settlement},
        work::{Claimed, Lease},
    },
    telemetry::{AlarmKind, events},
};

/// The first pause of a decision that could not be carried out; it doubles with every attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause when not the message but Postfix was at fault: soon after the cure, all that
/// waited is carried out.
const LONGEST_SERVICE_PAUSE: Duration = Duration::from_secs(30);

/// What was at fault when a decision was put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// This message: no other one is held up.
    Message,
    /// Postfix, or what stands between us and it.
    Service,
    /// Nobody: the time was up.
    Time,
    /// The message was nowhere to be seen, for a reason that may pass.
    Absence,
}

/// Decisions to be tried again, with one reason for all.
struct Postponed {
    works: Vec<Claimed>,
    fault: Fault,
    reason: String,
}

/// What came of some claimed decisions.
#[derive(Default)]
pub(super) struct Fates {
    settled: Vec<(Claimed, Settlement)>,
    postponed: Vec<Postponed>,
}

impl Fates {
    /// The effect of the decision is proven.
    pub fn fulfil(&mut self, work: Claimed, method: Method, evidence: String) {
        let disposition = work.decision.fulfilled();
        self.settle(work, disposition, method, evidence);
    }

    /// Another hand moved the message.
    pub fn gone(&mut self, work: Claimed, evidence: String) {
        self.settle(work, Disposition::Gone, Method::None, evidence);
    }

    /// To be tried again.
    pub fn postpone(&mut self, works: Vec<Claimed>, fault: Fault, reason: &str) {
        if !works.is_empty() {
            let reason = reason.to_owned();
            self.postponed.push(Postponed {
                works,
                fault,
                reason,
            });
        }
    }

    /// What was settled how.
    pub fn settled(&self) -> impl Iterator<Item = (&Claimed, &Method)> {
        self.settled
            .iter()
            .map(|(work, settlement)| (work, &settlement.method))
    }

    /// Adds other fates to these.
    pub fn extend(&mut self, other: Self) {
        self.settled.extend(other.settled);
        self.postponed.extend(other.postponed);
    }

    fn settle(
        &mut self,
        work: Claimed,
        disposition: Disposition,
        method: Method,
        evidence: String,
    ) {
        let settlement = Settlement {
            lease: work.lease,
            capture_id: work.standing.capture_id,
            disposition,
            method,
            evidence,
        };
        self.settled.push((work, settlement));
    }
}

/// Settlements that are proven and not recorded yet.
#[derive(Default)]
pub(super) struct Proven(HashMap<CaptureId, (Claimed, Settlement)>);

/// Whether PostgreSQL took what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recorded {
    /// All, but for what it refused by itself.
    Done,
    /// It is away: nothing more can be done now.
    Away,
}

impl Proven {
    /// Takes out of freshly claimed decisions those whose effect is proven already: the new claim
    /// is only to be recorded.
    pub fn renew(&mut self, mut claimed: Vec<Claimed>) -> Vec<Claimed> {
        claimed.retain(|work| match self.0.get_mut(&work.standing.capture_id) {
            Some((proven, settlement)) => {
                proven.lease = work.lease;
                settlement.lease = work.lease;
                false
            }
            None => true,
        });
        claimed
    }

    /// Records fates, and what could not be recorded before.
    pub async fn record(&mut self, desk: &Desk, fates: Fates) -> Recorded {
        let settled = fates.settled.into_iter();
        self.0
            .extend(settled.map(|settled| (settled.0.standing.capture_id, settled)));
        let recorded = self.record_all(desk).await;
        if recorded == Recorded::Done {
            for postponed in fates.postponed {
                postpone(desk, postponed).await;
            }
        }
        recorded
    }

    async fn record_all(&mut self, desk: &Desk) -> Recorded {
        let all: Vec<CaptureId> = self.0.keys().copied().collect();
        let mut rows = Piecemeal::of(Asking::Settle, &all);
        while let Some(part) = rows.next() {
            let taken = match self.try_record(desk, part).await {
                Ok(()) => Ok(()),
                Err(error) => rows.refused(desk, part, error),
            };
            if let Err(error) = taken {
                Asking::Settle.note(desk, &error);
                return Recorded::Away;
            }
        }
        Recorded::Done
    }

    async fn try_record(&mut self, desk: &Desk, ids: &[CaptureId]) -> Result<(), StoreError> {
        let settlements: Vec<Settlement> = ids
            .iter()
            .filter_map(|id| Some(self.0.get(id)?.1.clone()))
            .collect();
        let recorded = desk.store.settle(&desk.name, &settlements).await?;
        let now = Utc::now();
        for id in ids {
            // One that was not recorded was claimed by another worker, who knows better.
            if let Some((work, settlement)) = self.0.remove(id)
                && recorded.contains(id)
            {
                tell(desk, &work, &settlement, now);
            }
        }
        Ok(())
    }
}

/// Tells of a settlement that is recorded.
fn tell(desk: &Desk, work: &Claimed, settlement: &Settlement, now: DateTime<Utc>) {
    let id = &work.standing.queue_id;
    let decision = work.decision.as_str();
    if settlement.disposition == Disposition::Gone {
        desk.metrics.gone();
        desk.metrics.settled(decision, "gone");
        desk.alarms
            .raise(AlarmKind::Gone, &format!("{id}: {}", settlement.evidence));
    } else {
        desk.metrics.settled(decision, "done");
        let time = (now - work.decided_at).to_std().unwrap_or_default();
        desk.metrics.settle_time(decision, time);
    }
    events::message_settled(
        id,
        work.standing.capture_id,
        settlement.disposition,
        settlement.method.new_queue_id(),
    );
}

async fn postpone(desk: &Desk, postponed: Postponed) {
    let Postponed {
        works,
        fault,
        reason,
    } = postponed;
    let leases: Vec<Lease> = works.iter().map(|work| work.lease).collect();
    // A decision that is only given back for want of time is claimed again at once.
    for work in works.iter().filter(|_| fault != Fault::Time) {
        desk.metrics.settled(work.decision.as_str(), "postponed");
        events::settle_postponed(&work.standing.queue_id, work.decision, &reason);
    }
    // Those that wait together go on together: the youngest of them tells when.
    let attempt = leases.iter().map(|lease| lease.attempt()).min();
    let pause = pause_after(attempt.unwrap_or_default(), fault, &desk.settings());
    if let Err(error) = desk.store.postpone(&leases, pause, &reason).await {
        // The leases end by themselves.
        Asking::Settle.note(desk, &error);
    }
}

fn pause_after(attempt: u32, fault: Fault, settings: &Settings) -> Duration {
    let longest = settings.max_backoff;
    let doublings = attempt.saturating_sub(1).min(16);
    let doubled = FIRST_PAUSE.saturating_mul(1 << doublings);
    match fault {
        Fault::Message => doubled.min(longest),
        Fault::Service => doubled.min(longest).min(LONGEST_SERVICE_PAUSE),
        Fault::Time => Duration::ZERO,
        Fault::Absence => settings.lease / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(max_backoff: u64) -> Settings {
        Settings {
            instance: "mx1".parse().unwrap(),
            poll: Duration::from_secs(5),
            reconcile: Duration::from_secs(15),
            lease: Duration::from_secs(60),
            batch: 500,
            max_backoff: Duration::from_secs(max_backoff),
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_of_their_fault() {
        let attempts = [0, 1, 2, 5, 6, 10, u32::MAX];
        let pauses = |fault| attempts.map(|n| pause_after(n, fault, &settings(300)).as_secs());
        assert_eq!(pauses(Fault::Message), [1, 1, 2, 16, 32, 300, 300]);
        assert_eq!(pauses(Fault::Service), [1, 1, 2, 16, 30, 30, 30]);
        assert_eq!(pauses(Fault::Time), [0; 7]);
        assert_eq!(pauses(Fault::Absence), [30; 7]);
        let short = pause_after(9, Fault::Service, &settings(5));
        assert_eq!(short.as_secs(), 5, "worker.max_backoff counts for all");
    }
}
