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

/// How a message leaves, and what must have been before: a decision, or a hand.
struct Way {
    name: &'static str,
    decisions: &'static [&'static str],
    acts: &'static [Act],
}

const DELIVERED: Way = Way {
    name: "delivered",
    decisions: &["release"],
    acts: &[Act::Release, Act::Requeue],
};
/// What was released may bounce for Postfix's own reasons; what is marked as expired goes back when it is
/// released.
const RETURNED: Way = Way {
    name: "returned",
    decisions: &["return", "release"],
    acts: &[Act::Return, Act::Expire, Act::Release, Act::Requeue],
};

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
    let (way, named) = if delivery.is_bounce() {
        (RETURNED, delivery.returns.as_ref())
    } else {
        (DELIVERED, delivery.queue_ids.last())
    };
    let origin = named.map(|id| view.origin(id));
    is_flagged(view, letter, origin).then(|| wrong(view, letter, delivery, (&way, origin)))
}

/// While a flag changes, whoever captured a message thought it was set.
fn is_flagged(view: &View<'_>, letter: &Letter<'_>, origin: Option<&str>) -> bool {
    match letter.standing() {
        Standing::Flagged => true,
        Standing::Unflagged => false,
        Standing::Changing => origin.is_some_and(|id| !view.captures(id).is_empty()),
    }
}

fn wrong(
    view: &View<'_>,
    letter: &Letter<'_>,
    delivery: &Delivery,
    (way, origin): (&Way, Option<&str>),
) -> Option<String> {
    let (name, canary, to) = (way.name, letter.canary, &delivery.recipients);
    let Some(id) = origin else {
        return Some(format!("{canary}: {name} without a queue ID"));
    };
    if delivery.is_bounce() && *to != [letter.sender()] {
        return Some(format!("{id} {canary}: {name} to {to:?}, not its sender"));
    }
    (!is_allowed(view, delivery, id, way)).then(|| {
        let (to, at, decisions) = (to.first(), delivery.at, decisions(view, id));
        format!("{id} {canary}: {name} to {to:?} at {at}, and not decided so before: {decisions}")
    })
}

fn is_allowed(view: &View<'_>, delivery: &Delivery, id: &str, way: &Way) -> bool {
    let decisions = view
        .captures(id)
        .iter()
        .filter_map(|one| view.decision(&one.capture_id));
    let mut before = decisions.filter(|one| one.created_at <= delivery.at);
    let mut by_hand = view.by_hand(id).iter().filter(|one| one.at <= delivery.at);
    before.any(|one| way.decisions.contains(&one.decision.as_str()))
        || by_hand.any(|one| way.acts.contains(&one.act))
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
