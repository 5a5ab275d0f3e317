//! `mailhold reviews show`

use std::sync::Arc;

use libtest_mimic::Trial;

use super::office::{INSTANCE, Mail, Office, lines};
use crate::{
    lab::{Lab, program::text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_review_shows_all_facts_and_the_header_but_no_body,
        a_review_shows_decoded_fields_beside_the_raw_ones,
        a_review_is_shown_by_each_of_its_names,
        an_unknown_review_is_told_and_the_others_are_shown,
        every_line_of_json_is_one_review,
        a_hostile_header_cannot_steer_the_terminal,
        the_content_is_given_byte_for_byte,
        a_long_content_is_given_byte_for_byte,
        content_that_cannot_be_written_is_told,
        a_reader_that_has_seen_enough_of_the_content_is_no_fault,
        the_content_of_an_ambiguous_name_is_refused,
        content_and_json_exclude_each_other,
        a_review_that_was_never_on_hold_says_so,
    ]
}

async fn a_review_shows_all_facts_and_the_header_but_no_body(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut mail = Mail::about("all of it").with_body(b"the secret body\r\n");
    mail.recipients.push("<carl@elsewhere.test>".to_owned());
    let capture = office.held(mail).await;
    let show = office.reviews(&["show", capture.queue_id.as_str()]).await;
    let show = text(&show.stdout);
    for fact in [
        format!("Queue ID       {} on mx1", capture.queue_id),
        format!("Capture        {}", capture.id),
        "Sender         anna@corp.test".to_owned(),
        "Recipient      bob@elsewhere.test".to_owned(),
        "Recipient      carl@elsewhere.test".to_owned(),
        "Login          anna".to_owned(),
        "Client         pc.corp.test [192.0.2.7]".to_owned(),
        "Held by rule   flagged-external".to_owned(),
        "login anna is flagged (IsMailMonitor=Y) in uid=anna".to_owned(),
        "bob@elsewhere.test is external".to_owned(),
        format!("SHA-256        {}", capture.digest),
        "State          held".to_owned(),
        "  Subject: all of it".to_owned(),
    ] {
        assert!(show.contains(&fact), "{fact} is not in:\n{show}");
    }
    assert!(!show.contains("the secret body"), "{show}");
}

async fn a_review_shows_decoded_fields_beside_the_raw_ones(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office
        .held(Mail::about("=?utf-8?B?44GK6KaL56mN44KK?="))
        .await;
    let show = office.reviews(&["show", &capture.id.to_string()]).await;
    let show = text(&show.stdout);
    assert!(show.contains("Subject        お見積り"), "{show}");
    assert!(show.contains("  Subject: =?utf-8?B?"), "{show}");
}

async fn a_review_is_shown_by_each_of_its_names(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("many names")).await;
    let id = &capture.queue_id;
    for name in [
        id.to_string(),
        format!("{INSTANCE}/{id}"),
        capture.id.to_string(),
    ] {
        let show = office.reviews(&["show", &name, "--json"]).await;
        assert_eq!(lines(&show)[0]["queue_id"], id.as_str());
    }
    let elsewhere = office.reviews(&["show", &format!("mx2/{id}")]).await;
    assert_eq!(elsewhere.status.code(), Some(66));
}

async fn an_unknown_review_is_told_and_the_others_are_shown(lab: &Lab) {
    const UNKNOWN: &str = "4zzzzz56f7z1j";
    let office = Office::shared(lab).await;
    let captures = office
        .held_all(&[Mail::about("one"), Mail::about("two")])
        .await;
    let ids = [
        captures[0].queue_id.as_str(),
        UNKNOWN,
        captures[1].queue_id.as_str(),
    ];
    let show = office
        .reviews(&["show", ids[0], ids[1], ids[2], "--json"])
        .await;
    assert_eq!(show.status.code(), Some(66));
    assert_eq!(
        text(&show.stderr),
        format!("mailhold: {UNKNOWN}: there is no such review\n")
    );
    let shown = lines(&show);
    let shown = shown
        .iter()
        .map(|review| review["subject"].as_str().unwrap());
    assert_eq!(shown.collect::<Vec<_>>(), ["one", "two"]);
}

async fn every_line_of_json_is_one_review(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut odd = Mail::about("odd \x01 \"bytes\"").with_body(b"\x00\xff");
    odd.sender = "<>".to_owned();
    let captures = office.held_all(&[odd, Mail::about("")]).await;
    let ids: Vec<_> = captures
        .iter()
        .map(|capture| capture.id.to_string())
        .collect();
    let show = office.reviews(&["show", "--json", &ids[0], &ids[1]]).await;
    let shown = lines(&show);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[0]["sender"]["address"], "<>");
    assert_eq!(shown[0]["state"], "held");
    assert_eq!(shown[0]["decided"], serde_json::Value::Null);
    assert_eq!(shown[0]["matched"]["flag"], "IsMailMonitor=Y");
    assert_eq!(shown[0]["client_address"], "192.0.2.7");
    assert_eq!(shown[1]["recipients"][0]["address"], "bob@elsewhere.test");
    assert!(
        shown[1]["header"]
            .as_str()
            .unwrap()
            .starts_with("From: Anna")
    );
}

