//! The life of a message in the milter: who sends it, is it held, is its capture durable.

use std::time::Duration;

use chrono::{Datelike, Local, Timelike, Utc};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{
    Desk, Entrance,
    answer::{Answer, IntakeError},
    tally::{Counted, Sender},
    transaction::{Addressing, EndOfMessage, Finished, Heading, Kept, Reading},
};
use crate::{
    directory,
    domain::{
        capture::{Capture, Client},
        capture_id::CaptureId,
        envelope::{Envelope, Path},
        identity::Identity,
        instance::Instance,
        person::FlagReading,
        policy::{Author, Evidence, Gap, Judgement, Moment, Submitters},
        queue_id::QueueId,
        verdict::{Freedom, Grounds, Matched, Verdict},
        watched::Watched,
    },
    failpoint,
    spool::Draft,
    telemetry::{AlarmKind, chain::Chain, events},
};

/// More mailboxes in From fields than these are not looked up.
pub const MOST_AUTHORS: usize = 50;

/// What becomes of a message once its recipients are known.
pub enum Judged {
    /// It is answered, and nothing more is sent of it.
    Done(Answer),
    /// Its From fields decide.
    Heading(Box<Heading>),
    /// It is held: its content is wanted.
    Reading(Box<Reading>),
}

/// MAIL: `None` means that no rule can match this message.
pub async fn begin(
    desk: &Desk,
    submitters: Submitters,
    sender: Path,
    client: Client,
) -> Result<Option<Addressing>, IntakeError> {
    let on_its_way = desk.traffic.enter().ok_or(IntakeError::Draining)?;
    let policy = &desk.policy;
    if !policy.networks.submitted(&client, submitters) {
        desk.metrics.verdict(Freedom::Incoming.as_str());
        return Ok(None);
    }
    let identities = Identity::of(client.login.as_deref(), &sender);
    let mut evidence = Evidence {
        author: policy.author(&client),
        ..Evidence::default()
    };
    add_known(desk, identities, &mut evidence).await?;
    if !policy.may_concern(&evidence) && !evidence.is_suspect() {
        desk.metrics.verdict(policy.unconcerned(&evidence).as_str());
        return Ok(None);
    }
    let envelope = Envelope {
        sender,
        recipients: Vec::new(),
    };
    Ok(Some(Addressing {
        evidence,
        client,
        envelope,
        n_envelope_bytes: 0,
        on_its_way,
    }))
}

/// Looks identities up and adds what is known of them.
async fn add_known(
    desk: &Desk,
    identities: Vec<Identity>,
    evidence: &mut Evidence,
) -> Result<(), IntakeError> {
    let is_asked = desk.policy.needs_directory() && !identities.is_empty();
    let asked = Instant::now();
    let deadline = asked + desk.mail_deadline;
    let law = (&desk.policy, desk.outage);
    let known = directory::add_known(&*desk.directory, law, identities, deadline, evidence).await;
    match known {
        Ok(None) if is_asked => {
            desk.metrics.looked_up(asked.elapsed());
            desk.alarms.clear(AlarmKind::DirectoryUnreachable);
        }
        Ok(None) => {}
        Ok(Some(error)) => {
            desk.metrics.directory_error(error.kind());
            if evidence.gap != Gap::None {
                desk.alarms
                    .raise(AlarmKind::DirectoryUnreachable, &Chain(&error).to_string());
                events::directory_unreachable(&error);
            }
        }
        Err(error) => {
            desk.metrics.directory_error(error.kind());
            return Err(IntakeError::Standing(error));
        }
    }
    Ok(())
}

