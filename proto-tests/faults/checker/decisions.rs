//! I5: one decision stands at most, it is the acknowledged one, and the others were told of it. A
//! decision that nobody heard the end of may stand or not.

use std::collections::BTreeMap;

use super::{
    super::{
        ledger::{Ballot, Heard},
        snapshot::Decision,
    },
    report::Finding,
    view::View,
};

pub fn check(view: &View<'_>, finding: &mut Finding) {
    let mut ballots: BTreeMap<&str, Vec<&Ballot>> = BTreeMap::new();
    for ballot in &view.history.ballots {
        ballots.entry(&ballot.capture_id).or_default().push(ballot);
    }
    let mut standing: BTreeMap<&str, Vec<&Decision>> = BTreeMap::new();
    for decision in &view.found.decisions {
        standing
            .entry(&decision.capture_id)
            .or_default()
            .push(decision);
    }
    for (id, ballots) in &ballots {
        let standing = standing.remove(id).unwrap_or_default();
        finding.examined(wrong(id, ballots, &standing));
    }
    for id in standing.keys() {
        finding.examined(Some(format!("{id}: a decision stands that nobody made")));
    }
}

fn wrong(id: &str, ballots: &[&Ballot], standing: &[&Decision]) -> Option<String> {
    let acknowledged: Vec<_> = ballots
        .iter()
        .filter(|one| one.heard == Heard::Acknowledged)
        .collect();
    if acknowledged.len() > 1 || standing.len() > 1 {
        let (n_told, n_standing) = (acknowledged.len(), standing.len());
        return Some(format!(
            "{id}: {n_told} deciders were told that theirs stands, {n_standing} do"
        ));
    }
    let stands = |decision: &str, reviewer: &str| {
        let mut standing = standing.iter();
        standing.any(|one| one.decision == decision && one.reviewer == reviewer)
    };
    if let Some(ballot) = acknowledged.first()
        && !stands(&ballot.decision, &ballot.reviewer)
    {
        let (decision, reviewer) = (&ballot.decision, &ballot.reviewer);
        return Some(format!(
            "{id}: {decision} by {reviewer} was acknowledged, and there stands {standing:?}"
        ));
    }
    for ballot in ballots {
        if let Heard::LostTo { decision, reviewer } = &ballot.heard
            && !stands(decision, reviewer)
        {
            return Some(format!(
                "{id}: {} was told that {decision} by {reviewer} stands, and there stands {standing:?}",
                ballot.reviewer
            ));
        }
    }
    let stranger = standing.iter().find(|one| {
        let is_its = |ballot: &&&Ballot| {
            ballot.decision == one.decision
                && ballot.reviewer == one.reviewer
                && matches!(ballot.heard, Heard::Acknowledged | Heard::Unknown(_))
        };
        !ballots.iter().any(|ballot| is_its(&ballot))
    });
    stranger.map(|one| {
        format!(
            "{id}: {} by {} stands, and nobody made it",
            one.decision, one.reviewer
        )
    })
}
