//! How many connections Postfix may hold at once, against the seats of the milter.

use super::{Scene, listed::List, report::Answer};
use crate::postfix::survey::{Service, Survey};

/// All smtpd and cleanup processes that use the milter find a seat: Postfix keeps a connection for
/// the whole of an SMTP session, and the first one without a seat stalls.
pub fn connections(scene: &Scene, survey: &Survey) -> Vec<Answer> {
    let seats = scene.milter.milter.max_connections;
    let smtp = asked(scene, survey, &List::of_smtp(survey));
    let mut others = asked(scene, survey, &List::of_others(survey));
    if smtp.is_empty() && others.is_empty() {
        return vec![super::live::unmade("no list names mailhold")];
    }
    for (_, limit) in &mut others {
        // cleanup takes over the connection of an smtpd. One of its own it opens only for what the
        // services without SMTP hand in, each process one message after the other.
        *limit = limit.or_else(|| handing_in(survey));
    }
    let users: Vec<_> = smtp.into_iter().chain(others).collect();
    let unlimited = users.iter().find(|(_, limit)| limit.is_none());
    if let Some((service, _)) = unlimited {
        return vec![Answer::warning(
            format!(
                "{}/{} has no limit of processes",
                service.name, service.kind
            ),
            format!(
                "write a number into its maxproc column in {}, so that all of them fit into \
                 milter.max_connections = {seats}",
                scene.postfix_file("master.cf")
            ),
        )];
    }
    let parts: Vec<(String, u64)> = users
        .iter()
        .map(|(service, limit)| (service.name.clone(), u64::from(limit.unwrap_or_default())))
        .collect();
    let sum: u64 = parts.iter().map(|(_, limit)| limit).sum();
    let parts: Vec<_> = parts
        .iter()
        .map(|(name, limit)| format!("{name} {limit}"))
        .collect();
    let served = &scene.worker.worker.instance;
    let mut listeners = scene.milter.milter.listeners.iter();
    let others = if listeners.any(|one| one.entrance.instance != *served) {
        ", without those of other instances"
    } else {
        ""
    };
    let parts = parts.join(" + ");
    let seen = format!("{parts} = {sum} of {seats} connections{others}");
    let answer = if sum <= seats as u64 {
        Answer::good(seen)
    } else {
        Answer::fault(
            format!("{seen}: the ones beyond stall, and their mail is asked to come again"),
            format!(
                "set milter.max_connections to {sum} or more in {}, or lower maxproc in {}",
                scene.file,
                scene.postfix_file("master.cf")
            ),
        )
    };
    vec![answer]
}

/// The services that ask our milter, each once, with their limits.
fn asked<'a>(
    scene: &Scene,
    survey: &'a Survey,
    lists: &[List<'a>],
) -> Vec<(&'a Service, Option<u32>)> {
    let ours = lists
        .iter()
        .filter(|list| !list.ours(scene, survey).is_empty())
        .flat_map(|list| list.users(survey));
    let mut users: Vec<(&Service, Option<u32>)> = Vec::new();
    for service in ours {
        if !users.iter().any(|(known, _)| *known == service) {
            users.push((service, service.process_limit));
        }
    }
    users
}

/// The processes that hand mail in without SMTP; `None` if they have no limit.
fn handing_in(survey: &Survey) -> Option<u32> {
    let services = survey.running("pickup").chain(survey.running("qmqpd"));
    services
        .map(|service| service.process_limit)
        .try_fold(0, |sum: u32, limit| Some(sum.saturating_add(limit?)))
}
