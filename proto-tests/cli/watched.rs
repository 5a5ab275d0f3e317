//! `mailhold watched`

use std::{process::Output, sync::Arc};

use chrono::{DateTime, Days, Local, TimeDelta, Utc};
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        verdict::{Grounds, Matched},
        watched::Watched,
    },
    store::{Role, Settings, Store},
};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

use super::office::{INSTANCE, Office, lines, program};
use crate::{
    lab::{Lab, program::text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        where_nothing_was_watched_the_page_says_so,
        the_page_shows_the_work_by_rule_and_by_day,
        the_page_can_name_the_senders,
        every_line_of_json_is_one_figure,
        a_span_without_a_unit_is_refused,
        a_hostile_sender_cannot_steer_the_terminal,
        a_database_that_is_away_is_told,
    ]
}

/// The shared office with nothing watched, for one test after the other.
async fn empty(lab: &Lab) -> (&'static Office, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let office = Office::shared(lab).await;
    office.database.execute("delete from watched").await;
    (office, turn)
}

/// A message of this sender by this rule, to two recipients.
fn watched(rule: &str, identity: &str, at: DateTime<Utc>) -> Watched {
    let matched = Matched {
        identity_kind: "envelope sender".to_owned(),
        identity: identity.to_owned(),
        ..Matched::default()
    };
    Watched {
        id: uuid::Uuid::now_v7(),
        instance: INSTANCE.parse().unwrap(),
        queue_id: None,
        watched_at: at,
        grounds: Grounds {
            rule: rule.to_owned(),
            matched,
        },
        n_recipients: 2,
    }
}

/// Noon of the day so many days ago, by this host's clock.
fn noon(days_ago: u64) -> DateTime<Utc> {
    let date = Local::now().date_naive() - Days::new(days_ago);
    let noon = date.and_hms_opt(12, 0, 0).unwrap();
    noon.and_local_timezone(Local).unwrap().to_utc()
}

async fn record(office: &Office, batch: &[Watched]) {
    let login = office.database.login("mailhold_milter");
    let settings = Settings {
        url: office.database.url(login.name),
        password: Some(login.password.clone().into()),
        max_connections: 1,
    };
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    store.record_watched(batch).await.unwrap();
}

async fn run(office: &Office, arguments: &[&str]) -> Output {
    let program = office.mailhold().arguments(["watched"]);
    program.arguments(arguments).output(b"").await
}

async fn page(office: &Office, arguments: &[&str]) -> String {
    let output = run(office, arguments).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

async fn where_nothing_was_watched_the_page_says_so(lab: &Lab) {
    let (office, _turn) = empty(lab).await;
    record(office, &[watched("old", "anna@corp.test", noon(9))]).await;
    let told = page(office, &[]).await;
    assert!(
        told.starts_with("In the last 7 days no message was watched.\n"),
        "{told}"
    );
    assert!(told.contains("policy.mode"), "{told}");
    let told = page(office, &["--since", "24h", "--senders"]).await;
    assert!(
        told.starts_with("In the last day no message was watched.\n"),
        "{told}"
    );
    let json = lines(&run(office, &["--json", "--senders"]).await);
    assert_eq!(json.len(), 1, "{json:?}");
    assert_eq!(json[0]["figure"], "total");
    assert_eq!(json[0]["n_messages"], 0);
    assert_eq!(json[0]["first_at"], Value::Null);
}

/// The words of the line that begins with this one.
fn row<'a>(page: &'a str, begin: &str) -> Vec<&'a str> {
    let line = page.lines().find(|line| line.starts_with(begin));
    let line = line.unwrap_or_else(|| panic!("no {begin} in:\n{page}"));
    line.split_whitespace().collect()
}

fn day(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%a %F").to_string()
}

