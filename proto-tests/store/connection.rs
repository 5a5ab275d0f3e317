//! Connections that are lost, cut short or refused.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::store::{Role, Store, StoreError};
use tokio::time::timeout;

use super::fixture::{BOUND, Fixture, MAIL, capture, record};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.shared:
        a_refused_connection_is_transient_and_tells_its_reason,
        a_record_that_is_cut_short_leaves_no_open_transaction,
        a_lock_that_never_ends_is_given_up_as_transient,
        every_connection_names_its_role_and_its_limits,
        a_url_that_is_none_is_refused,
        a_store_shows_no_password_when_it_is_printed,
    ];
    all.extend(tests![trials.exclusive: a_store_heals_when_postgresql_is_back]);
    all
}

async fn a_refused_connection_is_transient_and_tells_its_reason(lab: &Lab) {
    let fixture = Fixture::empty(lab).await;
    let mut settings = fixture.settings("mailhold");
    settings.url = "postgres://mailhold@127.0.0.1:1/nowhere".to_owned();
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    let error = store.check_schema().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let StoreError::Connect { cause } = &error else {
        panic!("{error:?}")
    };
    assert!(cause.to_string().contains("refused"), "{cause}");
}

async fn a_record_that_is_cut_short_leaves_no_open_transaction(lab: &Lab) {
    let fixture = Fixture::migrated(lab).await;
    let mut settings = fixture.settings("mailhold_milter");
    settings.max_connections = 1;
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    store.record(&mut [record(&capture(), MAIL)]).await.unwrap();
    for tenths in 0..60 {
        let mut records = [record(&capture(), MAIL)];
        let cut = Duration::from_micros(100 * tenths);
        timeout(cut, store.record(&mut records)).await.ok();
        // What comes next on the same connection must be committed, not lost in a transaction
        // that nobody ends.
        let next = capture();
        store.record(&mut [record(&next, MAIL)]).await.unwrap();
        assert_eq!(fixture.state(&next).await, "captured", "cut after {cut:?}");
    }
}

async fn a_lock_that_never_ends_is_given_up_as_transient(lab: &Lab) {
    let fixture = Fixture::migrated(lab).await;
    let mut owner = fixture.sign_in("mailhold").await;
    owner.run("begin").await;
    owner
        .run("lock table capture in access exclusive mode")
        .await;
    let error = fixture
        .milter()
        .record(&mut [record(&capture(), MAIL)])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

async fn every_connection_names_its_role_and_its_limits(lab: &Lab) {
    let fixture = Fixture::migrated(lab).await;
    let store = fixture.worker();
    store.figures(&"mx1".parse().unwrap()).await.unwrap();
    let seen = fixture
        .execute(
            "select application_name from pg_stat_activity where usename = 'mailhold_worker' \
            and datname = current_database()",
        )
        .await;
    assert_eq!(seen, "mailhold worker");
}

async fn a_url_that_is_none_is_refused(lab: &Lab) {
    let mut settings = Fixture::empty(lab).await.settings("mailhold");
    settings.url = "ldap://corp.test".to_owned();
    let error = Store::connect_lazy(&settings, Role::Milter).unwrap_err();
    assert!(matches!(error, StoreError::Url { .. }) && !error.is_transient());
}

async fn a_store_shows_no_password_when_it_is_printed(lab: &Lab) {
    let fixture = Fixture::empty(lab).await;
    let password = &lab.postgres.login("mailhold_milter").password;
    let (store, settings) = (fixture.milter(), fixture.settings("mailhold_milter"));
    let printed = format!("{store:?} {settings:?}");
    assert!(!printed.contains(password.as_str()), "{printed}");
}

async fn a_store_heals_when_postgresql_is_back(lab: &Lab) {
    let fixture = Fixture::migrated(lab).await;
    let store = fixture.milter();
    let first = capture();
    store.record(&mut [record(&first, MAIL)]).await.unwrap();

    lab.postgres.stop();
    let second = capture();
    let error = store
        .record(&mut [record(&second, MAIL)])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    lab.postgres.start_again().await;

    eventually("the record is taken", BOUND, async || {
        store.record::<Bytes>(&mut [record(&second, MAIL)]).await
    })
    .await;
    assert_eq!(fixture.state(&first).await, "captured");
    assert_eq!(fixture.state(&second).await, "captured");
}
