//! Making the schema and the logins, and refusing what does not fit.

use std::sync::Arc;

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::store::{Store, StoreError, schema};

use super::fixture::Fixture;
use crate::{
    lab::{Lab, postgres::OWNER},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        migrating_again_changes_nothing,
        each_process_accepts_the_schema_it_was_built_for,
        another_schema_is_refused_with_one_clear_line,
        a_newer_schema_is_not_migrated_by_an_older_program,
        a_database_that_is_not_utf8_is_refused,
        logins_can_be_made_by_many_at_once,
        a_new_password_replaces_the_old_one_and_none_keeps_it,
        no_login_can_do_more_than_sign_in,
        nothing_is_hashed_with_md5,
    ]
}

async fn migrating_again_changes_nothing(lab: &Lab) {
    let fixture = Fixture::empty(lab).await;
    let owner = fixture.settings(OWNER);
    schema::create_roles(&owner, &fixture.logins())
        .await
        .unwrap();
    let applied = schema::migrate(&owner).await.unwrap();
    assert_eq!(applied.last(), Some(&schema::needed_version()));
    fixture.captured().await;
    schema::create_roles(&owner, &fixture.logins())
        .await
        .unwrap();
    assert_eq!(schema::migrate(&owner).await.unwrap(), [0_i64; 0]);
    fixture.milter().check_schema().await.unwrap();
    assert_eq!(fixture.count("capture").await, 1);
}

async fn each_process_accepts_the_schema_it_was_built_for(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    for store in [fixture.milter(), fixture.worker(), fixture.reviews()] {
        store.check_schema().await.unwrap();
    }
}

async fn another_schema_is_refused_with_one_clear_line(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    fixture
        .execute("update _sqlx_migrations set success = false where version > 1")
        .await;
    assert_eq!(
        complaint(&fixture.worker()).await,
        format!(
            "cannot use the database: its schema is at version 1, this program needs {}: \
            run `mailhold migrate`",
            schema::needed_version()
        )
    );
    fixture
        .execute("update _sqlx_migrations set success = true, version = version + 1000")
        .await;
    assert!(
        complaint(&fixture.worker())
            .await
            .contains("install the newer mailhold")
    );
    fixture.execute("drop table _sqlx_migrations").await;
    assert!(
        complaint(&fixture.milter())
            .await
            .contains("run `mailhold migrate --create-roles`")
    );
}

async fn complaint(store: &Store) -> String {
    let error = store.check_schema().await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Schema(_)) && !error.is_transient(),
        "{error:?}"
    );
    error.to_string()
}

async fn a_newer_schema_is_not_migrated_by_an_older_program(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    fixture
        .execute(
            "insert into _sqlx_migrations
            select 9999, 'later', installed_on, success, checksum, execution_time
            from _sqlx_migrations
            limit 1",
        )
        .await;
    let error = schema::migrate(&fixture.settings(OWNER)).await.unwrap_err();
    assert!(error.to_string().contains("version 9999"), "{error}");
}

async fn a_database_that_is_not_utf8_is_refused(lab: &Lab) {
    let mut fixture = Fixture::empty(lab).await;
    fixture.database.push_str("_latin1");
    let create = format!(
        "create database {} owner {OWNER} encoding 'LATIN1' locale 'C' template template0",
        fixture.database
    );
    lab.postgres.execute("postgres", &create).await;
    let error = schema::migrate(&fixture.settings(OWNER)).await.unwrap_err();
    assert!(error.to_string().contains("UTF8"), "{error}");
}

async fn logins_can_be_made_by_many_at_once(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (owner, logins) = (fixture.settings(OWNER), fixture.logins());
    let made = join_all((0..8).map(|_| schema::create_roles(&owner, &logins))).await;
    made.into_iter().for_each(Result::unwrap);
}

async fn a_new_password_replaces_the_old_one_and_none_keeps_it(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    // Logins are shared by the whole cluster: the passwords stay what all other tests know.
    let owner = fixture.settings(OWNER);
    let mut logins = fixture.logins();
    schema::create_roles(&owner, &logins).await.unwrap();
    fixture.milter().check_schema().await.unwrap();
    logins.iter_mut().for_each(|login| login.password = None);
    schema::create_roles(&owner, &logins).await.unwrap();
    fixture.milter().check_schema().await.unwrap();

    let mut wrong = fixture.settings("mailhold_milter");
    wrong.password = Some("wrong".to_owned().into());
    let store = Store::connect_lazy(&wrong, mailhold::store::Role::Milter).unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(matches!(&error, StoreError::Connect { .. }), "{error:?}");
}

async fn no_login_can_do_more_than_sign_in(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let powers = fixture
        .execute(
            "select count(*), bool_or(rolsuper or rolcreaterole or rolcreatedb or rolbypassrls),
                (select bool_and(rolpassword like 'SCRAM-SHA-256$%') from pg_authid
                    where rolname like 'mailhold\\_%')
            from pg_roles
            where rolname like 'mailhold\\_%'",
        )
        .await;
    assert_eq!(powers, "5|f|t");
}

/// A server in FIPS mode refuses it.
async fn nothing_is_hashed_with_md5(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let found = "select coalesce(string_agg(name, ' '), '') from (
            select proname as name, pg_get_functiondef(oid) as definition
            from pg_proc
            where pronamespace = 'public'::regnamespace and prokind = 'f'
            union all
            select indexname, indexdef
            from pg_indexes
            where schemaname = 'public'
            union all
            select conname, pg_get_constraintdef(oid)
            from pg_constraint
            where connamespace = 'public'::regnamespace
        ) as made
        where definition ~* 'md5'";
    assert_eq!(fixture.execute(found).await, "");
    let queries = concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx");
    for entry in std::fs::read_dir(queries).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.to_lowercase().contains("md5("), "{}", path.display());
    }
}
