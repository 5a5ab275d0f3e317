//! Rules at work in a milter: what is watched, let go, refused, or not asked at all.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::policy::{
    Action, Mode, Networks, Policy, RecipientPattern, Rule, ToWhom, Who, parse_network,
};

use super::{
    desk::{Desk, Plan, policy},
    mail::Mail,
    mta::Stage,
    people,
    people::Trouble,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_watched_mail_goes_on_and_is_noted,
        a_site_that_watches_holds_nothing,
        everyones_mail_is_held_where_that_is_meant,
        a_policy_without_flags_asks_no_directory,
        protected_correspondence_is_counted_alone,
        a_mail_that_goes_to_a_protected_correspondent_too_is_refused,
        mail_that_comes_in_from_elsewhere_is_let_go_at_once,
        mail_from_the_house_is_looked_at,
    ]
}

async fn desk(change: impl FnOnce(&mut Policy)) -> Desk {
    let mut policy = policy();
    change(&mut policy);
    Desk::with(Plan {
        policy,
        ..Plan::default()
    })
    .await
}

fn rule(who: Who, action: Action) -> Rule {
    Rule {
        name: "tried".to_owned(),
        who,
        to: ToWhom::External,
        when: Default::default(),
        action,
    }
}

async fn a_watched_mail_goes_on_and_is_noted() {
    let mut desk = desk(|policy| policy.rules = vec![rule(Who::Flagged, Action::Watch)]).await;
    let mail = Mail::flagged();
    desk.mta().await.send(&mail).await.accepted_at(Stage::Data);
    desk.nothing_captured().await;
    let watched = desk.notes.try_recv().unwrap();
    assert_eq!(watched.grounds.rule, "tried");
    assert_eq!(watched.grounds.matched.identity, "anna@corp.test");
    assert_eq!(watched.queue_id.unwrap().as_str(), super::mail::QUEUE_ID);
    desk.shows("watched_total{rule=\"tried\"}", 1).await;
    desk.shows("milter_verdicts_total{verdict=\"watch\"}", 1)
        .await;
}

async fn a_site_that_watches_holds_nothing() {
    let mut desk = desk(|policy| policy.mode = Mode::Watch).await;
    let mail = Mail::flagged();
    desk.mta().await.send(&mail).await.accepted_at(Stage::Data);
    assert_eq!(
        desk.notes.try_recv().unwrap().grounds.rule,
        "flagged-external"
    );
    desk.nothing_captured().await;
}

async fn everyones_mail_is_held_where_that_is_meant() {
    let desk = desk(|policy| policy.rules = vec![rule(Who::Anyone, Action::Hold)]).await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::unflagged()).await.held();
    let null = Mail::from("<>").to("<bob@elsewhere.test>");
    mta.send(&null).await.held();
    let inside = Mail::from("<ben@corp.test>").to("<eve@corp.test>");
    mta.send(&inside).await.accepted_at(Stage::Data);
    desk.shows("milter_verdicts_total{verdict=\"unflagged\"}", 1)
        .await;
}

async fn a_policy_without_flags_asks_no_directory() {
    let mut policy = policy();
    policy.rules = vec![rule(Who::Anyone, Action::Hold)];
    let plan = Plan {
        directory: people::troubled(Trouble::Unreachable),
        policy,
        ..Plan::default()
    };
    let desk = Desk::with(plan).await;
    let mail = Mail::from(people::TROUBLED).to("<bob@elsewhere.test>");
    desk.mta().await.send(&mail).await.held();
}

fn protect(policy: &mut Policy) {
    policy.protected = vec![RecipientPattern::parse("@lawyer.test").unwrap()];
}

async fn protected_correspondence_is_counted_alone() {
    let desk = desk(protect).await;
    let mail = Mail::from("<anna@corp.test>").to("<eve@lawyer.test>");
    desk.mta().await.send(&mail).await.accepted_at(Stage::Data);
    desk.nothing_captured().await;
    desk.shows("milter_verdicts_total{verdict=\"protected\"}", 1)
        .await;
    desk.shows("milter_verdicts_total{verdict=\"pass\"}", 0)
        .await;
}

async fn a_mail_that_goes_to_a_protected_correspondent_too_is_refused() {
    let desk = desk(protect).await;
    let mail = Mail::flagged().to("<eve@lawyer.test>");
    let text = desk.mta().await.send(&mail).await.refused_at(Stage::Data);
    assert!(text.contains("separately to each recipient"), "{text}");
    desk.nothing_captured().await;
}

/// The client of these mails is 192.0.2.7.
fn house_is(network: &str) -> impl FnOnce(&mut Policy) {
    let networks = Networks::new(Some(vec![parse_network(network).unwrap()]));
    move |policy| policy.networks = networks
}

async fn mail_that_comes_in_from_elsewhere_is_let_go_at_once() {
    let desk = desk(house_is("198.51.100.0/24")).await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::flagged()).await.accepted_at(Stage::Mail);
    desk.shows("milter_verdicts_total{verdict=\"incoming\"}", 1)
        .await;
    mta.send(&Mail::flagged().login("anna")).await.held();
}

async fn mail_from_the_house_is_looked_at() {
    let desk = desk(house_is("192.0.2.0/24")).await;
    desk.mta().await.send(&Mail::flagged()).await.held();
}
