//! The worker: how often it looks, how long its leases are, changes without a restart.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{AS_IT_WAS_READ, REFUSED, house, refused, reload, shows, taken_up};
use crate::{
    lab::{Lab, eventually::eventually, smtp},
    policy::house::{BOUND, House, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        another_poll_acts_at_once,
        a_worker_with_a_bad_file_works_on,
        a_lease_too_short_for_the_commands_in_force_is_refused,
    ]
}

async fn another_poll_acts_at_once(lab: &Lab) {
    let house = House::start(lab, "polled", |settings| {
        settings
            .set("worker.poll", "1h")
            .set("worker.reconcile", "1h");
    })
    .await;
    let worker = &house.desk.worker;
    // It has counted once, at its start, and will not for an hour.
    for _ in 0..2 {
        let recipients = ["bob@elsewhere.test"];
        let content = b"Subject: held by Postfix\r\n\r\n";
        let holding = house.postfix.holding_smtp;
        smtp::send(holding, "ben@corp.test", &recipients, content)
            .await
            .ok();
    }
    let answer = reload(&house.desk, worker, |settings| {
        settings
            .set("worker.poll", "100ms")
            .set("worker.reconcile", "100ms")
            .set("worker.batch", 7)
            .set("worker.max_backoff", "1m")
            .set("worker.instance", "another")
            .set("worker.database.url", "postgres://nobody@localhost/none")
            .set("milter.drain", "1s");
    })
    .await;
    taken_up(&answer, "worker.database.url, worker.instance");
    assert_eq!(answer["role"], "worker");
    eventually("it counts again", BOUND, async || {
        match worker.metric("mailhold_on_hold").await {
            2.0 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    decide_one(&house).await;
}

/// The whole way of a held mail, which needs milter, worker and database.
async fn decide_one(house: &House) {
    let flagged = house.person(&["Y"]).await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    house.desk.decide("release", &id).await;
    house.delivered(&mail).await;
    house.desk.settled(&id).await;
}

async fn a_worker_with_a_bad_file_works_on(lab: &Lab) {
    let house = house(lab).await;
    let worker = &house.desk.worker;
    let answer = reload(&house.desk, worker, |settings| {
        settings
            .set("worker.max_backoff", "0s")
            .set("worker.bach", 7);
    })
    .await;
    let faults = ["worker.max_backoff", "worker.bach"];
    refused(&answer, &house.desk.settings_file, &faults);
    assert_eq!(shows(worker).await, REFUSED);
    assert!(worker.is_ready().await, "it works as before");
    taken_up(&reload(&house.desk, worker, |_| {}).await, "");
    assert_eq!(shows(worker).await, AS_IT_WAS_READ);
    decide_one(&house).await;
}

async fn a_lease_too_short_for_the_commands_in_force_is_refused(lab: &Lab) {
    let house = house(lab).await;
    let worker = &house.desk.worker;
    // A start would take both: the file itself has no fault.
    let answer = reload(&house.desk, worker, |settings| {
        settings
            .set("worker.lease", "10s")
            .set("postfix.command_timeout", "5s");
    })
    .await;
    assert_eq!(answer["event"], "config.kept", "{answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(
        error.starts_with("worker.lease: ") && error.contains("30 s"),
        "{error}"
    );
    let answer = reload(&house.desk, worker, |settings| {
        settings
            .set("worker.lease", "2m")
            .set("postfix.command_timeout", "5s");
    })
    .await;
    taken_up(&answer, "postfix.command_timeout");
}
