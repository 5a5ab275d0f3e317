//! Log lines that programs can read and people can join with Postfix's own.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    lab::{Lab, role::Role},
    policy::house::{BOUND, House, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        every_line_is_an_event,
        every_line_of_an_outage_is_an_event,
        a_message_can_be_followed_by_its_queue_id,
        a_stop_is_told_from_its_begin_to_its_end,
    ]
}

/// Each line is JSON with a time, a level, a name and a text; the text of a line about a message
/// begins with its queue ID.
fn are_events(role: &Role) {
    for line in role.events() {
        assert!(line.is_object(), "{line}");
        let text = |key: &str| {
            let value = line[key].as_str();
            value.unwrap_or_else(|| panic!("no {key} in {line}"))
        };
        assert!(text("timestamp").ends_with('Z'), "{line}");
        assert!(["ERROR", "WARN", "INFO"].contains(&text("level")), "{line}");
        let (subject, what) = text("event").split_once('.').unwrap();
        assert!(!subject.is_empty() && !what.is_empty(), "{line}");
        if !line["queue_id"].is_null() {
            let begin = format!("{}: ", text("queue_id"));
            assert!(text("message").starts_with(&begin), "{line}");
        }
    }
}

async fn every_line_is_an_event(lab: &Lab) {
    let desk = lab.desk().await;
    let sender = lab.person(&["Y"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
    desk.decide("release", &id).await;
    desk.settled(&id).await;
    are_events(&desk.milter);
    are_events(&desk.worker);
}

/// Libraries have their own opinion of outages.
async fn every_line_of_an_outage_is_an_event(lab: &Lab) {
    let house = House::with_database(lab).await;
    let sender = house.person(&["Y"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    house.send(&mail).await.ok();
    house.slapd.kill();
    house.postgres.stop();
    assert_eq!(house.send(&mail).await.code, 451);
    let milter = &house.desk.milter;
    milter
        .event_with(&["message.try_again", "directory"], BOUND)
        .await;
    house.slapd.start_again().await;
    house.send(&mail).await.ok();
    milter.event_with(&["store.unreachable"], BOUND).await;
    house
        .desk
        .worker
        .event_with(&["store.unreachable"], BOUND)
        .await;
    house.postgres.start_again().await;
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    are_events(milter);
    are_events(&house.desk.worker);
}

async fn a_message_can_be_followed_by_its_queue_id(lab: &Lab) {
    let desk = lab.desk().await;
    let sender = lab.person(&["Y"]).await;
    let mail = Mail::new(&sender.address, &["elsewhere.test"]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
    desk.decide("discard", &id).await;
    desk.settled(&id).await;
    let discarded = desk
        .worker
        .event_with(&["message.discarded", id.as_str()], BOUND)
        .await;
    let about = |role: &Role| -> Vec<Value> {
        let events = role.events().into_iter();
        events
            .filter(|line| line["queue_id"] == id.as_str())
            .collect()
    };
    let lines = [about(&desk.milter), about(&desk.worker)].concat();
    let names: Vec<_> = lines
        .iter()
        .map(|line| line["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "message.captured",
            "message.held",
            "review.decided",
            "message.discarded"
        ]
    );
    let captures: Vec<_> = lines
        .iter()
        .map(|line| line["capture_id"].clone())
        .collect();
    assert!(
        captures
            .iter()
            .all(|capture| *capture == captures[0] && capture.is_string())
    );
    assert_eq!(lines[0]["verdict"], "hold");
    assert_eq!(lines[2]["decision"], "discard");
    assert_eq!(discarded["disposition"], "discarded");
    assert_eq!(discarded["new_queue_id"], Value::Null, "there is none");
}

async fn a_stop_is_told_from_its_begin_to_its_end(lab: &Lab) {
    let house = House::start(lab, "stopping", |_| {}).await;
    let (milter, worker) = (&house.desk.milter, &house.desk.worker);
    tokio::join!(milter.stop(), worker.stop());
    for (role, name, wanted) in [
        (
            milter,
            "milter",
            &["started", "ready", "draining", "stopped"][..],
        ),
        (worker, "worker", &["started", "ready", "stopped"]),
    ] {
        let events = role.events();
        let told = events.iter().filter(|line| line["role"] == name);
        let told: Vec<_> = told.map(|line| line["event"].as_str().unwrap()).collect();
        let wanted: Vec<_> = wanted.iter().map(|what| format!("role.{what}")).collect();
        assert_eq!(told, wanted);
        are_events(role);
    }
}
