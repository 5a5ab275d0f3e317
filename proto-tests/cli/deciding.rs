//! `mailhold reviews release`, `discard` and `return`

use std::{process::Output, sync::Arc};

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::domain::capture::Capture;
use serde_json::Value;

use super::office::{Mail, Office, lines, program};
use crate::{
    lab::{Lab, program::text},
    trials::{Trials, tests},
};

const UNKNOWN: &str = "4zzzzz56f7z1j";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        each_decision_is_stored_with_who_and_why,
        the_user_behind_sudo_is_stored,
        several_messages_are_decided_at_once,
        an_unknown_message_does_not_keep_the_others_from_being_decided,
        every_line_of_json_is_one_outcome,
        nobody_reading_the_outcomes_keeps_no_message_from_being_decided,
        an_unknown_reviewer_is_refused,
        a_reviewer_is_named_in_any_case_and_stored_as_configured,
        without_any_reviewer_nobody_can_decide,
        a_decision_needs_a_reviewer,
        the_second_to_decide_learns_who_won,
        of_many_at_once_one_wins,
        a_message_that_is_not_held_yet_cannot_be_decided,
        a_message_without_a_sender_cannot_be_returned,
        an_ambiguous_name_is_refused,
        a_database_that_is_away_is_told,
    ]
}

async fn decide(office: &Office, words: &[&str]) -> Output {
    let mut arguments = words.to_vec();
    arguments.extend(["--as", "rita"]);
    office.reviews(&arguments).await
}

async fn state(office: &Office, capture: &Capture) -> Value {
    office.shown(capture).await["state"].clone()
}

async fn each_decision_is_stored_with_who_and_why(lab: &Lab) {
    let office = Office::shared(lab).await;
    for word in ["release", "discard", "return"] {
        let capture = office.held(Mail::about(word)).await;
        let id = capture.queue_id.as_str();
        let note = "wrong customer, \u{1b}[31m said \u{5c71}";
        let output = decide(office, &[word, id, "--note", note]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(text(&output.stdout), format!("{id}: {word} decided\n"));
        let review = office.shown(&capture).await;
        let decided = &review["decided"];
        assert_eq!(review["state"], "decided");
        assert_eq!(decided["decision"], word);
        assert_eq!(decided["reviewer"], "rita");
        assert_eq!(decided["os_user"], "root");
        assert_eq!(decided["via"], "cli");
        assert_eq!(decided["note"], note);
        let show = text(&office.reviews(&["show", id]).await.stdout);
        assert!(
            show.contains(&format!("{word} by rita (system user root)")),
            "{show}"
        );
        assert!(show.contains("Note           wrong customer") && !show.contains('\u{1b}'));
    }
}

async fn the_user_behind_sudo_is_stored(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("sudo")).await;
    let id = capture.id.to_string();
    let command = office.mailhold().variable("SUDO_USER", "robert");
    let arguments = ["reviews", "release", &id, "--as", "robert"];
    command.arguments(arguments).run(b"").await;
    let review = office.shown(&capture).await;
    assert_eq!(review["decided"]["os_user"], "robert as root");
}

async fn several_messages_are_decided_at_once(lab: &Lab) {
    let office = Office::shared(lab).await;
    let captures = office.held_all(&vec![Mail::about("one of four"); 4]).await;
    let mut words = vec!["discard"];
    words.extend(captures.iter().map(|capture| capture.queue_id.as_str()));
    let output = decide(office, &words).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout).lines().count(), 4);
    for capture in &captures {
        assert_eq!(state(office, capture).await, "decided");
    }
}

async fn an_unknown_message_does_not_keep_the_others_from_being_decided(lab: &Lab) {
    let office = Office::shared(lab).await;
    let captures = office.held_all(&vec![Mail::about("beside"); 2]).await;
    let ids = captures.iter().map(|capture| capture.queue_id.as_str());
    let ids: Vec<_> = ids.collect();
    let output = decide(office, &["release", ids[0], UNKNOWN, ids[1]]).await;
    assert_eq!(output.status.code(), Some(66), "{output:?}");
    let told = format!("mailhold: {UNKNOWN}: there is no such review\n");
    assert_eq!(text(&output.stderr), told);
    for capture in &captures {
        assert_eq!(state(office, capture).await, "decided");
    }
}

async fn every_line_of_json_is_one_outcome(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("json")).await;
    let id = capture.queue_id.as_str();
    let output = decide(office, &["return", "--json", id, UNKNOWN, id]).await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "");
    let outcomes = lines(&output);
    let accepted = outcomes.iter().map(|outcome| outcome["accepted"].clone());
    assert_eq!(accepted.collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(outcomes[0]["capture_id"], capture.id.to_string());
    assert_eq!(outcomes[0]["decision"], "return");
    assert_eq!(outcomes[1]["id"], UNKNOWN);
    assert_eq!(outcomes[1]["capture_id"], Value::Null);
    assert!(
        outcomes[2]["text"]
            .as_str()
            .unwrap()
            .contains("return by rita")
    );
}

async fn nobody_reading_the_outcomes_keeps_no_message_from_being_decided(lab: &Lab) {
    let office = Office::shared(lab).await;
    let captures = office.held_all(&vec![Mail::about("unread"); 3]).await;
    let ids = captures.iter().map(|capture| capture.queue_id.as_str());
    let ids = ids.collect::<Vec<_>>().join(" ");
    let line = format!("$reviews discard {ids} --as rita > >(:); wait $!; exit ${{PIPESTATUS[0]}}");
    let output = office.shell(&line).await;
    assert_eq!(text(&output.stderr), "");
    for capture in &captures {
        assert_eq!(state(office, capture).await, "decided");
    }
}

