//! I7: what was done to a message is what was decided on it, and what is recorded of it is what
//! happened.

use std::collections::HashMap;

use super::{
    super::{
        ledger::Act,
        snapshot::{Capture, Decision, Settlement},
    },
    report::Finding,
    twice,
    view::{Fate, View},
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    for (id, acts) in twice::by_mailhold(view) {
        finding.examined(undecided(view, id, &acts));
    }
    for capture in &view.found.captures {
        let settlement = view.settlement(&capture.capture_id);
        match settlement {
            Some(settlement) => finding.examined(misrecorded(view, capture, settlement)),
            None if !capture.is_under_review() => {
                let (id, state) = (&capture.queue_id, &capture.state);
                finding.examined(Some(format!("{id}: {state} without a settlement")));
            }
            None => {}
        }
    }
}

/// What `postsuper` was told to do by somebody else than an operator must have been decided.
fn undecided(view: &View<'_>, id: &str, acts: &HashMap<Act, usize>) -> Option<String> {
    let decisions = view
        .captures(id)
        .iter()
        .filter_map(|one| view.decision(&one.capture_id));
    let decisions: Vec<&Decision> = decisions.collect();
    let is_wanted = |act: &Act| {
        decisions
            .iter()
            .any(|one| acts_of(&one.decision).contains(act))
    };
    let stranger = acts.keys().find(|act| !is_wanted(act));
    stranger.map(|act| {
        let words: Vec<&str> = decisions.iter().map(|one| one.decision.as_str()).collect();
        format!(
            "{id}: postsuper {} it, not by hand, and decided is {words:?}",
            act.option()
        )
    })
}

/// What the record says then.
const IN_DOUBT: &str = "this worker or another hand";

fn acts_of(decision: &str) -> &'static [Act] {
    match decision {
        "release" => &[Act::Release, Act::Requeue],
        "discard" => &[Act::Remove],
        // Postfix logs a return as these two.
        "return" => &[Act::Expire, Act::Release],
        _ => &[],
    }
}

fn misrecorded(view: &View<'_>, capture: &Capture, settlement: &Settlement) -> Option<String> {
    let id = capture.queue_id.as_str();
    let disposition = settlement.disposition.as_str();
    if capture.state != disposition {
        let state = &capture.state;
        return Some(format!("{id}: {state}, and settled as {disposition}"));
    }
    if view.found.work.contains(&capture.capture_id) {
        return Some(format!(
            "{id}: settled as {disposition}, and there is work left"
        ));
    }
    let decision = view
        .decision(&capture.capture_id)
        .map(|one| one.decision.as_str());
    let methods = match (decision, disposition) {
        (Some("release"), "released") => &["unhold", "requeue"][..],
        (Some("discard"), "discarded") => &["delete"],
        (Some("return"), "returned") => &["expire"],
        (_, "gone") | (None, "never_queued") => return unmoved(view, capture, settlement),
        _ => {
            return Some(format!(
                "{id}: decided is {decision:?}, settled as {disposition}"
            ));
        }
    };
    let method = settlement.method.as_str();
    if !methods.contains(&method) {
        return Some(format!("{id}: {disposition} by {method}"));
    }
    let queues = view.files(id).iter().map(|file| file.queue.as_str());
    let queues: Vec<&str> = queues.collect();
    let is_back = view.was_by_hand(id, &[Act::Hold]);
    let is_there = match disposition {
        "discarded" => !queues.is_empty(),
        _ => queues.contains(&"hold") && !is_back,
    };
    is_there.then(|| format!("{id}: recorded as {disposition}, and in {queues:?}"))
}

/// Recorded as moved by another hand or as never taken: somebody must have, or it is not there.
fn unmoved(view: &View<'_>, capture: &Capture, settlement: &Settlement) -> Option<String> {
    let id = capture.queue_id.as_str();
    let letter = view.letter(id)?;
    let is_accepted = letter.accepted().iter().any(|(told, _)| *told == id);
    let is_there = !matches!(view.fate(letter, id), Fate::Missing(0));
    let is_moved = !view.by_hand(id).is_empty();
    // A worker that died with its command, between the file and the line in the log, cannot tell
    // its own discard from another hand's: it says so to a person. Of a release or a return Postfix's
    // queue manager tells as well.
    let is_logged = view.found.moved.iter().any(|one| one.queue_id == id);
    let is_unlogged = matches!(view.fate(letter, id), Fate::Discarded)
        && !is_logged
        && (view.is_alarmed(id) || view.is_called_gone(id))
        && settlement.evidence.contains(IN_DOUBT);
    let is_wrong = (is_accepted || is_there) && !is_moved && !is_unlogged;
    is_wrong.then(|| {
        let fate = view.fate(letter, id);
        let state = &capture.state;
        format!("{id}: recorded as {state}, and nobody moved it; accepted: {is_accepted}, {fate:?}")
    })
}
