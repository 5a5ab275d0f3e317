//! `mailhold check`

use std::{fs, process::Output, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, place::random_text, program::text, user::User},
    trials::{Trials, tests},
};

const SAMPLE: &str = include_str!("../../config/mailhold.toml");

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_shipped_sample_has_no_fault,
        an_unknown_setting_is_named_with_file_line_and_cure,
        a_bad_unit_is_named_with_its_value,
        several_faults_are_told_at_once_in_the_order_of_the_file,
        a_secret_that_cannot_be_read_is_named,
        a_secret_is_never_shown,
        a_file_that_is_not_there_is_named,
        a_file_that_is_not_toml_is_named_with_its_line,
        a_worker_for_another_instance_is_a_fault,
        rules_that_meet_or_never_match_are_noted,
        a_domain_with_an_at_sign_is_a_fault_with_its_cure,
    ]
}

/// What `check` says of a file; `FILE` stands for its name.
async fn check(lab: &Lab, content: &str) -> Output {
    let name = format!("check-{}.toml", &random_text()[..8]);
    let file = lab.tools.place.file(&name, User::ROOT, 0o644, content);
    let mailhold = lab.tools.mailhold("check").user(User::milter());
    let mut output = mailhold
        .arguments(["check", "--config"])
        .arguments([&file])
        .output(b"")
        .await;
    let file = file.display().to_string();
    output.stderr = text(&output.stderr).replace(&file, "FILE").into_bytes();
    output.stdout = text(&output.stdout).replace(&file, "FILE").into_bytes();
    output
}

async fn faults(lab: &Lab, content: &str) -> String {
    let output = check(lab, content).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr)
}

fn sample_with(line: &str, instead: &str) -> String {
    assert!(SAMPLE.contains(line), "the sample has no {line:?}");
    SAMPLE.replacen(line, instead, 1)
}

fn line_of(content: &str, text: &str) -> usize {
    let line = content.lines().position(|line| line.contains(text));
    line.unwrap() + 1
}

async fn the_shipped_sample_has_no_fault(lab: &Lab) {
    let output = check(lab, SAMPLE).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(text(&output.stdout), "FILE: no fault\n");
}

async fn an_unknown_setting_is_named_with_file_line_and_cure(lab: &Lab) {
    let content = sample_with("outage = ", "outtage = ");
    let line = line_of(&content, "outtage = ");
    assert_eq!(
        faults(lab, &content).await,
        format!(
            "mailhold: FILE:{line}: directory.outtage: there is no such setting \
             (did you mean \"outage\"?)\n"
        )
    );
}

async fn a_bad_unit_is_named_with_its_value(lab: &Lab) {
    let content = sample_with("mail_deadline = \"5s\"", "mail_deadline = \"5\"");
    let line = line_of(&content, "mail_deadline = \"5\"");
    let told = faults(lab, &content).await;
    let wanted = format!("FILE:{line}: milter.mail_deadline: \"5\" has no unit (try \"5s\")");
    assert!(told.contains(&wanted), "{told}");
}

async fn several_faults_are_told_at_once_in_the_order_of_the_file(lab: &Lab) {
    let content = sample_with("level = \"info\"", "level = \"loud\"")
        .replace("base = \"ou=people,dc=example,dc=com\"", "")
        .replace("min_free_percent = 10", "min_free_percent = 101")
        .replace("[recorder]", "[recoder]")
        .replace("lease = \"1m\"", "lease = \"1s\"");
    let told = faults(lab, &content).await;
    let keys: Vec<_> = told
        .lines()
        .map(|line| {
            line.split(": ")
                .find(|part| !part.contains("FILE") && *part != "mailhold")
        })
        .map(Option::unwrap)
        .collect();
    assert_eq!(
        keys,
        [
            "log.level",
            "directory.ldap.base",
            "spool.min_free_percent",
            "recoder",
            "worker.lease"
        ],
        "{told}"
    );
}

