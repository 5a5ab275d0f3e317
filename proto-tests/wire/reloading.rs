//! A connection keeps the settings that it began with; the next one has the new ones.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::policy::{DomainPattern, Policy};

use super::{
    desk::{BOUND, Desk, Plan},
    mail::Mail,
    mta::{Outcome, Stage},
    people,
};
use crate::{
    lab::eventually::eventually_true,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_changed_policy_acts_on_the_next_connection_alone,
        a_message_on_its_way_ends_by_the_settings_it_began_with,
        a_directory_is_let_go_with_its_last_connection,
    ]
}

/// A house with one more domain: what goes to Bob stays within it.
fn wider_house() -> Policy {
    let domains = ["corp.test", "elsewhere.test"];
    let domains = domains.map(|text| DomainPattern::parse(text).unwrap());
    Policy::flagged_external(domains.to_vec())
}

async fn a_changed_policy_acts_on_the_next_connection_alone() {
    let desk = Desk::start().await;
    let mut before = desk.mta().await;
    desk.reload(|desk| desk.policy = wider_house());
    let mut after = desk.mta().await;
    let mail = Mail::flagged();
    for _ in 0..2 {
        after.send(&mail).await.accepted_at(Stage::EndOfHeader);
        before.send(&mail).await.held();
        desk.next_captured().await;
    }
}

async fn a_message_on_its_way_ends_by_the_settings_it_began_with() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let mail = Mail::flagged();
    assert_eq!(mta.send_until(Stage::Recipients, &mail).await, None);
    desk.reload(|desk| desk.policy = wider_house());
    for stage in [Stage::Data, Stage::Header, Stage::EndOfHeader, Stage::Body] {
        assert_eq!(mta.send_stage(stage, &mail).await, None, "{stage:?}");
    }
    let outcome = mta.send_stage(Stage::End, &mail).await;
    assert!(matches!(outcome, Some(Outcome::Held(_))), "{outcome:?}");
}

async fn a_directory_is_let_go_with_its_last_connection() {
    let directory = Arc::new(people::table());
    let old = Arc::downgrade(&directory);
    let desk = Desk::with(Plan {
        directory,
        ..Plan::default()
    })
    .await;
    let mut mta = desk.mta().await;
    desk.reload(|desk| desk.directory = Arc::new(people::table()));
    mta.send(&Mail::flagged()).await.held();
    assert!(old.upgrade().is_some(), "a connection works with it");
    drop(mta);
    eventually_true("it is let go", BOUND, async || old.upgrade().is_none()).await;
}
