//! I9: mail of people who are not flagged is never held, leaves no trace with us, and is delivered.

use std::collections::HashSet;

use super::{
    super::{
        canary::Canary,
        ledger::{Act, Standing},
    },
    loss,
    report::Finding,
    view::{Letter, View},
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    let letters = view.letters.values();
    let letters = letters.filter(|letter| letter.standing() == Standing::Unflagged);
    let letters: Vec<&Letter<'_>> = letters.collect();
    for letter in &letters {
        loss::examine(view, letter, finding);
        finding.examined(traced(view, letter));
    }
    traced_in_texts(view, &letters, finding);
}

fn traced(view: &View<'_>, letter: &Letter<'_>) -> Option<String> {
    let canary = letter.canary;
    if view.is_in_spool(canary) {
        return Some(format!("{canary}: not flagged, and in the spool"));
    }
    let ids = letter.queue_ids.iter();
    let recorded = ids.clone().find(|id| !view.captures(id).is_empty());
    if let Some(id) = recorded {
        return Some(format!("{id} {canary}: not flagged, and captured"));
    }
    let is_held = |id: &&&str| {
        let on_hold = view.files(id).iter().any(|file| file.queue == "hold");
        on_hold && !view.was_by_hand(id, &[Act::Hold])
    };
    let held = ids.clone().find(is_held);
    held.map(|id| format!("{id} {canary}: not flagged, and on hold"))
}

/// A canary or a recipient in any row or line. A line that leaks is a matter of I11 as far as it is
/// about flagged people.
fn traced_in_texts(view: &View<'_>, letters: &[&Letter<'_>], finding: &mut Finding) {
    let canaries: HashSet<&Canary> = letters.iter().map(|letter| letter.canary).collect();
    // Who was flagged at some time may be named in what is kept of that time.
    let all = view.letters.values();
    let concerned = all.filter(|letter| letter.standing() != Standing::Unflagged);
    let concerned: HashSet<&str> = concerned.map(|letter| letter.sender()).collect();
    let people = letters.iter().map(|letter| letter.sender());
    let people = people.filter(|sender| !concerned.contains(sender));
    let recipients = letters.iter().flat_map(|letter| letter.recipients());
    let addresses: HashSet<&str> = people.chain(recipients.map(String::as_str)).collect();
    let rows = view.found.rows.iter();
    let rows = rows.map(|row| (format!("table {}", row.table), row.text.as_str()));
    let lines = view.found.log_lines.iter();
    let lines = lines.map(|line| (format!("log of {}", line.role), line.text.as_str()));
    for (place, text) in rows.chain(lines) {
        let found = Canary::all_in(text.as_bytes());
        let canary = found.iter().find(|canary| canaries.contains(canary));
        let address = super::leaks::addresses(text).find(|one| addresses.contains(one));
        let trace = canary.map(Canary::as_str).or(address);
        finding.extend(trace.map(|trace| format!("{trace}: not flagged, and in the {place}")));
    }
}