/// What an operator should know of a flagged person's entries. Of mail that is none of our business
/// nothing is told.
fn note_odd_flag(desk: &Desk, verdict: &Verdict, evidence: &Evidence) {
    let (Some((_, entry)), false) = (evidence.flagged(), matches!(verdict, Verdict::Free(_)))
    else {
        return;
    };
    for known in evidence
        .known
        .iter()
        .filter(|known| known.standing.is_ambiguous())
    {
        events::directory_ambiguous(known.identity.kind(), known.standing.entries.len());
    }
    if entry.flag.reading() == Some(FlagReading::Doubtful) {
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

/// DATA: the recipients are final.
pub fn judge(
    desk: &Desk,
    entrance: &Entrance,
    message: Addressing,
    queue_id: Option<String>,
) -> Result<Judged, IntakeError> {
    let judgement = desk
        .policy
        .judge(&message.evidence, &message.envelope, moment());
    let verdict = match judgement {
        Judgement::Final(verdict) => verdict,
        Judgement::AwaitsAuthor => {
            return Ok(Judged::Heading(Box::new(message.await_author(queue_id))));
        }
    };
    note_odd_flag(desk, &verdict, &message.evidence);
    if let Verdict::Hold(grounds) = verdict {
        let kept = keep(desk, &message.evidence)?;
        let reading = message.begin_content(grounds, kept, queue_id);
        return Ok(Judged::Reading(Box::new(reading)));
    }
    Ok(Judged::Done(let_go(
        desk, entrance, &message, verdict, queue_id,
    )))
}

/// The end of the header: the authors are known, and so is the verdict.
pub async fn judge_authors(
    desk: &Desk,
    entrance: &Entrance,
    mut heading: Heading,
) -> Result<Judged, IntakeError> {
    let authors = heading.authors(MOST_AUTHORS);
    if authors.len() > MOST_AUTHORS {
        return Err(IntakeError::TooManyAuthors(MOST_AUTHORS));
    }
    let identities = authors.into_iter().map(Identity::Author).collect();
    let evidence = &mut heading.addressing.evidence;
    evidence.author = Author::Settled;
    add_known(desk, identities, evidence).await?;
    let message = &heading.addressing;
    let verdict = match desk
        .policy
        .judge(&message.evidence, &message.envelope, moment())
    {
        Judgement::Final(verdict) => verdict,
        // Nothing is awaited any more.
        Judgement::AwaitsAuthor => return Err(IntakeError::NoTransaction),
    };
    note_odd_flag(desk, &verdict, &message.evidence);
    if let Verdict::Hold(grounds) = verdict {
        let kept = keep(desk, &message.evidence)?;
        return Ok(Judged::Reading(Box::new(
            heading.begin_content(grounds, kept),
        )));
    }
    let queue_id = heading.queue_id.clone();
    Ok(Judged::Done(let_go(
        desk, entrance, message, verdict, queue_id,
    )))
}

/// Where a held message is kept, if there is room and its sender is below the cap. It is looked at
/// again when the message is complete; here it spares everybody the content.
fn keep(desk: &Desk, evidence: &Evidence) -> Result<Kept, IntakeError> {
    desk.spool.room().map_err(IntakeError::Capture)?;
    desk.alarms.clear(AlarmKind::SpoolFull);
    let sender = account(desk, evidence);
    if let Some(cap) = desk.sender_cap {
        let now = Instant::now().into_std();
        let below = desk.tally.check(&sender, cap, now);
        below.map_err(IntakeError::SenderCap)?;
    }
    Ok(Kept {
        draft: desk.spool.draft(),
        sender,
    })
}

/// The name under which a capture counts: the last form of a login is the one without its realm.
/// Where an outage holds mail of nobody known, all of it counts together.
fn account(desk: &Desk, evidence: &Evidence) -> Sender {
    let identity = evidence.answerable();
    let forms = identity.map(|identity| identity.fold(&desk.policy.folding));
    forms.and_then(|mut forms| forms.pop()).unwrap_or_default()
}

/// A message that is not held: what is told of it, and its answer.
fn let_go(
    desk: &Desk,
    entrance: &Entrance,
    message: &Addressing,
    verdict: Verdict,
    queue_id: Option<String>,
) -> Answer {
    let queue_id = queue_id.and_then(|text| text.parse::<QueueId>().ok());
    let n_recipients = message.envelope.recipients.len();
    desk.metrics.verdict(verdict.as_str());
    match verdict {
        Verdict::Free(_) => Answer::Accept,
        Verdict::Pass(grounds) => {
            events::message_passed(queue_id.as_ref(), &grounds, n_recipients);
            Answer::Accept
        }
        Verdict::Watch(grounds) => {
            events::message_watched(queue_id.as_ref(), &grounds, n_recipients);
            desk.watch_book.note(Watched {
                id: Uuid::now_v7(),
                instance: entrance.instance.clone(),
                queue_id,
                watched_at: Utc::now(),
                grounds: Grounds {
                    // Not kept, so not even waited with.
                    matched: Matched {
                        recipient: String::new(),
                        ..grounds.matched
                    },
                    rule: grounds.rule,
                },
                n_recipients,
            });
            Answer::Accept
        }
        Verdict::Refuse(grounds) => {
            events::message_refused(queue_id.as_ref(), &grounds, n_recipients);
            Answer::SendSeparately
        }
        // Held messages are not let go. If one ever came here it must not get through.
        Verdict::Hold(_) => Answer::TryAgain,
    }
}

/// The clock on the wall.
fn moment() -> Moment {
    let now = Local::now();
    Moment {
        day: now.weekday(),
        minute: u16::try_from(now.hour() * 60 + now.minute()).unwrap_or(0),
    }
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
    let Finished {
        capture,
        kept,
        on_its_way,
    } = message.finish(end);
    let size_bytes = capture.size_bytes;
    let counted = count(desk, &kept.sender)?;
    let committed = commit(desk, kept.draft, capture).await;
    drop(on_its_way);
    if let (Err(_), Some(counted)) = (&committed, counted) {
        desk.tally.give_back(counted);
    }
    let capture = committed?;
    desk.metrics.captured(size_bytes);
    desk.metrics.verdict("hold");
    events::message_captured(&capture, began.elapsed());
    Ok(capture)
}

/// Counts a capture before it is made, so that many at once do not go beyond the cap together.
fn count(desk: &Desk, sender: &[u8]) -> Result<Option<Counted>, IntakeError> {
    let Some(cap) = desk.sender_cap else {
        return Ok(None);
    };
    let counted = desk.tally.count(sender, cap, Instant::now().into_std());
    counted.map(Some).map_err(IntakeError::SenderCap)
}

async fn commit(desk: &Desk, draft: Draft, capture: Capture) -> Result<Capture, IntakeError> {
    let patience: Duration = desk.end_of_message_deadline;
    let durable = timeout(patience, desk.spool.commit(draft, capture.clone())).await;
    let durable = durable.map_err(|_| IntakeError::Deadline(patience))?;
    durable.map_err(IntakeError::Capture)?;
    failpoint::reach!("milter.captured");
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
