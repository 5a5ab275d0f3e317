//! What was done with a message, and where it stands now.

use chrono::{DateTime, Utc};

use super::{Moment, at};
use crate::{
    domain::{
        audit::{AuditKind, Entry},
        lifecycle::State,
    },
    store::{
        audit::Sealed,
        reviews::{Decided, Pending, Review},
    },
    web::{
        clock,
        look::Look,
        tried::Tried,
        view::pieces,
        words::{Value, Words},
    },
};

/// Where the message stands, for a reader who cannot decide it (any more).
pub fn standing(words: &Words, review: &Review, now: DateTime<Utc>) -> String {
    let state = match review.state {
        State::Decided => carried_out(words, review.pending.as_ref(), now),
        State::Captured | State::Held | State::Settled(_) => {
            words.say(&format!("standing-{}", review.state.as_str()))
        }
    };
    match &review.decided {
        Some(decided) => format!("{} {state}", decision(words, decided)),
        None => state,
    }
}

/// How far a decision is carried out that is not recorded as carried out. Postfix is not told of before
/// a worker has taken it, and no more where the try came to nothing.
fn carried_out(words: &Words, pending: Option<&Pending>, now: DateTime<Utc>) -> String {
    let failure = pending.and_then(|pending| pending.last_failure.as_ref());
    if let Some(failure) = failure {
        return words.say_of("standing-failed", failure);
    }
    let is_taken =
        pending.is_some_and(|pending| pending.leased_by.is_some() && now < pending.due_at);
    words.say(match is_taken {
        true => "standing-sent",
        false => "standing-decided",
    })
}

/// Who decided what, and when.
pub fn decision(words: &Words, decided: &Decided) -> String {
    let values = [
        ("decision", Value::from(decided.decision.as_str())),
        ("reviewer", Value::from(decided.reviewer.as_str())),
        ("when", Value::from(clock::for_people(decided.decided_at))),
    ];
    words.say_with("decided-by", values)
}

/// Whether a reader sees what reviewers write to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// A reviewer of the message does.
    Shown,
    /// An auditor, who may be its sender, does not.
    Hidden,
}

/// What is on record, oldest first.
pub fn of(words: &Words, review: &Review, entries: &[Sealed], notes: Notes) -> Vec<Moment> {
    let mut moments = vec![(review.capture.captured_at, words.say("moment-captured"))];
    moments.extend(
        review
            .held_at
            .map(|held_at| (held_at, words.say("moment-held"))),
    );
    if let Some(decided) = &review.decided {
        let mut text = decision(words, decided);
        if let Some(note) = decided.note.as_ref().filter(|_| notes == Notes::Shown) {
            text = format!("{text} {}", words.say_of("moment-note", note));
        }
        moments.push((decided.decided_at, text));
    }
    if let Some(settled) = &review.settled {
        let text = words.say(&format!("moment-{}", settled.disposition.as_str()));
        moments.push((settled.settled_at, text));
    }
    for Sealed { entry, .. } in entries {
        if let Some(text) = done(words, entry) {
            moments.push((entry.at, text));
        }
    }
    moments.sort_by_key(|(when, _)| *when);
    let moment = |(when, text): (_, String)| {
        let (at, at_shown) = at(when);
        let text = pieces(&text);
        Moment { at, at_shown, text }
    };
    moments.into_iter().map(moment).collect()
}

/// What somebody did beside deciding; a decision is told out of its own record. What no message of the
/// catalogue fits is told in the words of the record.
fn done(words: &Words, entry: &Entry) -> Option<String> {
    let (mut act, mut why) = ("", "");
    let id = match entry.event.kind {
        AuditKind::Viewed => match Look::of(&entry.event.detail) {
            Look::Timeline => "moment-timeline",
            Look::Message | Look::Found(_) | Look::Page(_) | Look::Record | Look::Strays => {
                "moment-viewed"
            }
        },
        AuditKind::Downloaded => "moment-downloaded",
        AuditKind::Refused => match Tried::of(&entry.event.detail) {
            Some(Tried::Act(tried, refusal)) => {
                (act, why) = (tried.as_str(), refusal.as_str());
                "moment-not-allowed"
            }
            Some(Tried::Form | Tried::ForeignForm) => "moment-form",
            Some(Tried::Decision) => "moment-too-late",
            None => "moment-refused",
        },
        AuditKind::Adopted => "moment-adopted",
        AuditKind::Command => "moment-command",
        AuditKind::Decided
        | AuditKind::SignedIn
        | AuditKind::SignInFailed
        | AuditKind::SignedOut
        | AuditKind::RightsChanged
        | AuditKind::Searched
        | AuditKind::Exported => return None,
    };
    let values = [
        ("actor", Value::from(entry.event.actor.as_str())),
        ("detail", Value::from(entry.event.detail.as_str())),
        ("act", Value::from(act)),
        ("why", Value::from(why)),
    ];
    Some(words.say_with(id, values))
}