async fn a_secret_that_cannot_be_read_is_named(lab: &Lab) {
    let place = &lab.tools.place;
    let others = place.file("others.password", User::ROOT, 0o600, "secret\n");
    let open = place.file("open.password", User::milter(), 0o644, "secret\n");
    let empty = place.file("empty.password", User::milter(), 0o600, "\n");
    let missing = place.path().join("missing.password");
    for (file, told) in [
        (&others, "Permission denied"),
        (&open, "can be read by everyone (chmod 0640"),
        (&empty, "must hold one line with the password"),
        (&missing, "No such file"),
    ] {
        let setting = format!("password_file = {file:?}");
        let sample = "#password_file = \"/etc/mailhold/worker.password\"";
        let found = faults(lab, &sample_with(sample, &setting)).await;
        assert!(found.contains("worker.database.password_file: "), "{found}");
        assert!(
            found.contains(&file.display().to_string()) && found.contains(told),
            "{found}"
        );
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

async fn a_secret_is_never_shown(lab: &Lab) {
    let place = &lab.tools.place;
    let two = place.file("two.password", User::milter(), 0o600, "hunter2\nhunter3\n");
    let sample = "#password_file = \"/etc/mailhold/worker.password\"";
    let content = sample_with(sample, &format!("password_file = {two:?}")).replace(
        "mailhold_milter@localhost",
        "mailhold_milter:hunter4@localhost",
    );
    let told = faults(lab, &content).await;
    assert_eq!(told.lines().count(), 2, "{told}");
    assert!(!told.contains("hunter"), "{told}");
}

async fn a_file_that_is_not_there_is_named(lab: &Lab) {
    let mailhold = lab.tools.mailhold("check");
    let arguments = ["check", "--config", "/nonexistent/mailhold.toml"];
    let output = mailhold.arguments(arguments).output(b"").await;
    assert_eq!(output.status.code(), Some(78));
    let told = text(&output.stderr);
    assert!(
        told.contains("/nonexistent/mailhold.toml: cannot read"),
        "{told}"
    );
}

async fn a_file_that_is_not_toml_is_named_with_its_line(lab: &Lab) {
    let told = faults(lab, "[log]\nlevel = info\n").await;
    assert!(
        told.starts_with("mailhold: FILE:2: not valid TOML"),
        "{told}"
    );
}

async fn a_worker_for_another_instance_is_a_fault(lab: &Lab) {
    let content = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/mailhold.toml"));
    let worker = "hold queue this worker serves.\ninstance = \"postfix\"";
    let content = content
        .unwrap()
        .replace(worker, "\ninstance = \"postfix-out\"");
    let told = faults(lab, &content).await;
    assert!(
        told.contains("worker.instance: \"postfix-out\" is named by no"),
        "{told}"
    );
}

async fn rules_that_meet_or_never_match_are_noted(lab: &Lab) {
    let rule = |name: &str, more: &str| format!("[[policy.rule]]\nname = \"{name}\"\n{more}\n");
    let more = [
        rule(
            "partners",
            "to = \"listed\"\nrecipients = [\"@partner.test\"]\nverdict = \"pass\"",
        ),
        rule(
            "trial",
            "who = \"anyone\"\nto = \"any\"\nverdict = \"watch\"",
        ),
        rule("late", "who = \"anyone\""),
    ];
    let content = sample_with("\n[spool]\n", &format!("\n{}\n[spool]\n", more.concat()));
    let output = check(lab, &content).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told = text(&output.stdout);
    for note in [
        "FILE: no fault\n",
        "FILE: note: rules \"flagged-external\" (hold) and \"partners\" (pass) overlap: where both match, ",
        "FILE: note: rule \"late\" can never match: \"trial\" before it matches whatever it would\n",
    ] {
        assert!(told.contains(note), "no {note:?} in:\n{told}");
    }
}

async fn a_domain_with_an_at_sign_is_a_fault_with_its_cure(lab: &Lab) {
    let content = sample_with("[\"example.com\"]", "[\"@example.com\"]");
    let told = faults(lab, &content).await;
    assert!(told.contains("write \"example.com\", without @"), "{told}");
}
