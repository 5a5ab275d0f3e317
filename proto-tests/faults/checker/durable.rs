//! I3: flagged mail that was answered with success has its capture, whole in itself, or waits in the
//! spool to be recorded.

use super::{
    super::{ledger::Standing, snapshot::Capture},
    report::Finding,
    view::{Letter, View},
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    for letter in view.letters.values() {
        if letter.standing() != Standing::Flagged {
            continue;
        }
        for (id, _) in letter.accepted() {
            finding.examined(wrong(view, letter, id));
        }
        if letter.n_accepted_unnamed() > 0 {
            finding.examined(wrong_unnamed(view, letter));
        }
    }
}

fn wrong(view: &View<'_>, letter: &Letter<'_>, id: &str) -> Option<String> {
    match view.captures(id) {
        [] if view.waits_in_spool(letter.canary) => None,
        [] => Some(format!(
            "{id} {}: accepted, and there is no capture",
            letter.canary
        )),
        captures => captures.iter().find_map(|capture| torn(capture)),
    }
}

/// A message from `sendmail` is captured when Postfix picks it up; which of several captures is that
/// of the last try nobody tells.
fn wrong_unnamed(view: &View<'_>, letter: &Letter<'_>) -> Option<String> {
    let captures = letter.queue_ids.iter().flat_map(|id| view.captures(id));
    let captures: Vec<&Capture> = captures.copied().collect();
    let is_waiting = view.waits_in_spool(letter.canary) || view.is_in_maildrop(letter.canary);
    if captures.is_empty() && !is_waiting {
        return Some(format!(
            "{}: taken by sendmail, and there is no capture",
            letter.canary
        ));
    }
    captures.into_iter().find_map(torn)
}

/// The content as it is stored must be what the milter counted and hashed.
pub(super) fn torn(capture: &Capture) -> Option<String> {
    let stored = &capture.imprint;
    let is_whole = stored.whole == capture.digest && stored.size_bytes == capture.size_bytes;
    (!is_whole).then(|| {
        format!(
            "{} {}: {} bytes are stored, {} were captured, or their digests differ",
            capture.queue_id, capture.capture_id, stored.size_bytes, capture.size_bytes
        )
    })
}