async fn an_unknown_reviewer_is_refused(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("stranger")).await;
    let id = capture.queue_id.as_str();
    for name in ["mallory", "", "rita ", "rita,robert", "*"] {
        let output = office.reviews(&["release", id, "--as", name]).await;
        assert_eq!(output.status.code(), Some(77), "{name}: {output:?}");
        let told = text(&output.stderr);
        assert!(told.contains("reviews.reviewers"), "{told}");
        assert!(told.contains("rita, robert"), "{told}");
    }
    assert_eq!(state(office, &capture).await, "held");
}

async fn a_reviewer_is_named_in_any_case_and_stored_as_configured(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("case")).await;
    let id = capture.queue_id.as_str();
    let output = office.reviews(&["release", id, "--as", "RITA"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(office.shown(&capture).await["decided"]["reviewer"], "rita");
}

async fn without_any_reviewer_nobody_can_decide(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut settings = office.settings.clone();
    settings.set("reviews.reviewers", Vec::<String>::new());
    let words = ["reviews", "release", UNKNOWN, "--as", "rita"];
    let output = program(lab, "nobody", &settings, &words).output(b"").await;
    assert_eq!(output.status.code(), Some(77));
    assert!(text(&output.stderr).contains("nobody is"), "{output:?}");
}

async fn a_decision_needs_a_reviewer(lab: &Lab) {
    let office = Office::shared(lab).await;
    for word in ["release", "discard", "return"] {
        let output = office.reviews(&[word, UNKNOWN]).await;
        assert_eq!(output.status.code(), Some(64));
        assert!(text(&output.stderr).contains("--as"), "{output:?}");
    }
}

async fn the_second_to_decide_learns_who_won(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("twice")).await;
    let id = capture.queue_id.as_str();
    decide(office, &["discard", id]).await;
    for word in ["release", "discard"] {
        let output = office.reviews(&[word, id, "--as", "robert"]).await;
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "");
        let told = text(&output.stderr);
        let wanted = format!("mailhold: {id}: already decided: discard by rita at ");
        assert!(told.starts_with(&wanted), "{told}");
        assert!(told.ends_with("now decided\n"), "{told}");
    }
    let decided = office.shown(&capture).await["decided"].clone();
    assert_eq!(
        (&decided["decision"], &decided["reviewer"]),
        (&"discard".into(), &"rita".into())
    );
}

async fn of_many_at_once_one_wins(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.held(Mail::about("race")).await;
    let id = capture.queue_id.as_str();
    let words = ["release", "discard", "return"].repeat(3);
    let outputs = join_all(words.iter().map(|word| decide_json(office, word, id))).await;
    let winners = outputs.iter().filter(|outcome| outcome["accepted"] == true);
    let winners: Vec<_> = winners.collect();
    assert_eq!(winners.len(), 1, "{outputs:?}");
    let stored = office.shown(&capture).await["decided"]["decision"].clone();
    assert_eq!(winners[0]["decision"], stored);
    for loser in outputs
        .iter()
        .filter(|outcome| outcome["accepted"] == false)
    {
        let told = loser["text"].as_str().unwrap();
        assert!(told.contains(stored.as_str().unwrap()), "{told}");
    }
}

async fn decide_json(office: &Office, word: &str, id: &str) -> Value {
    lines(&decide(office, &[word, id, "--json"]).await).remove(0)
}

async fn a_message_that_is_not_held_yet_cannot_be_decided(lab: &Lab) {
    let office = Office::shared(lab).await;
    let capture = office.captured(Mail::about("early")).await;
    let output = decide(office, &["release", capture.queue_id.as_str()]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("not seen in the hold queue yet"),
        "{output:?}"
    );
}

async fn a_message_without_a_sender_cannot_be_returned(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut mail = Mail::about("bounce");
    mail.sender = "<>".to_owned();
    let capture = office.held(mail).await;
    let id = capture.queue_id.as_str();
    let output = decide(office, &["return", id]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("release or discard it"),
        "{output:?}"
    );
    assert_eq!(
        decide(office, &["discard", id]).await.status.code(),
        Some(0)
    );
}

async fn an_ambiguous_name_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let captures = office
        .captured_all(&[Mail::about("first"), Mail::about("second")])
        .await;
    let id = captures[0].queue_id.as_str();
    office
        .database
        .execute(&format!("update capture set queue_id = '{id}'"))
        .await;
    let output = decide(&office, &["release", id]).await;
    assert_eq!(output.status.code(), Some(1));
    for capture in &captures {
        assert!(
            text(&output.stderr).contains(&capture.id.to_string()),
            "{output:?}"
        );
    }
}

async fn a_database_that_is_away_is_told(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut settings = office.settings.clone();
    settings.set(
        "reviews.database.url",
        "postgres://mailhold_reviews@127.0.0.1:1/none",
    );
    for words in [
        &["reviews", "list"][..],
        &["reviews", "show", UNKNOWN],
        &["reviews", "release", UNKNOWN, "--as", "rita"],
    ] {
        let output = program(lab, "away", &settings, words).output(b"").await;
        assert_eq!(output.status.code(), Some(69), "{output:?}");
        let told = text(&output.stderr);
        assert!(
            told.starts_with("mailhold: cannot connect to the database: "),
            "{told}"
        );
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}
