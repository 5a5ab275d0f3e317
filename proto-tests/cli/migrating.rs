//! `mailhold migrate`

use std::{process::Output, sync::Arc};

use libtest_mimic::Trial;
use mailhold::store::schema::needed_version;

use super::office::{Office, program};
use crate::{
    lab::{Lab, program::text, settings::Settings},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_second_migration_has_nothing_to_do,
        a_migration_of_an_empty_database_tells_what_it_did,
        a_login_without_a_password_is_told,
        a_schema_that_is_newer_is_refused,
        a_database_that_is_away_is_told,
        a_missing_right_is_told,
    ]
}

async fn migrate(lab: &Lab, settings: &Settings, words: &[&str]) -> Output {
    let words = [&["migrate"], words].concat();
    let name = format!("migrate-{}", crate::lab::place::random_text());
    program(lab, &name, settings, &words).output(b"").await
}

async fn a_second_migration_has_nothing_to_do(lab: &Lab) {
    let office = Office::start(lab).await;
    for _ in 0..2 {
        let output = migrate(lab, &office.settings, &[]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let version = needed_version();
        let told = format!("the schema is at version {version}, nothing to do\n");
        assert_eq!(text(&output.stdout), told);
        assert_eq!(text(&output.stderr), "");
    }
}

async fn a_migration_of_an_empty_database_tells_what_it_did(lab: &Lab) {
    let settings = empty(lab).await;
    let output = migrate(lab, &settings, &["--create-roles"]).await;
    let told = text(&output.stdout);
    let version = needed_version();
    assert!(
        told.contains("migrations applied, the schema is at version"),
        "{told}"
    );
    assert!(told.contains(&version.to_string()), "{told}");
    for login in [
        "mailhold_milter",
        "mailhold_worker",
        "mailhold_outline",
        "mailhold_web",
        "mailhold_reviews",
    ] {
        assert!(
            told.contains(&format!("login {login}: has the password")),
            "{told}"
        );
    }
}

async fn a_login_without_a_password_is_told(lab: &Lab) {
    let mut settings = empty(lab).await;
    settings.unset("worker.database.password_file");
    let output = migrate(lab, &settings, &["--create-roles"]).await;
    let told = text(&output.stdout);
    assert!(
        told.contains("login mailhold_worker: no password set"),
        "{told}"
    );
}

async fn a_schema_that_is_newer_is_refused(lab: &Lab) {
    let office = Office::start(lab).await;
    let newer = needed_version() + 1;
    office.database.execute(&version(newer)).await;
    let output = migrate(lab, &office.settings, &[]).await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let told = text(&output.stderr);
    assert!(
        told.contains(&format!("its schema is at version {newer}")),
        "{told}"
    );
    assert!(told.contains("install the newer mailhold"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

async fn a_database_that_is_away_is_told(lab: &Lab) {
    let mut settings = lab.tools.settings(&lab.postgres.database().await);
    settings.set(
        "migrate.database.url",
        "postgres://mailhold@127.0.0.1:1/none",
    );
    let output = migrate(lab, &settings, &[]).await;
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    assert!(
        text(&output.stderr).starts_with("mailhold: cannot connect"),
        "{output:?}"
    );
}

async fn a_missing_right_is_told(lab: &Lab) {
    let office = Office::start(lab).await;
    let mut settings = office.settings.clone();
    let worker = office.database.login("mailhold_worker");
    settings
        .set("migrate.database.url", office.database.url(worker.name))
        .set(
            "migrate.database.password_file",
            worker.password_file.display().to_string(),
        );
    let output = migrate(lab, &settings, &[]).await;
    assert!(!output.status.success(), "{output:?}");
    assert!(
        text(&output.stderr).contains("permission denied"),
        "{output:?}"
    );
}

/// Settings for a database that was never migrated.
async fn empty(lab: &Lab) -> Settings {
    let name = lab.postgres.empty_database().await;
    let migrated = lab.postgres.database().await;
    let mut settings = lab.tools.settings(&migrated);
    let url = migrated.url("mailhold").replace(&migrated.name, &name);
    settings.set("migrate.database.url", url);
    settings
}

/// Makes the schema look as if it were of this version.
pub fn version(version: i64) -> String {
    format!(
        "delete from _sqlx_migrations where version > {version};
        insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values ({version}, 'later', true, '', 0) on conflict do nothing"
    )
}
