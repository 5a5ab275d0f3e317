//! What really became of a message: read from the queue and from Postfix's log, never assumed.

use std::time::Duration;

use super::{
    Desk,
    fates::{Fates, Fault},
    settle::queue_ids,
    traces::{Conclusion, Hand, Traces, conclude, is_told},
    troubles::{Part, Troubles},
};
use crate::{
    domain::queue_id::QueueId,
    postfix::{
        error::PostfixError,
        log::{Findings, LogMark},
        postsuper::{Action, Report},
        presence::Presence,
    },
    store::{settlements::Method, work::Claimed},
    telemetry::chain::Chain,
};

/// How long to wait until something is logged that must have happened.
const LOG_PATIENCE: Duration = Duration::from_secs(5);
const LOG_PAUSE: Duration = Duration::from_millis(50);

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
    let mut fates = Fates::default();
    let (mut named, mut unnamed) = (Vec::new(), Vec::new());
    for work in works {
        let id = &work.standing.queue_id;
        match desk.postfix.presence(id).await {
            Ok(Presence::Missing) if command.report.done.contains(id) => named.push(work),
            Ok(Presence::Missing) => unnamed.push(work),
            Ok(presence) => {
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
    let findings = read_log_until(desk, command.mark, &unnamed, is_told).await;
    fates.extend(explain(desk, unnamed, findings, Hand::Ours).await);
    fates
}

/// Settles decided messages that are not on hold any more when the worker comes to them.
pub(super) async fn missing(desk: &Desk, works: Vec<Claimed>) -> Fates {
    let (begun, untouched): (Vec<_>, Vec<_>) =
        works.into_iter().partition(|work| work.begun_at.is_some());
    let mut fates = Fates::default();
    for (works, hand) in [(begun, Hand::Ours), (untouched, Hand::Another)] {
        let captured = works.iter().map(|work| work.standing.captured_at).min();
        if let Some(since) = captured {
            let findings = read_log(desk, LogMark::since(since), &works).await;
            fates.extend(explain(desk, works, findings, hand).await);
        }
    }
    fates
}

async fn explain(
    desk: &Desk,
    works: Vec<Claimed>,
    findings: Result<Findings, PostfixError>,
    hand: Hand,
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
    fates.extend(give_up(desk, vanished).await);
    fates
}

/// Records as gone what vanished, if it was looked for where Postfix keeps it.
async fn give_up(desk: &Desk, vanished: Vec<(Claimed, &'static str)>) -> Fates {
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
    for (work, evidence) in vanished {
        fates.gone(work, evidence.to_owned());
    }
    fates
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
    let has_new_id = |findings: &Findings, id: &QueueId| findings.requeued_as.contains_key(id);
    match read_log_until(desk, mark, works, has_new_id).await {
        Ok(findings) => findings,
        Err(error) => {
            // The ID is then recorded as unknown; the release itself is proven.
            Troubles::note(desk, Part::Log, &error);
            Findings::default()
        }
    }
}

/// Reads until the log has what is looked for of each message, or the patience ends.
async fn read_log_until(
    desk: &Desk,
    mark: LogMark,
    works: &[Claimed],
    is_found: impl Fn(&Findings, &QueueId) -> bool,
) -> Result<Findings, PostfixError> {
    let ids = queue_ids(works);
    let end = tokio::time::Instant::now() + LOG_PATIENCE;
    loop {
        let findings = read_log(desk, mark, works).await?;
        let has_all = ids.iter().all(|id| is_found(&findings, id));
        if has_all || !desk.postfix.has_log() || tokio::time::Instant::now() >= end {
            return Ok(findings);
        }
        tokio::time::sleep(LOG_PAUSE).await;
    }
}

async fn read_log(desk: &Desk, mark: LogMark, works: &[Claimed]) -> Result<Findings, PostfixError> {
    if works.is_empty() {
        return Ok(Findings::default());
    }
    let findings = desk.postfix.read_log(mark, &queue_ids(works)).await?;
    Troubles::over(desk, Part::Log);
    Ok(findings)
}
