//! What really became of a message: read from the queue and from Postfix's log, never assumed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Desk, note_postfix,
    settle::{Fate, Fates, postponed},
};
use crate::{
    domain::{
        decision::{Decision, Disposition},
        queue_id::QueueId,
    },
    postfix::{
        hold::Place,
        log::{Effect, Findings, LogMark},
        postsuper::{Action, Report},
        presence::Presence,
    },
    store::{
        settlements::{Method, Settlement},
        work::Claimed,
    },
    telemetry::{AlarmKind, chain::Chain, events},
};

/// How long to wait for the new queue ID of a requeued message to be logged.
const NEW_ID_PATIENCE: Duration = Duration::from_secs(5);
const NEW_ID_PAUSE: Duration = Duration::from_millis(50);

/// A command that was run, and what it said.
pub(super) struct Command {
    /// What was asked.
    pub action: Action,
    /// The log's end before it.
    pub mark: LogMark,
    /// What `postsuper` said.
    pub report: Report,
}

/// Proves a command's effect, message by message.
pub(super) async fn after(desk: &Desk, command: Command, works: Vec<Claimed>) -> Fates {
    let (mut fates, mut unnamed) = (Fates::new(), Vec::new());
    let mut done = Vec::new();
    for work in works {
        let id = &work.standing.queue_id;
        match desk.postfix.presence(id).await {
            Ok(Presence::Missing) if command.report.done.contains(id) => done.push(work),
            Ok(Presence::Missing) => unnamed.push(work),
            Ok(presence) => {
                let said = command.report.complaints.join("; ");
                let reason = format!("postsuper did not move it ({presence}): {said}");
                fates.extend(postponed(vec![work], &reason));
            }
            Err(error) => {
                note_postfix(desk, &error);
                fates.extend(postponed(vec![work], &Chain(&error).to_string()));
            }
        }
    }
    let new_ids = match command.action {
        Action::Requeue => new_queue_ids(desk, command.mark, &done).await,
        Action::Release | Action::Discard | Action::Return => Findings::default(),
    };
    for work in done {
        let new_queue_id = new_ids.requeued_as.get(&work.standing.queue_id).cloned();
        let method = method(command.action, new_queue_id);
        fates.push(fulfilled(
            work,
            method,
            "postsuper named it, and it has left hold".to_owned(),
        ));
    }
    // Not named and not there: another hand was faster, between our look and our command.
    fates.extend(
        unnamed
            .into_iter()
            .map(|work| gone(work, "it left hold before postsuper came")),
    );
    fates
}

/// Settles decided messages that are not on hold any more.
///
/// A first attempt has done nothing yet: another hand was faster. A later one may have run its
/// command before the worker stopped; Postfix's log and queues tell.
pub(super) async fn missing(desk: &Desk, works: Vec<Claimed>) -> Fates {
    let Some(since) = works.iter().map(|work| work.decided_at).min() else {
        return Fates::new();
    };
    let ids: Vec<QueueId> = works
        .iter()
        .map(|work| work.standing.queue_id.clone())
        .collect();
    let findings = match desk.postfix.read_log(LogMark::since(since), &ids).await {
        Ok(findings) => findings,
        Err(error) => {
            note_postfix(desk, &error);
            return postponed(works, &Chain(&error).to_string());
        }
    };
    let mut fates = Fates::new();
    for work in works {
        let id = &work.standing.queue_id;
        let logged = findings
            .evidence
            .iter()
            .rfind(|evidence| evidence.queue_id == *id);
        let logged = logged.map(|evidence| (evidence.effect, evidence.stamp.clone()));
        let own = (work.lease.attempt() > 1).then_some(());
        let place = desk.postfix.elsewhere(id).await.ok().flatten();
        let new_id = findings.requeued_as.get(id).cloned();
        fates.push(match (own, logged) {
            (Some(()), Some((effect, stamp)))
                if let Some(method) = method_of(work.decision, effect, new_id) =>
            {
                fulfilled(work, method, format!("postsuper logged it at {stamp}"))
            }
            (Some(()), None) if is_being_delivered(work.decision, place) => fulfilled(
                work,
                Method::Unhold,
                "it is in Postfix's queue for delivery".to_owned(),
            ),
            (_, Some((effect, stamp))) => {
                gone(work, &format!("postsuper logged {effect:?} at {stamp}"))
            }
            (_, None) => gone(work, "it is not on hold, and no log tells why"),
        });
    }
    fates
}

fn is_being_delivered(decision: Decision, place: Option<Place>) -> bool {
    let in_delivery = matches!(
        place,
        Some(Place::Incoming | Place::Active | Place::Deferred)
    );
    decision == Decision::Release && in_delivery
}

/// The method of an effect that this decision asks for.
fn method_of(decision: Decision, effect: Effect, new_id: Option<QueueId>) -> Option<Method> {
    match (decision, effect) {
        (Decision::Release, Effect::Released) => Some(Method::Unhold),
        (Decision::Release, Effect::Requeued) => Some(Method::Requeue {
            new_queue_id: new_id,
        }),
        (Decision::Discard, Effect::Removed) => Some(Method::Delete),
        (Decision::Return, Effect::Released | Effect::Expired) => Some(Method::Expire),
        (
            Decision::Release | Decision::Discard | Decision::Return,
            Effect::Held | Effect::Released | Effect::Removed | Effect::Requeued | Effect::Expired,
        ) => None,
    }
}

fn method(action: Action, new_queue_id: Option<QueueId>) -> Method {
    match action {
        Action::Release => Method::Unhold,
        Action::Discard => Method::Delete,
        Action::Return => Method::Expire,
        Action::Requeue => Method::Requeue { new_queue_id },
    }
}

/// Pickup logs the new queue ID a moment after `postsuper` has ended.
async fn new_queue_ids(desk: &Desk, mark: LogMark, done: &[Claimed]) -> Findings {
    let ids: Vec<QueueId> = done
        .iter()
        .map(|work| work.standing.queue_id.clone())
        .collect();
    let end = tokio::time::Instant::now() + NEW_ID_PATIENCE;
    loop {
        let findings = match desk.postfix.read_log(mark, &ids).await {
            Ok(findings) => findings,
            Err(error) => {
                // The ID is then recorded as unknown; the release itself is proven.
                note_postfix(desk, &error);
                return Findings::default();
            }
        };
        let has_all = ids.iter().all(|id| findings.requeued_as.contains_key(id));
        if has_all || !desk.postfix.has_log() || tokio::time::Instant::now() >= end {
            return findings;
        }
        tokio::time::sleep(NEW_ID_PAUSE).await;
    }
}

fn fulfilled(work: Claimed, method: Method, evidence: String) -> (Claimed, Fate) {
    let disposition = work.decision.fulfilled();
    settled(work, disposition, method, evidence)
}

fn gone(work: Claimed, evidence: &str) -> (Claimed, Fate) {
    settled(work, Disposition::Gone, Method::None, evidence.to_owned())
}

fn settled(
    work: Claimed,
    disposition: Disposition,
    method: Method,
    evidence: String,
) -> (Claimed, Fate) {
    let capture_id = work.standing.capture_id;
    let settlement = Settlement {
        lease: work.lease,
        capture_id,
        disposition,
        method,
        evidence,
    };
    (work, Fate::Settled(settlement))
}

/// Tells of a settlement that is recorded.
pub(super) fn note(desk: &Desk, work: &Claimed, settlement: &Settlement, now: DateTime<Utc>) {
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
    let new_queue_id = settlement.method.new_queue_id();
    events::message_settled(
        id,
        work.standing.capture_id,
        settlement.disposition,
        new_queue_id,
    );
}
