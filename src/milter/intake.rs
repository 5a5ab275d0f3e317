//! The life of a message in the milter: who sends it, is it held, is its capture durable.

use std::time::Duration;

use chrono::Utc;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    Desk,
    answer::IntakeError,
    transaction::{Addressing, EndOfMessage, Reading},
};
use crate::{
    directory::{self, Outage},
    domain::{
        capture::{Capture, Client},
        capture_id::CaptureId,
        envelope::{Envelope, Path},
        identity::Identity,
        instance::Instance,
        person::{FlagReading, Suspicion},
        queue_id::QueueId,
        verdict::{Grounds, Verdict},
    },
    telemetry::{AlarmKind, chain::Chain, events},
};

/// MAIL: `None` means that no rule can match this message.
pub async fn begin(
    desk: &Desk,
    sender: Path,
    client: Client,
) -> Result<Option<Addressing>, IntakeError> {
    let on_its_way = desk.traffic.enter().ok_or(IntakeError::Draining)?;
    let identities = Identity::of(client.login.as_deref(), &sender);
    let is_anybody = !identities.is_empty();
    let asked = Instant::now();
    let answer =
        directory::suspicion(&*desk.directory, identities, asked + desk.mail_deadline).await;
    let suspicion = match answer {
        Ok(suspicion) => {
            // For a bounce without a login the directory was not asked, and may be away.
            if is_anybody {
                desk.metrics.looked_up(asked.elapsed());
                desk.alarms.clear(AlarmKind::DirectoryUnreachable);
            }
            suspicion
        }
        Err(error) => {
            desk.metrics.directory_error(error.kind());
            match desk.outage {
                Outage::Tempfail => return Err(IntakeError::Standing(error)),
                Outage::Hold => Some(out_of_order(desk, &error, Suspicion::DirectoryOutage)),
                // An answer that says "no" is no outage: a misspelt attribute must not let all pass.
                Outage::Pass if error.is_transient() => {
                    desk.metrics.verdict("unreviewed");
                    return Ok(out_of_order(desk, &error, None));
                }
                Outage::Pass => return Err(IntakeError::Standing(error)),
            }
        }
    };
    let Some(suspicion) = suspicion else {
        desk.metrics.verdict("unflagged");
        return Ok(None);
    };
    note_odd_flag(desk, &suspicion);
    let envelope = Envelope {
        sender,
        recipients: Vec::new(),
    };
    Ok(Some(Addressing {
        suspicion,
        client,
        envelope,
        on_its_way,
    }))
}

/// The directory is out of order, and the settings say what to do then.
fn out_of_order<T>(desk: &Desk, error: &directory::DirectoryError, outcome: T) -> T {
    desk.alarms
        .raise(AlarmKind::DirectoryUnreachable, &Chain(error).to_string());
    events::directory_unreachable(error);
    outcome
}

fn note_odd_flag(desk: &Desk, suspicion: &Suspicion) {
    if let Suspicion::Flagged { entry, .. } = suspicion
        && entry.flag.reading() == Some(FlagReading::Doubtful)
    {
        // The entry's name leads to the person; the alarm names the value only.
        desk.alarms.raise(
            AlarmKind::FlagUnknown,
            &format!(
                "{:?} is neither true nor false; it counts as flagged",
                entry.flag.shown()
            ),
        );
    }
}

/// DATA: the recipients are final. `None` means that the message passes.
pub fn judge(
    desk: &Desk,
    message: Addressing,
    queue_id: Option<String>,
) -> Result<Option<Reading>, IntakeError> {
    match desk.policy.judge(&message.suspicion, &message.envelope) {
        Verdict::Pass(grounds) => {
            let known = queue_id
                .as_deref()
                .and_then(|text| text.parse::<QueueId>().ok());
            pass(
                desk,
                known.as_ref(),
                &grounds,
                message.envelope.recipients.len(),
            );
            Ok(None)
        }
        Verdict::Hold(grounds) => {
            desk.spool.room().map_err(IntakeError::Capture)?;
            desk.alarms.clear(AlarmKind::SpoolFull);
            Ok(Some(message.begin_content(
                grounds,
                desk.spool.draft(),
                queue_id,
            )))
        }
    }
}

fn pass(desk: &Desk, queue_id: Option<&QueueId>, grounds: &Grounds, n_recipients: usize) {
    desk.metrics.verdict("pass");
    events::message_passed(queue_id, grounds, n_recipients);
}

/// End of message: the capture is durable when this returns `Ok`.
pub async fn capture(
    desk: &Desk,
    instance: &Instance,
    message: Reading,
    queue_id: Option<String>,
) -> Result<Capture, IntakeError> {
    let began = Instant::now();
    let queue_id = checked_queue_id(message.queue_id_at_data(), queue_id)?;
    let end = EndOfMessage {
        capture_id: CaptureId::new(Uuid::now_v7()),
        instance: instance.clone(),
        queue_id,
        now: Utc::now(),
    };
    let (capture, draft, on_its_way) = message.finish(end);
    let size_bytes = capture.size_bytes;
    let committed = commit(desk, draft, capture).await;
    drop(on_its_way);
    let capture = committed?;
    desk.alarms.clear(AlarmKind::SpoolFailing);
    desk.metrics.captured(size_bytes);
    desk.metrics.verdict("hold");
    events::message_captured(&capture, began.elapsed());
    Ok(capture)
}

async fn commit(
    desk: &Desk,
    draft: crate::spool::Draft,
    capture: Capture,
) -> Result<Capture, IntakeError> {
    let patience: Duration = desk.end_of_message_deadline;
    let durable = timeout(patience, desk.spool.commit(draft, capture.clone())).await;
    let durable = durable.map_err(|_| IntakeError::Deadline(patience))?;
    durable.map_err(IntakeError::Capture)?;
    Ok(capture)
}

/// Without a long queue ID the message could never be found in the hold queue again.
fn checked_queue_id(at_data: Option<&str>, at_end: Option<String>) -> Result<QueueId, IntakeError> {
    let at_end = at_end.ok_or(IntakeError::NoQueueId)?;
    if let Some(at_data) = at_data.filter(|at_data| *at_data != at_end) {
        return Err(IntakeError::QueueIdChanged {
            at_data: at_data.to_owned(),
            at_end,
        });
    }
    at_end.parse().map_err(IntakeError::QueueId)
}

/// The reason given to Postfix: constant words and our own ID, nothing of the message.
pub fn quarantine_reason(capture: &Capture) -> String {
    format!("mailhold review {}", capture.id)
}
