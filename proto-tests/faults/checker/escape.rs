//! I1: flagged mail reaches a recipient only if its release was decided before, for that very
//! capture; it goes back to its sender only if that was decided. An operator's hand may let it go.

use super::{
    super::{
        ledger::{Act, Standing},
        snapshot::Delivery,
    },
    report::Finding,
    view::{Letter, View},
};

/// What by hand lets a message go to its recipients.
const LETTING_GO: [Act; 2] = [Act::Release, Act::Requeue];
/// What by hand lets a message go back to its sender; one marked as expired goes back when released.
const SENDING_BACK: [Act; 4] = [Act::Return, Act::Expire, Act::Release, Act::Requeue];

pub fn check(view: &View<'_>, finding: &mut Finding) {
    for delivery in &view.found.deliveries {
        for canary in &delivery.canaries {
            let Some(letter) = view.letters.get(canary) else {
                continue;
            };
            if let Some(wrong) = judge(view, letter, delivery) {
                finding.examined(wrong);
            }
        }
    }
}

/// `None` where it is nobody's business; else what is wrong, if anything is.
fn judge(view: &View<'_>, letter: &Letter<'_>, delivery: &Delivery) -> Option<Option<String>> {
    if delivery.is_bounce() {
        let origin = delivery.returns.as_deref().map(|id| view.origin(id));
        is_flagged(view, letter, origin).then(|| returned(view, letter, delivery, origin))
    } else {
        let origin = delivery.queue_ids.last().map(|id| view.origin(id));
        is_flagged(view, letter, origin).then(|| delivered(view, letter, delivery, origin))
    }
}

/// While a flag changes, whoever captured a message thought it was set.
fn is_flagged(view: &View<'_>, letter: &Letter<'_>, origin: Option<&str>) -> bool {
    match letter.standing() {
        Standing::Flagged => true,
        Standing::Unflagged => false,
        Standing::Changing => origin.is_some_and(|id| !view.captures(id).is_empty()),
    }
}

fn delivered(
    view: &View<'_>,
    letter: &Letter<'_>,
    delivery: &Delivery,
    origin: Option<&str>,
) -> Option<String> {
    let Some(id) = origin else {
        return Some(format!("{}: delivered without a queue ID", letter.canary));
    };
    let is_right = is_allowed(view, delivery, id, &["release"], &LETTING_GO);
    (!is_right).then(|| {
        format!(
            "{id} {}: delivered to {:?} at {}, and no release of it was decided before: {}",
            letter.canary,
            delivery.recipients.first(),
            delivery.at,
            decisions(view, id)
        )
    })
}

fn returned(
    view: &View<'_>,
    letter: &Letter<'_>,
    delivery: &Delivery,
    origin: Option<&str>,
) -> Option<String> {
    let Some(id) = origin else {
        return Some(format!("{}: a bounce of no queue ID", letter.canary));
    };
    if delivery.recipients != [letter.sender()] {
        let to = &delivery.recipients;
        return Some(format!(
            "{id} {}: returned to {to:?}, not its sender",
            letter.canary
        ));
    }
    // A message that was released may bounce for Postfix's own reasons.
    let is_right = is_allowed(view, delivery, id, &["return", "release"], &SENDING_BACK);
    (!is_right).then(|| {
        let decisions = decisions(view, id);
        format!(
            "{id} {}: returned without a decision before: {decisions}",
            letter.canary
        )
    })
}

fn is_allowed(
    view: &View<'_>,
    delivery: &Delivery,
    id: &str,
    words: &[&str],
    acts: &[Act],
) -> bool {
    let decisions = view
        .captures(id)
        .iter()
        .filter_map(|one| view.decision(&one.capture_id));
    let mut before = decisions.filter(|one| one.created_at <= delivery.at);
    let mut by_hand = view.by_hand(id).iter().filter(|one| one.at <= delivery.at);
    before.any(|one| words.contains(&one.decision.as_str()))
        || by_hand.any(|one| acts.contains(&one.act))
}

fn decisions(view: &View<'_>, id: &str) -> String {
    let captures = view.captures(id).iter();
    let told = captures.map(|capture| match view.decision(&capture.capture_id) {
        Some(decision) => format!("{} at {}", decision.decision, decision.created_at),
        None => format!("{} undecided", capture.state),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        "no capture".to_owned()
    } else {
        told.join(", ")
    }
}
