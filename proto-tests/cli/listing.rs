//! `mailhold reviews list`

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use libtest_mimic::Trial;

use super::office::{Mail, Office, lines};
use crate::{
    lab::{Lab, program::text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_list_shows_who_writes_to_whom_about_what,
        a_list_begins_with_what_waits_longest,
        a_list_marks_what_is_in_doubt_and_what_has_twins,
        a_list_without_anything_says_so,
        a_list_that_is_cut_says_so,
        a_list_tells_of_messages_that_no_worker_has_seen,
        every_line_of_a_json_list_is_one_message,
        a_hostile_subject_cannot_steer_the_terminal,
        wide_letters_leave_the_table_in_line,
        a_reader_that_has_seen_enough_ends_the_list_quietly,
    ]
}

async fn a_list_shows_who_writes_to_whom_about_what(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut mail = Mail::about("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=");
    mail.recipients.push("<carl@elsewhere.test>".to_owned());
    mail.recipients.push("<dora@elsewhere.test>".to_owned());
    let capture = office.held(mail).await;
    let list = text(&office.reviews(&["list"]).await.stdout);
    assert!(list.starts_with("QUEUE ID "), "{list}");
    let line = line_of(&list, capture.queue_id.as_str());
    for part in ["held", "anna@corp.test", "bob@elsewhere.test +2", "Grüße"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

async fn a_list_begins_with_what_waits_longest(lab: &Lab) {
    let office = Office::start(lab).await;
    let mail = |subject, minutes| {
        let mut mail = Mail::about(subject);
        mail.captured_at = Utc::now() - TimeDelta::minutes(minutes);
        mail
    };
    office
        .held_all(&[mail("second", 5), mail("first", 90), mail("third", 1)])
        .await;
    let list = text(&office.reviews(&["list"]).await.stdout);
    let subjects = list
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().last().unwrap());
    assert_eq!(subjects.collect::<Vec<_>>(), ["first", "second", "third"]);
    assert!(line_of(&list, "first").contains(" 1 h "), "{list}");
    let all = text(&office.reviews(&["list", "--all"]).await.stdout);
    assert!(
        all.lines().nth(1).unwrap().ends_with("third"),
        "newest first: {all}"
    );
}

async fn a_list_marks_what_is_in_doubt_and_what_has_twins(lab: &Lab) {
    let office = Office::start(lab).await;
    let mails = ["alone", "doubted", "double", "double"].map(Mail::about);
    let captures = office.held_all(&mails).await;
    office.doubt(&captures[1], "its content is another").await;
    office.doubt(&captures[3], "its content is another").await;
    let list = text(&office.reviews(&["list"]).await.stdout);
    let note = |at: usize| {
        let line = line_of(&list, captures[at].queue_id.as_str());
        let (_, rest) = line.split_once(" held ").unwrap();
        rest.split(" s ").next().unwrap().trim().to_owned()
    };
    assert!(list.starts_with("QUEUE ID"), "{list}");
    for (at, begin) in [(1, "doubt "), (2, "twin "), (3, "doubt, twin ")] {
        assert!(note(at).starts_with(begin), "{list}");
    }
    assert!(!note(0).contains(['d', 't']), "{list}");

    let json = lines(&office.reviews(&["list", "--json"]).await);
    let marks: Vec<_> = json
        .iter()
        .map(|line| (line["doubted"].as_bool(), line["n_twins"].as_u64()))
        .collect();
    let mark = |doubted, n_twins| (Some(doubted), Some(n_twins));
    let expected = [mark(false, 0), mark(true, 0), mark(false, 1), mark(true, 1)];
    assert_eq!(marks, expected);
    let shown = office.shown(&captures[1]).await;
    assert_eq!(shown["doubts"][0]["reason"], "its content is another");
}

async fn a_list_without_anything_says_so(lab: &Lab) {
    let office = Office::start(lab).await;
    let (waiting, all) = tokio::join!(
        office.reviews(&["list"]),
        office.reviews(&["list", "--all"])
    );
    assert_eq!(text(&waiting.stdout), "Nothing waits for a decision.\n");
    assert_eq!(text(&all.stdout), "There are no reviews.\n");
    assert!(waiting.status.success() && all.status.success());
    let json = office.reviews(&["list", "--json"]).await;
    assert_eq!((text(&json.stdout), text(&json.stderr)), Default::default());
}

async fn a_list_that_is_cut_says_so(lab: &Lab) {
    let office = Office::start(lab).await;
    office.held_all(&vec![Mail::about("one of three"); 3]).await;
    for (limit, n_lines, told) in [
        ("1", 1, "more than 1"),
        ("2", 2, "more than 2"),
        ("3", 3, ""),
    ] {
        let list = office.reviews(&["list", "--json", "--limit", limit]).await;
        assert_eq!(lines(&list).len(), n_lines);
        assert!(text(&list.stderr).contains(told), "{list:?}");
        assert_eq!(told.is_empty(), list.stderr.is_empty(), "{list:?}");
    }
}

/// With the worker away nothing would be listed, and all would look well.
async fn a_list_tells_of_messages_that_no_worker_has_seen(lab: &Lab) {
    let office = Office::start(lab).await;
    let mut mail = Mail::about("unseen");
    let fresh = office.captured(mail.clone()).await;
    let list = office.reviews(&["list"]).await;
    assert_eq!(text(&list.stderr), "", "a moment is no matter: {fresh:?}");
    mail.captured_at = Utc::now() - TimeDelta::minutes(2);
    office.captured(mail).await;
    let list = office.reviews(&["list"]).await;
    assert!(text(&list.stderr).contains("worker"), "{list:?}");
}

async fn every_line_of_a_json_list_is_one_message(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mails = [
        "plain",
        "with \"quotes\"",
        "{\"a\":1}",
        "tab\there",
        "日本語",
    ]
    .map(Mail::about);
    let captures = office.held_all(&mails).await;
    let list = lines(
        &office
            .reviews(&["list", "--json", "--limit", "10000"])
            .await,
    );
    for (capture, subject) in captures
        .iter()
        .zip(["plain", "with \"quotes\"", "{\"a\":1}"])
    {
        let id = capture.queue_id.as_str();
        let line = list.iter().find(|line| line["queue_id"] == id).unwrap();
        assert_eq!(line["capture_id"], capture.id.to_string());
        assert_eq!(line["instance"], "mx1");
        assert_eq!(line["state"], "held");
        assert_eq!(line["subject"], subject);
        assert_eq!(line["sender"], "anna@corp.test");
        assert_eq!(line["n_recipients"], 1);
        assert_eq!(line["size_bytes"], capture.size_bytes);
        assert_eq!(line["reason"], "flagged-external");
    }
}

async fn a_hostile_subject_cannot_steer_the_terminal(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut mail = Mail::about("=?utf-8?Q?red=1B[31m_=1B]0;title=07_=C2=9B31m_=E2=80=AEtfel=0A?=");
    mail.sender = "<\"an\x1b[2Jna\"@corp.test>".to_owned();
    mail.recipients = vec!["<\"bob\x07\"@elsewhere.test>".to_owned()];
    let capture = office.held(mail).await;
    let list = text(&office.reviews(&["list", "--limit", "10000"]).await.stdout);
    let line = line_of(&list, capture.queue_id.as_str());
    assert!(line.contains("red") && line.contains("[31m"), "{line:?}");
    let bad = |sign: char| sign.is_control() || sign == '\u{202e}';
    assert!(!line.contains(bad), "{line:?}");
}

async fn wide_letters_leave_the_table_in_line(lab: &Lab) {
    let office = Office::start(lab).await;
    let mail = |sender: &str| Mail {
        sender: format!("<{sender}@corp.test>"),
        ..Mail::about("here")
    };
    // The names are of 4, 8 and 2 columns.
    office
        .held_all(&[mail("anna"), mail("山田太郎"), mail("박")])
        .await;
    let list = text(&office.reviews(&["list"]).await.stdout);
    let mut places: Vec<(usize, usize)> = list
        .lines()
        .map(|line| {
            let before = line
                .split("bob@")
                .next()
                .unwrap()
                .split("TO ")
                .next()
                .unwrap();
            let n_wide = before.chars().filter(|sign| !sign.is_ascii()).count();
            (n_wide, before.chars().count() + n_wide)
        })
        .collect();
    places.sort_unstable();
    let wide: Vec<usize> = places.iter().map(|(n_wide, _)| *n_wide).collect();
    assert_eq!(wide, [0, 0, 1, 4]);
    let column = places[0].1;
    assert!(places.iter().all(|(_, place)| *place == column), "{list}");
}

async fn a_reader_that_has_seen_enough_ends_the_list_quietly(lab: &Lab) {
    let office = Office::start(lab).await;
    // More than a pipe holds (64 KiB), so that the list meets a closed one.
    let long = "x".repeat(180);
    office.held_all(&vec![Mail::about(&long); 250]).await;
    for format in ["", "--json"] {
        let line =
            format!("$reviews list --limit 250 {format} | head -n 1; echo ${{PIPESTATUS[0]}}");
        let output = office.shell(&line).await;
        assert_eq!(text(&output.stderr), "");
        assert!(text(&output.stdout).ends_with("\n0\n"), "{output:?}");
    }
}

fn line_of<'a>(list: &'a str, word: &str) -> &'a str {
    let line = list.lines().find(|line| line.contains(word));
    line.unwrap_or_else(|| panic!("no {word} in:\n{list}"))
}
