//! `mailhold audit`, what other commands put on the record, and `mailhold password`.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use serde_json::Value;

use super::office::{Mail, Office, program};
use crate::{
    lab::{Lab, program::text, user::User},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        what_people_see_and_decide_is_on_record,
        a_record_that_was_changed_ends_in_one_and_names_the_place,
        a_kept_head_shows_that_the_end_is_gone,
        without_a_key_nothing_is_shown_or_decided_and_the_setting_is_named,
        the_head_needs_no_key,
        a_name_that_is_no_review_is_on_record,
        an_export_has_every_entry_and_its_own_at_the_end,
        an_export_goes_on_behind_a_number,
        an_export_behind_the_end_is_refused,
        what_is_found_is_told_where_nothing_can_be_put_on_record,
        whose_mail_was_watched_is_told_on_record_and_figures_without,
        a_password_becomes_a_line_of_the_file,
        a_short_password_is_refused,
    ]
}

/// Kinds, actors and details on the record of an office, without times and lists of names.
async fn events(office: &Office) -> String {
    let sql = "select string_agg(
            concat_ws(' ', kind, actor, os_user, via, regexp_replace(detail, '( at | \\().*', '')),
            ', ' order by seq)
        from audit_event";
    office.database.execute(sql).await
}

async fn audit(office: &Office, words: &[&str]) -> (Option<i32>, String) {
    let program = office.mailhold().arguments(["audit"]).arguments(words);
    let output = program.output(b"").await;
    let told = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), told)
}

async fn what_people_see_and_decide_is_on_record(lab: &Lab) {
    let office = Office::start(lab).await;
    let id = office.held(Mail::about("a")).await.id.to_string();
    office.reviews(&["list"]).await;
    office.reviews(&["show", &id]).await;
    office.reviews(&["show", &id, "--content"]).await;
    office.reviews(&["release", &id, "--as", "rita"]).await;
    office.reviews(&["discard", &id, "--as", "robert"]).await;
    office.reviews(&["discard", &id, "--as", "stranger"]).await;
    let strays = office.mailhold().arguments(["strays", "list"]);
    strays.output(b"").await;
    assert_eq!(
        events(&office).await,
        format!(
            "command root root cli reviews list, viewed root root cli facts and header, \
         viewed root root cli content, decided rita root cli release, \
         refused robert root cli discard: already decided: release by rita, \
         refused root root cli discard {id}: \"stranger\" is not in reviews.reviewers of the configuration, \
         command root root cli strays list"
        )
    );
    let (code, told) = audit(&office, &["verify"]).await;
    assert_eq!(
        (code, told.trim()),
        (Some(0), "the audit record is sound: 7 entries")
    );
    let last = "command root root cli audit verify: sound: 7 entries";
    assert!(events(&office).await.ends_with(last));
}

async fn a_name_that_is_no_review_is_on_record(lab: &Lab) {
    let office = Office::start(lab).await;
    office.reviews(&["show", "4jWkMG56f7z1j"]).await;
    office
        .reviews(&["release", "4jWkMG56f7z1j", "--as", "rita"])
        .await;
    assert_eq!(
        events(&office).await,
        "refused root root cli show 4jWkMG56f7z1j: there is no such review, \
         refused rita root cli release 4jWkMG56f7z1j: there is no such review"
    );
}

/// What an export prints.
async fn exported(office: &Office, words: &[&str]) -> Vec<Value> {
    let words: Vec<_> = ["export"].iter().chain(words).copied().collect();
    let (code, told) = audit(office, &words).await;
    assert_eq!(code, Some(0), "{told}");
    let lines = told.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

async fn an_export_has_every_entry_and_its_own_at_the_end(lab: &Lab) {
    let office = Office::start(lab).await;
    let id = office.held(Mail::about("a")).await.id.to_string();
    office.reviews(&["release", &id, "--as", "rita"]).await;
    let lines = exported(&office, &[]).await;
    let [decided, own] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(decided["seq"], 1);
    assert_eq!(decided["actor"], "rita");
    assert_eq!(decided["kind"], "decided");
    assert_eq!(decided["capture_id"], id);
    assert_eq!(decided["previous"], "0".repeat(64));
    assert_eq!(own["kind"], "exported");
    assert_eq!(own["previous"], decided["hash"]);
    let (_, head) = audit(&office, &["head"]).await;
    assert_eq!(own["hash"].as_str(), head.split(' ').nth(1));
}

async fn an_export_goes_on_behind_a_number(lab: &Lab) {
    let office = Office::start(lab).await;
    for _ in 0..3 {
        office.reviews(&["list"]).await;
    }
    let lines = exported(&office, &["--after", "2"]).await;
    let numbers: Vec<_> = lines
        .iter()
        .filter_map(|line| line["seq"].as_i64())
        .collect();
    assert_eq!(numbers, [3, 4]);
}

async fn an_export_behind_the_end_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let (code, told) = audit(&office, &["export", "--after", "9"]).await;
    assert_eq!(code, Some(66), "{told}");
    assert!(told.contains("--after 9: the last entry is 0"), "{told}");
}

