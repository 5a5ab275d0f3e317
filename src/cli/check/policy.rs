//! The policy beside what Postfix lets in, and its rules beside each other.

use ipnet::IpNet;

use super::{Scene, report::Answer};
use crate::{
    domain::policy::{overlap, parse_network},
    postfix::survey::Survey,
};

/// Whether all clients that Postfix relays for count as the house's own: others would send unseen.
pub fn networks(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let Some(ours) = scene.milter.policy.networks.list() else {
        return vec![Answer::good(
            "no policy.submitted_networks: every client counts as one of the house",
        )];
    };
    let theirs = survey.parameter("mynetworks").unwrap_or_default();
    let words = theirs
        .split([',', ' ', '\t'])
        .filter(|word| !word.is_empty());
    let mut unseen = Vec::new();
    let mut unread = Vec::new();
    for word in words {
        match parse_network(word) {
            Ok(network) if ours.iter().any(|own| own.contains(&network)) => {}
            Ok(network) => unseen.push(network.to_string()),
            Err(_) => unread.push(word.to_owned()),
        }
    }
    let file = &scene.file;
    if !unseen.is_empty() {
        let seen = format!(
            "mynetworks has {}, policy.submitted_networks has not: mail from there is not looked at",
            unseen.join(", ")
        );
        let cure = format!("add them to policy.submitted_networks in {file}, or leave it out");
        return vec![Answer::fault(seen, cure)];
    }
    if !unread.is_empty() {
        let seen = format!(
            "mynetworks has {}, which cannot be compared",
            unread.join(", ")
        );
        let cure = format!("see that policy.submitted_networks in {file} has every network of it");
        return vec![Answer::warning(seen, cure)];
    }
    let shown: Vec<String> = ours.iter().map(IpNet::to_string).collect();
    vec![Answer::good(format!(
        "all of mynetworks is in {}",
        shown.join(", ")
    ))]
}

/// Rules that can never match, and rules that meet.
pub fn rules(scene: &Scene) -> Vec<Answer> {
    let policy = &scene.milter.policy;
    let remarks = overlap::remarks(policy);
    if remarks.is_empty() {
        let count = policy.rules.len();
        let of_them = if count == 1 { "rule" } else { "rules" };
        return vec![Answer::good(format!(
            "{count} {of_them}, none in the way of another"
        ))];
    }
    let cure = || {
        format!(
            "see the order of [[policy.rule]] in {} (docs/policy.md)",
            scene.file
        )
    };
    let warnings = remarks.into_iter();
    warnings
        .map(|remark| Answer::warning(remark, cure()))
        .collect()
}