async fn the_page_shows_the_work_by_rule_and_by_day(lab: &Lab) {
    let (office, _turn) = empty(lab).await;
    let batch = [
        watched("flagged-external", "anna@corp.test", noon(3)),
        watched("flagged-external", "ben@corp.test", noon(3)),
        watched("flagged-external", "anna@corp.test", noon(1)),
        watched("night", "anna@corp.test", noon(3) + TimeDelta::hours(2)),
    ];
    record(office, &batch).await;
    let page = page(office, &[]).await;
    assert!(
        page.starts_with("In the last 7 days 4 messages of 2 senders would have been held.\n\n"),
        "{page}"
    );
    let [third, second, first] = [3, 2, 1].map(|days_ago| day(noon(days_ago)));
    let (begin, end) = (format!("{third} 12:00"), format!("{first} 12:00"));
    let begin: Vec<_> = begin.split(' ').collect();
    let end: Vec<_> = end.split(' ').collect();
    let expected = [&["flagged-external", "3", "2", "6"], &begin[..], &end[..]].concat();
    assert_eq!(row(&page, "flagged-external"), expected);
    assert_eq!(row(&page, "night")[..4], ["night", "1", "1", "2"]);
    assert_eq!(row(&page, &third)[2..], ["3", "2", "6"]);
    assert_eq!(row(&page, &second)[2..], ["0", "0", "0"], "a quiet day");
    assert_eq!(row(&page, &first)[2..], ["1", "1", "2"]);
    assert!(!page.contains(&day(noon(4))), "before the first: {page}");
    assert!(
        page.contains(&format!("Busiest hour: {third} 12:00 with 2 messages.\n")),
        "{page}"
    );
    assert!(!page.contains("anna"), "nobody is named unasked: {page}");
}

async fn the_page_can_name_the_senders(lab: &Lab) {
    let (office, _turn) = empty(lab).await;
    let batch = [
        watched("all-mail", "ben@corp.test", noon(1)),
        watched("all-mail", "anna@corp.test", noon(2)),
        watched("all-mail", "anna@corp.test", noon(1)),
        watched("all-mail", "", noon(2)),
    ];
    record(office, &batch).await;
    let page = page(office, &["--senders"]).await;
    let (_, senders) = page.split_once("SENDER ").unwrap();
    let names: Vec<_> = senders
        .lines()
        .skip(1)
        .map(|line| line.split("  ").next().unwrap())
        .collect();
    assert_eq!(names, ["anna@corp.test", "ben@corp.test", "(not known)"]);
    assert_eq!(row(senders, "anna@corp.test")[1..3], ["2", "4"]);
}

async fn every_line_of_json_is_one_figure(lab: &Lab) {
    let (office, _turn) = empty(lab).await;
    let batch = [
        watched("flagged-external", "anna@corp.test", noon(2)),
        watched("night", "ben@corp.test", noon(1)),
    ];
    record(office, &batch).await;
    let json = lines(&run(office, &["--json", "--senders"]).await);
    let named = |figure: &str| -> Vec<&Value> {
        let mut lines = json.iter().collect::<Vec<_>>();
        lines.retain(|line| line["figure"] == figure);
        lines
    };
    let n_lines = ["total", "rule", "day", "hour", "sender"].map(|figure| named(figure).len());
    assert_eq!(n_lines, [1, 2, 2, 2, 2], "{json:?}");
    assert_eq!(json.len(), 9);
    let total = named("total")[0];
    assert_eq!(total["n_messages"], 2);
    assert_eq!(total["n_senders"], 2);
    assert_eq!(total["n_recipients"], 4);
    assert!(total["since"].is_string());
    let time = |value: &Value| value.as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert_eq!(named("rule")[1]["rule"], "night");
    assert_eq!(time(&named("rule")[1]["first_at"]), noon(1));
    assert_eq!(time(&named("hour")[0]["began_at"]), noon(2));
    assert_eq!(
        time(&named("day")[0]["began_at"]),
        noon(2) - TimeDelta::hours(12)
    );
    assert_eq!(named("sender")[0]["identity"], "ben@corp.test");
}

async fn a_span_without_a_unit_is_refused(lab: &Lab) {
    let office = Office::shared(lab).await;
    let output = run(office, &["--since", "7"]).await;
    assert_eq!(output.status.code(), Some(64), "{output:?}");
    let told = text(&output.stderr);
    assert!(told.contains("has no unit (try \"7s\")"), "{told}");
}

async fn a_hostile_sender_cannot_steer_the_terminal(lab: &Lab) {
    let (office, _turn) = empty(lab).await;
    let hostile = "an\x1b[2Jna\u{202e}@corp.test";
    record(office, &[watched("all\x1b[31m", hostile, noon(1))]).await;
    let page = page(office, &["--senders"]).await;
    let bad = |sign: char| (sign.is_control() && sign != '\n') || sign == '\u{202e}';
    assert!(page.contains("[2Jna") && !page.contains(bad), "{page:?}");
}

async fn a_database_that_is_away_is_told(lab: &Lab) {
    let mut settings = Office::shared(lab).await.settings.clone();
    let nowhere = "postgres://mailhold_reviews@127.0.0.1:1/none";
    settings.set("reviews.database.url", nowhere);
    let output = program(lab, "watched-away", &settings, &["watched"])
        .output(b"")
        .await;
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(
        text(&output.stderr).starts_with("mailhold: cannot connect"),
        "{output:?}"
    );
}
