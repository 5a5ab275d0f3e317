//! I2: what Postfix took of flagged mail is in a queue, reached all recipients, went back, or was
//! removed by a recorded decision or a hand. Other people's mail is looked at in I9.
//!
//! Also looked at is what no client was told of, as far as Postfix has shown that it took it: mail
//! that was seen on hold or reached somebody.

use std::collections::BTreeSet;

use super::{
    super::ledger::Standing,
    report::Finding,
    view::{Fate, Letter, View},
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    for letter in view.letters.values() {
        if letter.standing() != Standing::Unflagged {
            examine(view, letter, finding);
        }
    }
}

pub(super) fn examine(view: &View<'_>, letter: &Letter<'_>, finding: &mut Finding) {
    let mut told: BTreeSet<&str> = letter.accepted().into_iter().map(|(id, _)| id).collect();
    let mut n_whole = 0_usize;
    for id in &letter.queue_ids {
        let is_shown = view.captures(id).iter().any(|capture| capture.was_held())
            || !view.reached(id).is_empty();
        let fate = view.fate(letter, id);
        let is_missing = matches!(fate, Fate::Missing(_));
        let is_told = told.remove(id);
        if is_told || is_shown {
            finding.examined(is_missing.then(|| missing(view, letter, id)));
        }
        if !is_told && !is_missing {
            n_whole += 1;
        }
    }
    for _ in 0..letter.n_accepted_unnamed() {
        let is_there = n_whole > 0 || view.is_in_maildrop(letter.canary);
        n_whole = n_whole.saturating_sub(1);
        finding.examined((!is_there).then(|| {
            let ids = &letter.queue_ids;
            format!(
                "{}: taken by sendmail, and lost; its queue IDs: {ids:?}",
                letter.canary
            )
        }));
    }
}

fn missing(view: &View<'_>, letter: &Letter<'_>, id: &str) -> String {
    let n_reached = view.reached(id).len();
    let states: Vec<&str> = view
        .captures(id)
        .iter()
        .map(|one| one.state.as_str())
        .collect();
    format!(
        "{id} {}: in no queue, reached {n_reached} of {} recipients, {} bounces, captures {states:?}",
        letter.canary,
        letter.recipients().len(),
        view.bounces(id).len(),
    )
}
