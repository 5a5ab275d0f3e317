//! Who comes and goes is on record, with the client that the proxy tells, and never with a password.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    alone::{Alone, CLIENT},
    house::token,
};
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
        a_failed_sign_in_in_another_spelling_is_the_same_persons,
        another_sign_in_ends_the_session_before_on_record,
        a_form_that_no_page_of_the_session_has_made_is_on_record,
        without_its_entry_nobody_is_signed_out,
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

async fn a_failed_sign_in_in_another_spelling_is_the_same_persons(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let rita = &alone.rita;
    alone.cookie("RITA", &rita.password).await;
    for spelling in ["rita", "Rita", " RITA "] {
        assert_eq!(alone.enter(spelling, "wrong horse").await.status, 401);
    }
    let record = alone.record().await;
    let told = format!("sign_in_failed rita {CLIENT}");
    assert_eq!(record[0], format!("signed_in rita {CLIENT}"));
    assert_eq!(record[1..], [told.as_str(); 3]);
    alone.end().await;
}

async fn another_sign_in_ends_the_session_before_on_record(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let rita = &alone.rita;
    let cookie = alone.cookie(&rita.login, &rita.password).await;
    // Somebody else has sat here before.
    let sql = "update web_session set login = 'robert'";
    alone.database.execute(sql).await;
    let form = [("login", rita.login.as_str()), ("password", &rita.password)];
    let again = Ask::post("/sign-in", &form).header("Cookie", &cookie);
    assert_eq!(alone.send(again).await.status, 303);
    assert_eq!(alone.get("/inbox", &cookie).await.status, 303, "it is over");
    let sql = "select string_agg(kind || ' ' || actor || ' ' || detail, ', ' order by seq)
        from audit_event";
    let told = "signed_in rita , signed_out robert another sign-in, signed_in rita";
    let record = alone.database.execute(sql).await;
    assert_eq!(record.trim(), told);
    alone.end().await;
}

async fn a_form_that_no_page_of_the_session_has_made_is_on_record(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let id = alone.hold().await;
    let decide = format!("/review/{id}/decide");
    for (path, form) in [
        (
            decide.as_str(),
            vec![("token", "00"), ("decision", "discard")],
        ),
        (decide.as_str(), vec![("decision", "discard")]),
        ("/sign-out", vec![]),
        ("/preferences", vec![("token", "x")]),
    ] {
        let ask = Ask::post(path, &form).header("Cookie", &cookie);
        let answer = alone.send(ask).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    let foreign = alone.deciding(&id, &cookie, &[]).await;
    let foreign = foreign.header("Sec-Fetch-Site", "same-site");
    let answer = alone.send(foreign.header("Accept-Language", "zh-TW")).await;
    assert_eq!(answer.status, 403);
    let text = answer.text();
    assert!(text.contains("此要求來自其他網站的頁面"), "{text}");
    // Nobody is known to have sent this.
    let foreign = Ask::post("/sign-out", &[]).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(alone.send(foreign).await.status, 403);
    let sql = "select detail || '|' || count(*) || '|' || count(capture_id) from audit_event
        where kind = 'refused' and actor = 'rita' group by detail order by detail";
    let record = alone.database.execute(sql).await;
    let told = "form: from another site|1|0\nform: no valid token|4|2";
    assert_eq!(record.trim(), told);
    alone.end().await;
}

/// An entry that cannot be stored leaves all as it is.
async fn without_its_entry_nobody_is_signed_out(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let rights = async |right: &str| {
        let sql = format!("{right} mailhold_web");
        alone.database.execute(&sql).await;
    };
    let page = alone.get("/preferences", &cookie).await.text();
    let token = token(&page, "/sign-out").unwrap();
    rights("revoke insert on audit_event from").await;
    let leave = Ask::post("/sign-out", &[("token", &token)]).header("Cookie", &cookie);
    assert_eq!(alone.send(leave).await.status, 503);
    alone.change_passwords(|lines| lines.replace("rita:", "someone:"));
    alone.age_rights("61 seconds").await;
    assert_eq!(alone.get("/preferences", &cookie).await.status, 503);
    alone.change_passwords(|lines| lines.replace("someone:", "rita:"));
    rights("grant insert on audit_event to").await;
    let answer = alone.get("/preferences", &cookie).await;
    assert_eq!(answer.status, 200, "the session stands");
    alone.end().await;
}
