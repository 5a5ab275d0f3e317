//! What is only watched: recorded once, and counted by rule, span and hour.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        verdict::{Grounds, Matched},
        watched::Watched,
    },
    store::watched::{Figures, Tally},
};
use tokio::sync::{Mutex, MutexGuard};

use super::fixture::{Fixture, instance, queue_id};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_watched_message_leaves_its_facts_and_no_recipient,
        a_batch_that_is_sent_again_is_recorded_once,
        a_refused_batch_is_refused_for_good_and_whole,
        figures_are_told_by_rule_by_span_and_by_hour,
        a_person_with_two_names_is_one_sender,
        the_busiest_senders_come_first,
        where_nothing_was_watched_there_are_no_figures,
    ]
}

/// The shared database with nothing watched, for one test after the other: figures are of all
/// instances, and a database for each test makes the cluster slow to start again.
async fn empty(lab: &Lab) -> (Fixture<'_>, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let fixture = Fixture::shared(lab).await;
    fixture.execute("delete from watched").await;
    (fixture, turn)
}

/// A message of this sender by this rule.
fn watched(rule: &str, identity: &str, at: DateTime<Utc>) -> Watched {
    Watched {
        id: uuid::Uuid::now_v7(),
        instance: instance(),
        queue_id: Some(queue_id()),
        watched_at: at,
        grounds: Grounds {
            rule: rule.to_owned(),
            matched: Matched {
                identity_kind: "envelope sender".to_owned(),
                identity: identity.to_owned(),
                entry: String::new(),
                flag: "Y".to_owned(),
                recipient: "bob@elsewhere.test".to_owned(),
            },
        },
        n_recipients: 2,
    }
}

fn clock(hour: i64, minute: i64) -> DateTime<Utc> {
    let midnight: DateTime<Utc> = "2026-03-02T00:00:00Z".parse().unwrap();
    midnight + TimeDelta::hours(hour) + TimeDelta::minutes(minute)
}

fn tally(messages: u64, senders: u64, recipients: u64) -> Tally {
    Tally {
        messages,
        senders,
        recipients,
    }
}

async fn a_watched_message_leaves_its_facts_and_no_recipient(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let mut nameless = watched("all-mail", "odd\0name", clock(9, 0));
    nameless.queue_id = None;
    let named = watched("flagged-external", "anna@corp.test", clock(9, 0));
    let batch = [named.clone(), nameless];
    fixture.milter().record_watched(&batch).await.unwrap();
    let sql = format!(
        "select queue_id, instance, watched_at at time zone 'UTC', rule, identity_kind, identity, flag,
            n_recipients
        from watched where watched_id = '{}'",
        named.id
    );
    let facts = format!(
        "{}|{}|2026-03-02 09:00:00|flagged-external|envelope sender|anna@corp.test|Y|2",
        named.queue_id.unwrap(),
        named.instance
    );
    assert_eq!(fixture.execute(&sql).await, facts);
    let all = fixture.execute("select watched::text from watched").await;
    assert!(all.contains("odd\u{fffd}name"), "{all}");
    assert!(!all.contains("elsewhere"), "{all}");
}

async fn a_batch_that_is_sent_again_is_recorded_once(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let mut batch = vec![watched("all-mail", "anna@corp.test", clock(9, 0))];
    fixture.milter().record_watched(&batch).await.unwrap();
    batch.push(watched("all-mail", "ben@corp.test", clock(9, 1)));
    fixture.milter().record_watched(&batch).await.unwrap();
    fixture.milter().record_watched(&[]).await.unwrap();
    assert_eq!(fixture.execute("select count(*) from watched").await, "2");
}

async fn a_refused_batch_is_refused_for_good_and_whole(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    fixture
        .execute("alter table watched add constraint refused check (rule <> 'refused')")
        .await;
    let batch = ["all-mail", "refused"].map(|rule| watched(rule, "anna@corp.test", clock(9, 0)));
    let error = fixture.milter().record_watched(&batch).await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(error.to_string(), "cannot record 2 watched messages");
    fixture
        .execute("alter table watched drop constraint refused")
        .await;
    assert_eq!(fixture.execute("select count(*) from watched").await, "0");
}