async fn what_is_found_is_told_where_nothing_can_be_put_on_record(lab: &Lab) {
    let office = Office::start(lab).await;
    office.reviews(&["list"]).await;
    let shut = "revoke insert on audit_event from mailhold_reviews";
    office.database.execute(shut).await;
    let (code, told) = audit(&office, &["verify"]).await;
    assert!(code > Some(1), "{told}");
    assert!(
        told.contains("the audit record is sound: 1 entries"),
        "{told}"
    );
    let tamper = "alter table audit_event disable trigger user;
        update audit_event set actor = 'nobody'";
    office.database.execute(tamper).await;
    let (code, told) = audit(&office, &["verify"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("broken at entry 1"), "{told}");
    assert!(told.contains("this is not on record"), "{told}");
}

async fn whose_mail_was_watched_is_told_on_record_and_figures_without(lab: &Lab) {
    let office = Office::start(lab).await;
    for words in [&["watched"][..], &["watched", "--senders"]] {
        office.mailhold().arguments(words).output(b"").await;
    }
    assert_eq!(
        events(&office).await,
        "command root root cli watched --senders"
    );
}

async fn a_record_that_was_changed_ends_in_one_and_names_the_place(lab: &Lab) {
    let office = Office::start(lab).await;
    let id = office.held(Mail::about("a")).await.id.to_string();
    for _ in 0..3 {
        office.reviews(&["show", &id]).await;
    }
    let tamper = "alter table audit_event disable trigger user;
        update audit_event set actor = 'nobody' where seq = 2";
    office.database.execute(tamper).await;
    let (code, told) = audit(&office, &["verify"]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("broken at entry 2: this entry was changed"),
        "{told}"
    );
}

async fn a_kept_head_shows_that_the_end_is_gone(lab: &Lab) {
    let office = Office::start(lab).await;
    let id = office.held(Mail::about("a")).await.id.to_string();
    let mut kept = String::new();
    for _ in 0..2 {
        office.reviews(&["show", &id]).await;
        let (code, head) = audit(&office, &["head"]).await;
        assert_eq!((code, head.lines().count()), (Some(0), 1), "{head}");
        kept.push_str(&head);
    }
    let name = format!("{}-heads", office.database.name);
    let file = lab.tools.place.file(&name, User::ROOT, 0o600, &kept);
    let file = file.to_str().unwrap();
    let (code, told) = audit(&office, &["verify", "--head", file]).await;
    assert_eq!(code, Some(0), "{told}");

    let tamper = "alter table audit_event disable trigger user;
        delete from audit_event where seq >= 2;
        update audit_head set (seq, hash) = (select seq, hash from audit_event);
        alter table audit_event enable trigger user";
    office.database.execute(tamper).await;
    let (code, told) = audit(&office, &["verify", "--head", file]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("broken at entry 2: this entry and all after it"),
        "{told}"
    );
    // What was found is the second entry now, and by itself the record is sound.
    assert_eq!(audit(&office, &["verify"]).await.0, Some(0));
    let (code, told) = audit(&office, &["verify", "--head", file]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("broken at entry 2: this entry is not the one"),
        "{told}"
    );

    fs::write(file, "no head\n").unwrap();
    let (code, told) = audit(&office, &["verify", "--head", file]).await;
    assert_eq!(code, Some(66), "{told}");
}

async fn without_a_key_nothing_is_shown_or_decided_and_the_setting_is_named(lab: &Lab) {
    let office = Office::shared(lab).await;
    let id = office.held(Mail::about("a")).await.id.to_string();
    let mut settings = office.settings.clone();
    settings.unset("audit.key_file");
    for words in [
        &["reviews", "show", &id][..],
        &["reviews", "release", &id, "--as", "rita"],
        &["reviews", "list"],
        &["strays", "list"],
        &["audit", "verify"],
        &["audit", "export"],
        &["watched", "--senders"],
    ] {
        let output = program(lab, "no-audit-key", &settings, words)
            .output(b"")
            .await;
        assert_eq!(output.status.code(), Some(78), "{output:?}");
        let told = text(&output.stderr);
        assert!(told.contains("audit.key_file is missing"), "{told}");
    }
}

async fn the_head_needs_no_key(lab: &Lab) {
    let office = Office::shared(lab).await;
    let mut settings = office.settings.clone();
    settings.unset("audit.key_file");
    let output = program(lab, "no-audit-key-head", &settings, &["audit", "head"])
        .output(b"")
        .await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

async fn a_password_becomes_a_line_of_the_file(lab: &Lab) {
    let words = [
        "password", "rita", "--role", "reviewer", "--role", "auditor",
    ];
    let program = lab.tools.mailhold("password").arguments(words);
    let program = program.arguments(["--address", "rita@corp.test"]);
    let out = program.run(b"correct horse\n").await;
    let start = "rita:reviewer,auditor:rita@corp.test:$argon2id$v=19$";
    assert!(out.starts_with(start) && out.lines().count() == 1, "{out}");
    assert!(!out.contains("horse"));
}

async fn a_short_password_is_refused(lab: &Lab) {
    for input in [&b""[..], b"short\n", b"two lines of\npassword\n"] {
        let words = [
            "password",
            "rita",
            "--role",
            "reviewer",
            "--address",
            "a@corp.test",
        ];
        let output = lab
            .tools
            .mailhold("password")
            .arguments(words)
            .output(input)
            .await;
        assert_eq!(output.status.code(), Some(64), "{output:?}");
        assert_eq!(output.stdout, b"");
    }
}
