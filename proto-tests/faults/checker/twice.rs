//! I6: what was decided acts once. Each recipient gets a message once for each queue ID that Postfix
//! told, its sender is told once, and `postsuper` moves it once. And it acts: what is decided does not
//! stay so, unless an error in the log names it.
//!
//! Postfix itself delivers twice where the receiver's answer was cut off or Postfix was stopped before
//! it noted the answer; the ledger knows those times.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::{super::ledger::Act, report::Finding, view::View};

/// What `postsuper` does to one message at most once in each stay on hold.
const ACTS: [Act; 4] = [Act::Release, Act::Remove, Act::Requeue, Act::Expire];
/// Only one of these ends a stay.
const ENDS: [Act; 3] = [Act::Release, Act::Remove, Act::Requeue];

pub fn check(view: &View<'_>, finding: &mut Finding) {
    let mut arrivals: BTreeMap<(&str, &str), Vec<DateTime<Utc>>> = BTreeMap::new();
    for delivery in &view.found.deliveries {
        let id = match &delivery.returns {
            Some(returned) => Some(returned),
            None => delivery.queue_ids.last(),
        };
        let Some(id) = id else {
            continue;
        };
        let ours = delivery
            .canaries
            .iter()
            .any(|one| view.letters.contains_key(one));
        for recipient in delivery.recipients.iter().filter(|_| ours) {
            let key = (view.origin(id), recipient.as_str());
            arrivals.entry(key).or_default().push(delivery.at);
        }
    }
    for ((id, recipient), times) in &arrivals {
        finding.examined(again(view, times).map(|(first, second)| {
            format!("{id}: {recipient} has it twice, at {first} and at {second}")
        }));
    }
    for (id, acts) in by_mailhold(view) {
        finding.examined(contradiction(view, id, &acts));
    }
    let decided = view
        .found
        .captures
        .iter()
        .filter(|one| one.state == "decided");
    for capture in decided {
        let id = &capture.queue_id;
        let is_told = view.is_alarmed(id);
        finding.examined((!is_told).then(|| format!("{id}: decided, and never carried out")));
    }
}

/// Two arrivals that no disturbance explains.
fn again(view: &View<'_>, times: &[DateTime<Utc>]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let pairs = times.windows(2).map(|pair| (pair[0], pair[1]));
    let is_explained = |(first, second): &(DateTime<Utc>, DateTime<Utc>)| {
        let mut disturbances = view.history.disturbances.iter();
        disturbances.any(|one| one.from <= *second && *first <= one.to)
    };
    pairs.into_iter().find(|pair| !is_explained(pair))
}

/// What `postsuper` logged of each message, less what was done by hand.
pub(super) fn by_mailhold<'a>(view: &View<'a>) -> BTreeMap<&'a str, HashMap<Act, usize>> {
    let mut acts: BTreeMap<&str, HashMap<Act, usize>> = BTreeMap::new();
    for moved in &view.found.moved {
        let of_it = acts.entry(&moved.queue_id).or_default();
        *of_it.entry(moved.act).or_default() += 1;
    }
    let by_hand = view.history.by_hand.iter();
    for by_hand in by_hand.filter(|one| one.may_count()) {
        let logged: &[Act] = match by_hand.act {
            Act::Return => &[Act::Expire, Act::Release],
            Act::Hold => &[Act::Hold],
            Act::Release => &[Act::Release],
            Act::Remove => &[Act::Remove],
            Act::Requeue => &[Act::Requeue],
            Act::Expire => &[Act::Expire],
        };
        let Some(of_it) = acts.get_mut(by_hand.queue_id.as_str()) else {
            continue;
        };
        for act in logged {
            if let Some(count) = of_it.get_mut(act) {
                *count = count.saturating_sub(1);
            }
        }
    }
    for of_it in acts.values_mut() {
        of_it.retain(|_, count| *count > 0);
    }
    acts.retain(|_, of_it| !of_it.is_empty());
    acts
}

fn contradiction(view: &View<'_>, id: &str, acts: &HashMap<Act, usize>) -> Option<String> {
    let holds = view.by_hand(view.origin(id)).iter();
    let n_stays = 1 + holds.filter(|one| one.act == Act::Hold).count();
    let count = |act: &Act| acts.get(act).copied().unwrap_or_default();
    let is_often = ACTS.iter().any(|act| count(act) > n_stays);
    let n_ends: usize = ENDS.iter().map(count).sum();
    (is_often || n_ends > n_stays).then(|| {
        let told: BTreeMap<&Act, &usize> = acts.iter().collect();
        format!("{id}: postsuper did {told:?} to it, not by hand, in {n_stays} stay on hold")
    })
}
