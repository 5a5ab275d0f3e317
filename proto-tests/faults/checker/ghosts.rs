//! I4: what is on hold has a record and was confirmed, and what is under review is on hold. Otherwise
//! somebody was told: the message is recorded as a stray, or an error in the log names it.

use super::{
    super::snapshot::{Capture, QueueFile},
    report::Finding,
    view::View,
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    let files = &view.found.queue_files;
    for file in files
        .iter()
        .filter(|file| file.queue == "hold" && file.is_whole())
    {
        finding.examined(without_record(view, file));
    }
    for capture in view
        .found
        .captures
        .iter()
        .filter(|one| one.is_under_review())
    {
        finding.examined(without_file(view, capture));
    }
    for id in &view.found.strays {
        finding.examined(stale_stray(view, id));
    }
}

/// A stray is on hold, and no capture of it is under review: else it must have ended.
fn stale_stray(view: &View<'_>, id: &str) -> Option<String> {
    let files = &view.found.queue_files;
    let is_held = files
        .iter()
        .any(|file| file.queue == "hold" && file.name == id);
    let is_ours = view.captures(id).iter().any(|one| one.is_under_review());
    let is_wrong = !is_held || is_ours;
    is_wrong.then(|| format!("{id}: recorded as a stray; on hold: {is_held}, captured: {is_ours}"))
}

fn without_record(view: &View<'_>, file: &QueueFile) -> Option<String> {
    let id = file.name.as_str();
    let captures = view.captures(id);
    let n_standing = captures.iter().filter(|one| one.is_under_review()).count();
    if n_standing > 1 {
        return Some(format!(
            "{id}: {n_standing} captures of it are under review"
        ));
    }
    let is_told = view.found.strays.contains(id) || view.is_alarmed(id);
    let mut canaries = file.canaries.iter();
    let waits = captures.is_empty() && canaries.any(|canary| view.waits_in_spool(canary));
    // What was carried out and is on hold nevertheless is a matter of I7.
    let is_settled = captures
        .iter()
        .any(|one| ["released", "discarded", "returned"].contains(&one.state.as_str()));
    let is_right = n_standing == 1 || is_told || waits || is_settled;
    (!is_right).then(|| {
        let states: Vec<&str> = captures.iter().map(|one| one.state.as_str()).collect();
        let canaries = &file.canaries;
        format!(
            "{id} {canaries:?}: on hold without a record, captures {states:?}, and nobody is told"
        )
    })
}

fn without_file(view: &View<'_>, capture: &Capture) -> Option<String> {
    let id = capture.queue_id.as_str();
    let state = capture.state.as_str();
    let files = view.files(id).iter().filter(|file| file.name == id);
    let queues: Vec<&str> = files.map(|file| file.queue.as_str()).collect();
    let is_right = match state {
        // On its way into hold; what is there must have been confirmed.
        "captured" => queues.contains(&"incoming"),
        _ => queues.contains(&"hold"),
    };
    let is_wrong = !is_right && !view.is_alarmed(id);
    is_wrong.then(|| format!("{id}: {state}, found in {queues:?}, and nobody is told"))
}