async fn figures_are_told_by_rule_by_span_and_by_hour(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let batch = [
        watched("flagged-external", "anna@corp.test", clock(-1, 0)),
        watched("flagged-external", "anna@corp.test", clock(9, 0)),
        watched("flagged-external", "ben@corp.test", clock(9, 59)),
        watched("night", "anna@corp.test", clock(30, 15)),
        watched("night", "anna@corp.test", clock(80, 0)),
    ];
    fixture.milter().record_watched(&batch).await.unwrap();
    let begins = [clock(8, 0), clock(24, 0), clock(48, 0), clock(72, 0)];
    let figures = fixture.reviews().watched(&begins).await.unwrap();

    let total = figures.total.unwrap();
    assert_eq!(total.tally, tally(4, 2, 8), "what was before is left out");
    assert_eq!((total.first, total.last), (clock(9, 0), clock(80, 0)));
    let rules: Vec<_> = figures
        .rules
        .iter()
        .map(|(rule, course)| (rule.as_str(), course.tally))
        .collect();
    assert_eq!(
        rules,
        [
            ("flagged-external", tally(2, 2, 4)),
            ("night", tally(2, 1, 4))
        ]
    );
    let spans: Vec<_> = figures
        .spans
        .iter()
        .map(|(number, course)| (*number, course.tally.messages))
        .collect();
    assert_eq!(
        spans,
        [(0, 2), (1, 1), (3, 1)],
        "a span without any is left out"
    );
    let hours: Vec<_> = figures
        .hours
        .iter()
        .map(|(begin, course)| (*begin, course.tally.messages))
        .collect();
    assert_eq!(
        hours,
        [(clock(9, 0), 2), (clock(30, 0), 1), (clock(80, 0), 1)]
    );
}

async fn a_person_with_two_names_is_one_sender(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let mut batch = ["anna", "anna@corp.test", ""]
        .map(|identity| watched("flagged-external", identity, clock(9, 0)));
    for watched in &mut batch[..2] {
        watched.grounds.matched.entry = "uid=anna,dc=corp,dc=test".to_owned();
    }
    fixture.milter().record_watched(&batch).await.unwrap();
    let figures = fixture.reviews().watched(&[clock(0, 0)]).await.unwrap();
    let total = figures.total.unwrap();
    assert_eq!(total.tally, tally(3, 1, 6), "nobody is no sender");
}

async fn the_busiest_senders_come_first(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let mut batch = vec![
        watched("all-mail", "ben@corp.test", clock(9, 0)),
        watched("all-mail", "anna@corp.test", clock(8, 0)),
        watched("all-mail", "anna", clock(10, 0)),
        watched("all-mail", "", clock(7, 0)),
        watched("all-mail", "eve@corp.test", clock(-1, 0)),
    ];
    for watched in &mut batch[1..3] {
        watched.grounds.matched.entry = "uid=anna,dc=corp,dc=test".to_owned();
    }
    fixture.milter().record_watched(&batch).await.unwrap();
    let reviews = fixture.reviews();
    let senders = reviews.watched_senders(clock(0, 0), 10).await.unwrap();
    let told: Vec<_> = senders
        .iter()
        .map(|sender| (sender.identity.as_str(), sender.course.tally.messages))
        .collect();
    assert_eq!(told, [("anna", 2), ("ben@corp.test", 1), ("", 1)]);
    assert_eq!(senders[0].entry, "uid=anna,dc=corp,dc=test");
    assert_eq!(senders[0].course.first, clock(8, 0));
    let first = reviews.watched_senders(clock(0, 0), 1).await.unwrap();
    assert_eq!(first, senders[..1]);
}

async fn where_nothing_was_watched_there_are_no_figures(lab: &Lab) {
    let (fixture, _turn) = empty(lab).await;
    let reviews = fixture.reviews();
    let figures = reviews.watched(&[clock(0, 0)]).await.unwrap();
    assert_eq!(figures, Figures::default());
    let senders = reviews.watched_senders(clock(0, 0), 10).await.unwrap();
    assert_eq!(senders, []);
}
