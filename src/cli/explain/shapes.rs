//! An explanation for programs: field names as in logs and records.

use serde_json::{Value, json};

use super::inquiry::{End, Explanation, HeaderFrom, Place, Submitted};
use crate::domain::{
    person::{Entry, Flag, FlagReading},
    policy::{Known, Matching},
    verdict::{Grounds, Verdict},
};

/// All of it.
pub fn explanation(explained: &Explanation) -> Value {
    let grounds = match &explained.end {
        End::Verdict(
            Verdict::Hold(grounds)
            | Verdict::Watch(grounds)
            | Verdict::Pass(grounds)
            | Verdict::Refuse(grounds),
        ) => Some(grounds),
        End::Verdict(Verdict::Free(_)) | End::TryAgain(_) => None,
    };
    let (verdict, error) = match &explained.end {
        End::Verdict(verdict) => (verdict.as_str(), None),
        End::TryAgain(error) => ("try_again", Some(error)),
    };
    let identities: Vec<Value> = explained.evidence.known.iter().map(identity).collect();
    let recipients = explained.recipients.iter();
    let recipients = recipients.map(|(name, at)| json!({ "recipient": name, "is": place(*at) }));
    let rules = explained.rules.iter().map(|rule| {
        json!({
            "rule": rule.name,
            "who": matching(rule.who),
            "to": matching(rule.to),
            "when": matching(rule.when),
            "decided": rule.decided,
        })
    });
    json!({
        "verdict": verdict,
        "reason": grounds.map(|grounds| &grounds.rule),
        "matched": grounds.map(matched),
        "submitted": submitted(explained.submitted),
        "header_from": header_from(explained.from),
        "identities": identities,
        "recipients": recipients.collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "error": error.or(explained.failure.as_ref()),
    })
}

fn matched(grounds: &Grounds) -> Value {
    let matched = &grounds.matched;
    json!({
        "identity_kind": matched.identity_kind,
        "identity": matched.identity,
        "entry": matched.entry,
        "flag": matched.flag,
        "recipient": matched.recipient,
    })
}

fn identity(known: &Known) -> Value {
    let entries = known.standing.entries.iter();
    json!({
        "identity_kind": known.identity.kind(),
        "identity": String::from_utf8_lossy(&known.identity.to_bytes()),
        "entries": entries.map(|entry| entry_shape(entry)).collect::<Vec<_>>(),
    })
}

fn entry_shape(entry: &Entry) -> Value {
    let (standing, until) = match &entry.flag {
        Flag::Absent | Flag::Lowered(_) => ("not_flagged", None),
        Flag::Raised {
            reading: FlagReading::Known,
            ..
        } => ("flagged", None),
        Flag::Raised {
            reading: FlagReading::Doubtful,
            ..
        } => ("doubtful", None),
        Flag::Expired { until, .. } => ("expired", Some(until)),
    };
    let groups = entry.groups.iter();
    json!({
        "entry": entry.name,
        "flag": entry.flag.shown(),
        "standing": standing,
        "until": until,
        "groups": groups.map(|group| group.as_str()).collect::<Vec<_>>(),
    })
}

fn submitted(submitted: Submitted) -> &'static str {
    match submitted {
        Submitted::ByListener => "by_listener",
        Submitted::ByLogin => "by_login",
        Submitted::ByNetwork => "by_network",
        Submitted::InDoubt => "in_doubt",
        Submitted::No => "no",
    }
}

fn header_from(from: HeaderFrom) -> &'static str {
    match from {
        HeaderFrom::NotAsked => "not_asked",
        HeaderFrom::Read => "read",
        HeaderFrom::TakenAsSender => "taken_as_sender",
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Internal => "internal",
        Place::External => "external",
        Place::Exempt => "exempt",
        Place::Protected => "protected",
    }
}

fn matching(matching: Matching) -> &'static str {
    match matching {
        Matching::Yes => "yes",
        Matching::No => "no",
        Matching::Open => "open",
    }
}
