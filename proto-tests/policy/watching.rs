//! Mail that is only watched goes on at once and leaves facts: no capture, nothing on hold, not a word
//! of what it says or of whom it goes to.

use std::{path::Path, sync::Arc};

use libtest_mimic::Trial;

use super::{
    house::{BOUND, House, Mail, WATCHED, n_events},
    traces::{Marked, all_bytes, log},
};
use crate::{
    lab::{Lab, eventually::eventually, program::text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_site_that_watches_delivers_at_once_and_says_what_it_would_have_held,
        a_watched_mail_leaves_facts_and_no_word_of_its_own,
        notes_wait_while_the_database_is_away,
        notes_that_cannot_wait_any_longer_are_counted_and_told,
        notes_that_the_database_refuses_are_counted_and_told,
    ]
}

/// Waits until the figures have so many rows that fulfil a condition.
async fn recorded(house: &House, condition: &str, n_rows: usize) {
    let sql = format!("select count(*) from watched where {condition}");
    let what = format!("{n_rows} rows where {condition}");
    eventually(&what, BOUND, async || {
        let found = house.desk.database.execute(&sql).await;
        if found == n_rows.to_string() {
            Ok(())
        } else {
            Err(found)
        }
    })
    .await;
}

async fn a_site_that_watches_delivers_at_once_and_says_what_it_would_have_held(lab: &Lab) {
    let house = House::start(lab, "watching-site", |settings| {
        settings.set("policy.mode", "watch");
    })
    .await;
    let milter = &house.desk.milter;
    let warned = milter.event_with(&["config.warned"], BOUND).await;
    assert_eq!(warned["setting"], "policy.mode");
    eventually("the figure says so", BOUND, async || {
        let now = milter.metric("mailhold_policy_watching").await;
        if now > 0.0 { Ok(()) } else { Err(now) }
    })
    .await;

    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    let mail = Mail::new(&flagged.address, &["elsewhere.test", "corp.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.delivered(&mail).await;
    let unflagged = Mail::new(&other.address, &["elsewhere.test"]);
    house.send(&unflagged).await.ok();
    house.delivered(&unflagged).await;
    let event = milter
        .event_with(&["message.watched", id.as_str()], BOUND)
        .await;
    assert_eq!(event["reason"], "flagged-external");
    assert_eq!(n_events(milter, "message.captured", &id), 0);

    recorded(&house, "true", 1).await;
    let facts = "select queue_id, instance, rule, identity_kind, identity, flag, n_recipients,
        entry like 'uid=%' from watched";
    assert_eq!(
        house.desk.database.execute(facts).await,
        format!(
            "{id}|watching-site|flagged-external|envelope sender|{}|IsMailMonitor=Y|2|t",
            flagged.address
        )
    );
    assert_eq!(house.postfix.held(), []);
    let captures = "select count(*) from capture";
    assert_eq!(house.desk.database.execute(captures).await, "0");
    let list = house.desk.reviews(&["list", "--all"]).await;
    assert_eq!(text(&list.stdout), "There are no reviews.\n");
    let page = house.desk.command("watched").run(b"").await;
    assert!(
        page.starts_with("In the last 7 days 1 message of 1 sender would have been held.\n"),
        "{page}"
    );
    assert!(page.contains("flagged-external"), "{page}");
}

async fn a_watched_mail_leaves_facts_and_no_word_of_its_own(lab: &Lab) {
    let house = House::with_database(lab).await;
    let flagged = house.person(&["Y"]).await;
    let watched = Marked::to(WATCHED, &flagged, "");
    let id = watched.send(&house).await;
    house.delivered(&watched.mail).await;
    let condition = format!("queue_id = '{id}' and rule = 'to-watched'");
    recorded(&house, &condition, 1).await;
    let spool = all_bytes(Path::new(house.desk.settings.text("spool.directory")));
    let dump = house.postgres.dump(&house.desk.database.name).await;
    for place in [&spool, dump.as_bytes(), &log(&house.desk.milter)] {
        assert_eq!(watched.words_in(place), Vec::<&str>::new());
    }
    assert!(!dump.contains(WATCHED), "not even the recipient's domain");
    let capture = format!("select count(*) from capture where queue_id = '{id}'");
    assert_eq!(house.desk.database.execute(&capture).await, "0");
    let figure = "mailhold_policy_watching";
    assert_eq!(house.desk.milter.metric(figure).await, 0.0);

    // The rule is for one domain.
    let elsewhere = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&elsewhere).await.ok().queue_id();
    house.desk.held(&id).await;
}

/// Sends so many watched mails of one person, of whom the condition for SQL is given.
async fn send_some(house: &House, n_mails: usize) -> String {
    let flagged = house.person(&["Y"]).await;
    for _ in 0..n_mails {
        let mail = Mail::new(&flagged.address, &[WATCHED]);
        house.send(&mail).await.ok();
        house.delivered(&mail).await;
    }
    format!("identity = '{}'", flagged.address)
}

async fn notes_wait_while_the_database_is_away(lab: &Lab) {
    let house = House::with_database(lab).await;
    house.postgres.stop();
    let condition = send_some(&house, 3).await;
    let milter = &house.desk.milter;
    milter
        .event_with(&["store.unreachable", "watched messages"], BOUND)
        .await;
    house.postgres.start_again().await;
    recorded(&house, &condition, 3).await;
}

async fn notes_that_cannot_wait_any_longer_are_counted_and_told(lab: &Lab) {
    let house = House::with_database(lab).await;
    house.postgres.stop();
    let condition = send_some(&house, 2).await;
    house.desk.milter.stop().await;
    let lost = ["watched.dropped", "the milter stops"];
    let event = house.desk.milter.event_with(&lost, BOUND).await;
    assert_eq!(event["n_messages"], 2);
    assert_eq!(event["level"], "WARN");
    house.postgres.start_again().await;
    house.desk.milter.start_again().await;
    recorded(&house, &condition, 0).await;
}

async fn notes_that_the_database_refuses_are_counted_and_told(lab: &Lab) {
    let house = House::with_database(lab).await;
    let (milter, database) = (&house.desk.milter, &house.desk.database);
    let figure = "mailhold_watch_dropped_total";
    let before = milter.metric(figure).await;
    database
        .execute("alter table watched add constraint refused check (false) not valid")
        .await;
    send_some(&house, 1).await;
    let event = milter
        .event_with(&["watched.dropped", "SQLSTATE 23514"], BOUND)
        .await;
    assert_eq!(event["n_messages"], 1);
    assert_eq!(milter.metric(figure).await, before + 1.0);
    database
        .execute("alter table watched drop constraint refused")
        .await;
    let condition = send_some(&house, 1).await;
    recorded(&house, &condition, 1).await;
}