async fn a_hostile_header_cannot_steer_the_terminal(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut mail = Mail::about("\x1b[31mred\x1b]0;title\x07 \u{9b}31m \u{202e}tfel");
    mail.sender = "<\"an\x1b[2Jna\"@corp.test>".to_owned();
    let capture = office.held(mail).await;
    let show = office.reviews(&["show", &capture.id.to_string()]).await;
    let bad = |sign: char| (sign.is_control() && sign != '\n') || sign == '\u{202e}';
    let out = text(&show.stdout);
    assert!(out.contains("[31mred") && !out.contains(bad), "{out:?}");
}

async fn the_content_is_given_byte_for_byte(lab: &Lab) {
    let office = Office::shared(lab).await;
    let all: Vec<u8> = (0..=255).collect();
    for body in [&all[..], b"", b"no line end", b"\r\n\r\n", b"a\nb\rc\0"] {
        let mail = Mail::about("bytes").with_body(body);
        let capture = office.held(mail.clone()).await;
        let show = office
            .reviews(&["show", "--content", capture.queue_id.as_str()])
            .await;
        assert_eq!(show.stdout, mail.content);
        assert_eq!(text(&show.stderr), "");
    }
}

async fn a_long_content_is_given_byte_for_byte(lab: &Lab) {
    let office = Office::shared(lab).await;
    let body: Vec<u8> = (0..3_500_000_u32).map(|n| (n * 7 / 3) as u8).collect();
    let mail = Mail::about("long").with_body(&body);
    let capture = office.held(mail.clone()).await;
    let show = office
        .reviews(&["show", "--content", &capture.id.to_string()])
        .await;
    assert!(show.stdout == mail.content, "{} bytes", show.stdout.len());
}

/// The end without a line end is written last, after all else has gone well.
async fn content_that_cannot_be_written_is_told(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("full").with_body(b"end")).await;
    let line = format!("$reviews show --content {} > /dev/full", capture.id);
    let output = office.shell(&line).await;
    assert_eq!(output.status.code(), Some(70), "{output:?}");
    assert!(text(&output.stderr).contains("No space left"), "{output:?}");
}

async fn a_reader_that_has_seen_enough_of_the_content_is_no_fault(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mail = Mail::about("long").with_body(&b"a line\r\n".repeat(100_000));
    let capture = office.held(mail).await;
    let line = format!(
        "$reviews show --content {} | head -c 5; echo; echo ${{PIPESTATUS[0]}}",
        capture.id
    );
    let output = office.shell(&line).await;
    assert_eq!(text(&output.stdout), "From:\n0\n");
    assert_eq!(text(&output.stderr), "");
}

/// One behind the other two messages would look like one.
async fn the_content_of_an_ambiguous_name_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let captures = office
        .captured_all(&[Mail::about("first"), Mail::about("second")])
        .await;
    office
        .database
        .execute(&format!(
            "update capture set queue_id = '{}'",
            captures[0].queue_id
        ))
        .await;
    let id = captures[0].queue_id.as_str();
    let content = office.reviews(&["show", "--content", id]).await;
    assert_eq!(content.status.code(), Some(66));
    assert!(content.stdout.is_empty());
    for capture in &captures {
        assert!(
            text(&content.stderr).contains(&capture.id.to_string()),
            "{content:?}"
        );
    }
    let facts = office.reviews(&["show", "--json", id]).await;
    assert_eq!(lines(&facts).len(), 2);
}

async fn content_and_json_exclude_each_other(lab: &Lab) {
    let office = Office::shared(lab).await;
    let output = office
        .reviews(&["show", "--content", "--json", "4zzzzz56f7z1j"])
        .await;
    assert_eq!(output.status.code(), Some(64));
}

async fn a_review_that_was_never_on_hold_says_so(lab: &Lab) {
    let office = Office::start(lab).await;
    let capture = office.captured(Mail::about("unseen")).await;
    let id = capture.id.to_string();
    let before = text(&office.reviews(&["show", &id]).await.stdout);
    assert!(
        before.contains("Held           not seen in the hold queue yet"),
        "{before}"
    );
    office
        .database
        .execute(&format!(
            "insert into settlement (capture_id, disposition, method, worker, evidence)
                values ('{id}', 'never_queued', 'none', 'test', 'nothing there');
            update capture set state = 'never_queued' where capture_id = '{id}'"
        ))
        .await;
    let after = text(&office.reviews(&["show", &id]).await.stdout);
    assert!(
        after.contains("Held           never seen in the hold queue"),
        "{after}"
    );
    assert!(after.contains("Disposition    never_queued at "), "{after}");
}
