//! How the milter and the worker refuse to start: one clear line and an exit code.

use std::{process::Output, sync::Arc};

use libtest_mimic::Trial;
use mailhold::store::schema::needed_version;

use super::{
    migrating::version,
    office::{Office, program},
};
use crate::{
    lab::{
        Lab, place::random_text, ports::free_address, program::text, settings::Settings, user::User,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_milter_refuses_to_run_as_root,
        an_older_schema_is_refused,
        a_newer_schema_is_refused,
        a_database_without_a_schema_is_refused,
        a_fault_in_the_settings_is_refused_by_all,
        a_table_with_a_bad_line_is_refused,
        a_spool_in_use_is_refused,
    ]
}

/// As the command runs in a house: the milter as a user of its own, the rest as root here.
async fn run(lab: &Lab, settings: &Settings, words: &[&str]) -> Output {
    let name = format!("start-{}", &random_text()[..8]);
    let program = program(lab, &name, settings, words);
    let user = if words[0] == "milter" {
        User::milter()
    } else {
        User::ROOT
    };
    program.user(user).output(b"").await
}

/// Settings with which both processes would start, were the database not at fault.
fn startable(lab: &Lab, office: &Office) -> Settings {
    let spool = format!("spool-{}", &random_text()[..8]);
    let spool = lab.tools.place.directory(&spool, User::milter(), 0o700);
    let mut settings = office.settings.clone();
    settings
        .listen(&[(format!("inet:{}", free_address()), "postfix")])
        .set("milter.metrics", free_address().to_string())
        .set("worker.metrics", free_address().to_string())
        .set("spool.directory", spool.display().to_string())
        .set(
            "postfix.config_directory",
            lab.postfix.config_directory.display().to_string(),
        )
        .set("postfix.log", "none")
        .set("directory.ldap.urls", vec![lab.slapd.url()]);
    settings
}

fn refused(output: &Output, code: i32, words: &[&str]) {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    let told = text(&output.stderr);
    assert_eq!(told.lines().count(), 1, "{told}");
    for word in words {
        assert!(told.contains(word), "no {word} in {told}");
    }
}

async fn the_milter_refuses_to_run_as_root(lab: &Lab) {
    let settings = startable(lab, Office::shared(lab).await);
    let output = program(lab, "rooted", &settings, &["milter"])
        .output(b"")
        .await;
    refused(&output, 77, &["must not run as root"]);
    assert_eq!(text(&output.stdout), "", "it did not begin");
}

async fn an_older_schema_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let older = needed_version() - 1;
    office.database.execute(&version(older)).await;
    let settings = startable(lab, &office);
    let told = format!("its schema is at version {older}");
    for words in [&["milter"][..], &["worker"], &["reviews", "list"]] {
        let output = run(lab, &settings, words).await;
        refused(&output, 78, &[&told, "run `mailhold migrate`"]);
    }
}

async fn a_newer_schema_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let newer = needed_version() + 1;
    office.database.execute(&version(newer)).await;
    let settings = startable(lab, &office);
    let told = format!("its schema is at version {newer}");
    for words in [&["milter"][..], &["worker"], &["reviews", "list"]] {
        let output = run(lab, &settings, words).await;
        refused(&output, 78, &[&told, "install the newer mailhold"]);
    }
}

async fn a_database_without_a_schema_is_refused(lab: &Lab) {
    let office = Office::shared(lab).await;
    let empty = lab.postgres.empty_database().await;
    let mut settings = startable(lab, office);
    for (section, login) in [
        ("milter", "mailhold_milter"),
        ("worker", "mailhold_worker"),
        ("reviews", "mailhold_reviews"),
    ] {
        let url = office
            .database
            .url(login)
            .replace(&office.database.name, &empty);
        settings.set(&format!("{section}.database.url"), url);
    }
    for words in [&["milter"][..], &["worker"], &["reviews", "list"]] {
        let output = run(lab, &settings, words).await;
        refused(&output, 78, &["mailhold migrate --create-roles"]);
    }
}

async fn a_fault_in_the_settings_is_refused_by_all(lab: &Lab) {
    let mut settings = startable(lab, Office::shared(lab).await);
    for section in ["milter", "worker", "reviews", "migrate"] {
        settings.set(&format!("{section}.database.url"), "mysql://localhost");
    }
    for words in [
        &["milter"][..],
        &["worker"],
        &["reviews", "list"],
        &["migrate"],
    ] {
        let output = run(lab, &settings, words).await;
        let key = format!("{}.database.url: \"mysql://localhost\"", words[0]);
        refused(&output, 78, &[&key]);
    }
}

async fn a_table_with_a_bad_line_is_refused(lab: &Lab) {
    let content = "anna@corp.test Y\nben@corp.test\n";
    let place = &lab.tools.place;
    let table = place.file("bad-flags", User::milter(), 0o640, content);
    let mut settings = startable(lab, Office::shared(lab).await);
    settings
        .set("directory.backend", "table")
        .set("directory.table.file", table.display().to_string());
    let output = run(lab, &settings, &["milter"]).await;
    let file = table.display().to_string();
    refused(&output, 78, &[&file, "line 2", "white space"]);
}

async fn a_spool_in_use_is_refused(lab: &Lab) {
    let desk = lab.desk().await;
    let mut settings = startable(lab, Office::shared(lab).await);
    settings.set("spool.directory", desk.settings.text("spool.directory"));
    let output = run(lab, &settings, &["milter"]).await;
    refused(&output, 78, &["spool", "another"]);
}
