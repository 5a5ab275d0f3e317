//! JSON for programs: field names as in logs and database, times in UTC after RFC 3339.

use serde_json::{Value, json};

use super::decide::{End, Outcomes};
use crate::{
    domain::{address::Address, decision::Decision, envelope::Path},
    store::{
        added::AddedRecipient,
        reviews::{Decided, Doubt, Line, Pending, Review, Settled, Twin},
    },
};

/// One line of the list.
pub fn line(line: &Line) -> Value {
    json!({
        "capture_id": line.capture_id.to_string(),
        "instance": line.instance.as_str(),
        "queue_id": line.queue_id.as_str(),
        "state": line.state.as_str(),
        "captured_at": line.captured_at,
        "sender": line.sender,
        "first_recipient": line.recipients.first(),
        "n_recipients": line.n_recipients,
        "subject": line.subject,
        "from": line.from,
        "size_bytes": line.size_bytes,
        "reason": line.rule,
        "doubted": line.is_doubted,
        "n_twins": line.n_twins,
    })
}

/// All that is known of a review, with its header section as text.
pub fn review(review: &Review, header: &[u8]) -> Value {
    let capture = &review.capture;
    let matched = &capture.grounds.matched;
    json!({
        "capture_id": capture.id.to_string(),
        "instance": capture.instance.as_str(),
        "queue_id": capture.queue_id.as_str(),
        "state": review.state.as_str(),
        "captured_at": capture.captured_at,
        "recorded_at": review.recorded_at,
        "held_at": review.held_at,
        "sender": path(&capture.envelope.sender),
        "recipients": capture.envelope.recipients.iter().map(path).collect::<Vec<_>>(),
        "added_recipients": review.added.recipients.iter().map(added).collect::<Vec<_>>(),
        "n_added_recipients": review.added.n_in_all,
        "login": capture.client.login.as_deref().map(String::from_utf8_lossy),
        "client_address": capture.client.address.map(|address| address.to_string()),
        "client_name": capture.client.name.as_deref().map(String::from_utf8_lossy),
        "daemon": capture.client.daemon.as_deref().map(String::from_utf8_lossy),
        "reason": capture.grounds.rule,
        "matched": {
            "identity_kind": matched.identity_kind,
            "identity": matched.identity,
            "entry": matched.entry,
            "flag": matched.flag,
            "recipient": matched.recipient,
        },
        "size_bytes": capture.size_bytes,
        "digest": capture.digest.to_string(),
        "subject": review.header.subject,
        "from": review.header.from,
        "to": review.header.to,
        "date": review.header.date,
        "message_id": review.header.message_id,
        "header": String::from_utf8_lossy(header),
        "doubts": review.doubts.iter().map(doubt).collect::<Vec<_>>(),
        "twins": review.twins.known.iter().map(twin).collect::<Vec<_>>(),
        "decided": review.decided.as_ref().map(decided),
        "pending": review.pending.as_ref().map(pending),
        "settled": review.settled.as_ref().map(settled),
    })
}

/// What one ID came to.
pub fn outcome(outcome: &Outcomes, decision: Decision) -> Value {
    json!({
        "id": outcome.key,
        "capture_id": outcome.capture_id.map(|id| id.to_string()),
        "decision": decision.as_str(),
        "accepted": outcome.end == End::Accepted,
        "text": outcome.text,
    })
}

fn path(path: &Path) -> Value {
    let parameters = path
        .parameters
        .iter()
        .map(|parameter| String::from_utf8_lossy(parameter));
    json!({
        "address": path.to_display(),
        "argument": String::from_utf8_lossy(&path.argument),
        "parameters": parameters.collect::<Vec<_>>(),
    })
}

fn added(added: &AddedRecipient) -> Value {
    let original = added.original.as_deref().map(Address::from_queue);
    json!({
        "address": Address::from_queue(&added.address).to_display(),
        "how": added.how.as_str(),
        "original": original.map(|original| original.to_display()),
    })
}

fn doubt(doubt: &Doubt) -> Value {
    json!({
        "reason": doubt.reason,
        "seen_at": doubt.seen_at,
        "cleared_at": doubt.cleared_at,
    })
}

fn twin(twin: &Twin) -> Value {
    json!({
        "capture_id": twin.capture_id.to_string(),
        "instance": twin.instance.as_str(),
        "queue_id": twin.queue_id.as_str(),
        "state": twin.state.as_str(),
        "captured_at": twin.captured_at,
        "same": twin.likeness.as_str(),
    })
}

fn decided(decided: &Decided) -> Value {
    json!({
        "decision": decided.decision.as_str(),
        "reviewer": decided.reviewer,
        "os_user": decided.os_user,
        "via": decided.via.as_str(),
        "note": decided.note,
        "decided_at": decided.decided_at,
    })
}

fn pending(pending: &Pending) -> Value {
    json!({
        "attempt": pending.attempt,
        "due_at": pending.due_at,
        "worker": pending.leased_by,
        "last_failure": pending.last_failure,
    })
}

fn settled(settled: &Settled) -> Value {
    json!({
        "disposition": settled.disposition.as_str(),
        "method": settled.method.as_str(),
        "new_queue_id": settled.method.new_queue_id().map(|id| id.as_str()),
        "worker": settled.worker,
        "evidence": settled.evidence,
        "settled_at": settled.settled_at,
    })
}
