//! Who comes and goes is on record, with the client that the proxy tells, and never with a password.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::alone::{Alone, CLIENT};
use crate::{
    lab::{Lab, http::Ask, place::random_text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_sign_in_a_failed_one_and_a_sign_out_are_on_record,
        no_password_is_on_record_or_in_the_log,
        the_named_proxy_is_believed_about_its_client,
        nobody_else_is_believed_about_a_client,
    ]
}

async fn a_sign_in_a_failed_one_and_a_sign_out_are_on_record(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let rita = &alone.rita;
    assert_eq!(alone.enter(&rita.login, "wrong horse").await.status, 401);
    assert_eq!(alone.enter("nobody-here", "wrong horse").await.status, 401);
    let cookie = alone.cookie(&rita.login, &rita.password).await;
    assert_eq!(alone.enter(&rita.login, "wrong horse").await.status, 401);
    assert_eq!(alone.leave(&cookie).await.status, 303);
    let told = |kind: &str, actor: &str| format!("{kind} {actor} {CLIENT}");
    let expected = [
        // Nobody of that name has ever signed in: it may be a password in the wrong field.
        told("sign_in_failed", "unknown"),
        told("sign_in_failed", "unknown"),
        told("signed_in", "rita"),
        told("sign_in_failed", "rita"),
        told("signed_out", "rita"),
    ];
    assert_eq!(alone.record().await, expected);
    alone.end().await;
}

async fn no_password_is_on_record_or_in_the_log(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let rita = &alone.rita;
    let wrong = random_text();
    alone.enter(&rita.login, &wrong).await;
    // As people do who are in a hurry.
    alone.enter(&rita.password, &wrong).await;
    let cookie = alone.cookie(&rita.login, &rita.password).await;
    alone.enter(&rita.password, &rita.login).await;
    alone.leave(&cookie).await;
    let stored = lab.postgres.dump(&alone.database.name).await;
    assert!(stored.contains("signed_out"), "the record is in it");
    let log = std::fs::read_to_string(alone.desk.web.log_path()).unwrap();
    for secret in [&wrong, &rita.password] {
        assert!(!stored.contains(secret.as_str()), "on record");
        assert!(!log.contains(secret.as_str()), "{log}");
    }
    alone.end().await;
}

/// Somebody who signs in with these headers, and which clients are on record for it.
async fn clients(alone: &Alone, headers: &[&str]) -> Vec<String> {
    let form = [
        ("login", alone.rita.login.as_str()),
        ("password", &alone.rita.password),
    ];
    let mut ask = Ask::post("/sign-in", &form);
    for value in headers {
        ask = ask.header("X-Forwarded-For", value);
    }
    assert_eq!(ask.send(alone.desk.address).await.status, 303);
    let record = alone.record().await;
    let last = record.iter().map(|line| line.rsplit(' ').next().unwrap());
    last.map(str::to_owned).collect()
}

async fn the_named_proxy_is_believed_about_its_client(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    // What stands before the last one the client may have made up.
    clients(&alone, &["192.0.2.1"]).await;
    clients(&alone, &["198.51.100.7, 192.0.2.2"]).await;
    clients(&alone, &["198.51.100.7", "192.0.2.3"]).await;
    clients(&alone, &["2001:db8::4"]).await;
    clients(&alone, &["192.0.2.5, nonsense"]).await;
    let found = clients(&alone, &[]).await;
    let expected = [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.3",
        "2001:db8::4",
        "127.0.0.1",
        "127.0.0.1",
    ];
    assert_eq!(found, expected);
    alone.end().await;
}

async fn nobody_else_is_believed_about_a_client(lab: &Lab) {
    for proxy in ["", "127.0.0.2"] {
        let name = |settings: &mut crate::lab::settings::Settings| {
            settings.set("web.proxy", proxy);
        };
        let alone = Alone::start(lab, name).await;
        let found = clients(&alone, &["192.0.2.1"]).await;
        assert_eq!(found, ["127.0.0.1"], "proxy {proxy:?}");
        alone.end().await;
    }
}
