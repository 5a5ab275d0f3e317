//! What really became of a message: read from the queue and from Postfix's log, never assumed.

use std::{collections::HashSet, time::Duration};

use super::{
    Desk,
    asking::Asking,
    fates::{Fates, Fault},
    settle::queue_ids,
    traces::{Conclusion, Hand, Traces, conclude},
    troubles::{Part, Troubles},
};
use crate::{
    domain::{capture_id::CaptureId, queue_id::QueueId},
    postfix::{
        error::PostfixError,
        log::{Findings, LogMark},
        postsuper::{Action, Report},
        presence::Presence,
    },
    store::{settlements::Method, work::Claimed},
    telemetry::chain::Chain,
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

/// Messages that were nowhere to be seen at the last look. A queue that is not mounted is empty, too:
/// one look is no proof.
#[derive(Default)]
pub(super) struct Missed(HashSet<CaptureId>);

impl Missed {
    /// A message was seen on hold.
    pub fn found(&mut self, work: &Claimed) {
        self.0.remove(&work.standing.capture_id);
    }

    /// A message was missed; whether it was at the look before as well.
    fn again(&mut self, work: &Claimed) -> bool {
        let id = work.standing.capture_id;
        !self.0.insert(id) && self.0.remove(&id)
    }
}

/// Proves a command's effect, message by message.
pub(super) async fn after(
    desk: &Desk,
    command: Command,
    works: Vec<Claimed>,
    missed: &mut Missed,
) -> Fates {
    let mut fates = Fates::default();
    let (mut named, mut unnamed) = (Vec::new(), Vec::new());
    for work in works {
        let id = &work.standing.queue_id;
        match desk.postfix.presence(id).await {
            Ok(Presence::Missing) if command.report.done.contains(id) => named.push(work),
            Ok(Presence::Missing) => unnamed.push(work),
            Ok(presence) => {
                missed.found(&work);
                let said = command.report.complaints.join("; ");
                let reason = format!("postsuper did not move it ({presence}): {said}");
                fates.postpone(vec![work], Fault::Message, &reason);
            }
            Err(error) => put_off(desk, &mut fates, vec![work], Part::Queue, &error),
        }
    }
    let new_ids = match command.action {
        Action::Requeue => new_queue_ids(desk, command.mark, &named).await,
        Action::Release | Action::Discard | Action::Return => Findings::default(),
    };
    for work in named {
        let new_queue_id = new_ids.requeued_as.get(&work.standing.queue_id).cloned();
        let method = method(command.action, new_queue_id);
        let evidence = "postsuper named it, and it has left hold".to_owned();
        fates.fulfil(work, method, evidence);
    }
    let findings = read_log(desk, command.mark, &unnamed).await;
    fates.extend(explain(desk, (unnamed, Hand::Ours), findings, missed).await);
    fates
}

/// Settles decided messages that are not on hold any more when the worker comes to them.
pub(super) async fn missing(desk: &Desk, works: Vec<Claimed>, missed: &mut Missed) -> Fates {
    let (begun, untouched): (Vec<_>, Vec<_>) =
        works.into_iter().partition(|work| work.begun_at.is_some());
    let mut fates = Fates::default();
    for (works, hand) in [(begun, Hand::Ours), (untouched, Hand::Another)] {
        let captured = works.iter().map(|work| work.standing.captured_at).min();
        if let Some(since) = captured {
            let findings = read_log(desk, LogMark::since(since), &works).await;
            fates.extend(explain(desk, (works, hand), findings, missed).await);
        }
    }
    fates
}

async fn explain(
    desk: &Desk,
    (works, hand): (Vec<Claimed>, Hand),
    findings: Result<Findings, PostfixError>,
    missed: &mut Missed,
) -> Fates {
    let mut fates = Fates::default();
    let findings = match findings {
        Ok(findings) => findings,
        Err(error) => {
            put_off(desk, &mut fates, works, Part::Log, &error);
            return fates;
        }
    };
    let mut vanished = Vec::new();
    for work in works {
        let id = &work.standing.queue_id;
        let place = match desk.postfix.elsewhere(id).await {
            Ok(place) => place,
            Err(error) => {
                put_off(desk, &mut fates, vec![work], Part::Queue, &error);
                continue;
            }
        };
        match conclude(work.decision, hand, Traces::of(id, &findings, place)) {
            Conclusion::Fulfilled(method, evidence) => fates.fulfil(work, method, evidence),
            Conclusion::Gone(evidence) => fates.gone(work, evidence),
            Conclusion::Vanished(evidence) => vanished.push((work, evidence)),
        }
    }
    fates.extend(give_up(desk, vanished, missed).await);
    fates
}

/// Records as gone what was missed twice, if it was looked for where Postfix keeps it: its queues are
/// where they were, it works in them, and the hold queue is the one on record. A directory that waits
/// for its mount is empty as well.
async fn give_up(
    desk: &Desk,
    vanished: Vec<(Claimed, &'static str)>,
    missed: &mut Missed,
) -> Fates {
    let mut fates = Fates::default();
    if vanished.is_empty() {
        return fates;
    }
    if let Err(error) = desk.postfix.check_queues().await {
        let works = vanished.into_iter().map(|(work, _)| work).collect();
        put_off(desk, &mut fates, works, Part::Settings, &error);
        return fates;
    }
    Troubles::over(desk, Part::Settings);
    if let Err(error) = desk.postfix.check_running().await {
        let works = vanished.into_iter().map(|(work, _)| work).collect();
        put_off(desk, &mut fates, works, Part::Running, &error);
        return fates;
    }
    if is_elsewhere(desk).await {
        let works = vanished.into_iter().map(|(work, _)| work).collect();
        let reason =
            "the hold queue is another directory than the one on record, or that is not known";
        fates.postpone(works, Fault::Absence, reason);
        return fates;
    }
    for (work, evidence) in vanished {
        if missed.again(&work) {
            fates.gone(work, evidence.to_owned());
        } else {
            let reason = format!("{evidence}: to be looked for again");
            fates.postpone(vec![work], Fault::Absence, &reason);
        }
    }
    fates
}

/// Whether the hold queue is not, or may not be, the directory that the reconciliation has on record:
/// Postfix may even work in one that waits for its mount.
async fn is_elsewhere(desk: &Desk) -> bool {
    let recorded = desk.store.hold_directory(&desk.settings().instance).await;
    match (recorded, desk.postfix.hold_directory().await) {
        (Ok(None), Ok(_)) => false,
        (Ok(Some(recorded)), Ok(found)) => !recorded.is_empty() && found != *recorded,
        (Err(error), _) => {
            Asking::Settle.note(desk, &error);
            true
        }
        (_, Err(error)) => {
            Troubles::note(desk, Part::Queue, &error);
            true
        }
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

fn put_off(desk: &Desk, fates: &mut Fates, works: Vec<Claimed>, part: Part, error: &PostfixError) {
    Troubles::note(desk, part, error);
    fates.postpone(works, Fault::Service, &Chain(error).to_string());
}

/// Pickup logs the new queue ID a moment after `postsuper` has ended.
async fn new_queue_ids(desk: &Desk, mark: LogMark, works: &[Claimed]) -> Findings {
    let end = tokio::time::Instant::now() + NEW_ID_PATIENCE;
    loop {
        let findings = match read_log(desk, mark, works).await {
            Ok(findings) => findings,
            Err(error) => {
                // The ID is then recorded as unknown; the release itself is proven.
                Troubles::note(desk, Part::Log, &error);
                return Findings::default();
            }
        };
        let is_known = |work: &Claimed| {
            let id = &work.standing.queue_id;
            findings.requeued_as.contains_key(id)
        };
        let has_all = works.iter().all(is_known);
        if has_all || !desk.postfix.has_log() || tokio::time::Instant::now() >= end {
            return findings;
        }
        tokio::time::sleep(NEW_ID_PAUSE).await;
    }
}

async fn read_log(desk: &Desk, mark: LogMark, works: &[Claimed]) -> Result<Findings, PostfixError> {
    find_traces(desk, mark, &queue_ids(works)).await
}

/// What the log has of these messages: what hands did, and only where that is silent what Postfix itself
/// did.
pub(super) async fn find_traces(
    desk: &Desk,
    mark: LogMark,
    ids: &[QueueId],
) -> Result<Findings, PostfixError> {
    if ids.is_empty() {
        return Ok(Findings::default());
    }
    let mut findings = desk.postfix.read_log(mark, ids).await?;
    let told = findings.evidence.iter().map(|told| &told.queue_id);
    let told: HashSet<QueueId> = told.cloned().collect();
    if ids.iter().any(|id| !told.contains(id)) {
        // The lines of all mail would leave less room for those above.
        let mut whole = desk.postfix.read_whole_log(mark, ids).await?;
        // What was logged since is in the second one alone.
        whole.evidence.retain(|one| !told.contains(&one.queue_id));
        whole.evidence.extend(findings.evidence);
        whole.requeued_as.extend(findings.requeued_as);
        findings = whole;
    }
    Troubles::over(desk, Part::Log);
    Ok(findings)
}
