//! Connections that are lost, cut short or refused.

use std::{future::pending, io, sync::Arc, time::Duration};

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::decision::Decision,
    store::{
        Role, Store, StoreError,
        captures::{Content, HeaderFields, Record},
        schema,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};

use super::fixture::{BOUND, Fixture, MAIL, audit_key, ballot, decided, record};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.shared:
        a_refused_connection_is_transient_and_tells_its_reason,
        a_server_that_stands_still_after_the_login_is_given_up,
        a_record_that_is_cut_short_leaves_no_open_transaction,
        a_silent_connection_is_replaced,
        a_lock_that_never_ends_is_given_up_as_transient,
        every_connection_names_its_role_and_its_limits,
        a_url_that_is_none_is_refused,
        a_store_shows_no_password_when_it_is_printed,
        every_operation_can_run_on_a_task_of_its_own,
    ];
    all.extend(tests![trials.exclusive: a_store_heals_when_postgresql_is_back]);
    all
}

async fn a_refused_connection_is_transient_and_tells_its_reason(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
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

async fn a_server_that_stands_still_after_the_login_is_given_up(lab: &Lab) {
    // AuthenticationOk and ReadyForQuery of PostgreSQL's protocol, and then nothing more.
    const LET_IN: [u8; 15] = *b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
    const NO_TLS: [u8; 1] = *b"N";
    const TLS_REQUEST_BYTES: usize = 8;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_024];
        if client.read(&mut request).await.unwrap() == TLS_REQUEST_BYTES {
            client.write_all(&NO_TLS).await.unwrap();
            assert_ne!(client.read(&mut request).await.unwrap(), 0);
        }
        client.write_all(&LET_IN).await.unwrap();
        pending::<()>().await;
    });
    let mut settings = Fixture::shared(lab).await.settings("mailhold_milter");
    settings.url = format!("postgres://mailhold_milter@127.0.0.1:{port}/silent");
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    let compared = timeout(BOUND, store.check_schema()).await;
    let error = compared.expect("an answer in time").unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let StoreError::CompareSchema { cause } = &error else {
        panic!("{error:?}")
    };
    assert!(cause.to_string().contains("no answer within"), "{cause}");
}

async fn a_record_that_is_cut_short_leaves_no_open_transaction(lab: &Lab) {
    const OPEN: &str = "select from pg_stat_activity where datname = current_database() \
        and usename = current_user and state like 'idle in transaction%'";
    let fixture = Fixture::own(lab).await;
    let mut settings = fixture.settings("mailhold_milter");
    settings.max_connections = 1;
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    let mut session = fixture.sign_in("mailhold_milter").await;
    store
        .record(&mut [record(&fixture.capture(), MAIL)])
        .await
        .unwrap();
    for step in 0..100 {
        let mut records = [record(&fixture.capture(), MAIL)];
        let cut = Duration::from_micros(25 * step);
        timeout(cut, store.record(&mut records)).await.ok();
        // Well below the server's own idle_in_transaction_session_timeout.
        let bound = Duration::from_secs(3);
        eventually("no transaction is open", bound, async || {
            match session.run(OPEN).await {
                0 => Ok(()),
                open => Err((open, cut)),
            }
        })
        .await;
    }
    let last = fixture.capture();
    store.record(&mut [record(&last, MAIL)]).await.unwrap();
    assert_eq!(fixture.state(&last).await, "captured");
}

/// Passes connections on to a server. The first ones fall silent when told how many: they stay
/// open, but nothing comes through any more.
async fn relay(listener: TcpListener, server: u16, silent: watch::Receiver<u32>) {
    for number in 1.. {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
        let mut silent = silent.clone();
        let told = async move { silent.wait_for(|first| number <= *first).await.map(drop) };
        tokio::spawn(async move {
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                // The receiver is gone with `told`: so the test sees that it is so.
                _ = told => pending().await,
            }
        });
    }
}

/// Content that is asked for in the middle of a transaction, which then falls silent.
struct Silencing {
    silence: watch::Sender<u32>,
    content: Option<Bytes>,
}

impl Content for Silencing {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        self.silence.send(1).unwrap();
        while self.silence.receiver_count() > 1 {
            tokio::task::yield_now().await;
        }
        Ok(self.content.take())
    }
}

async fn a_silent_connection_is_replaced(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (server, port) = (lab.postgres.port, listener.local_addr().unwrap().port());
    let (silence, silent) = watch::channel(0);
    let relay = tokio::spawn(relay(listener, server, silent));
    let mut settings = fixture.settings("mailhold_milter");
    settings.max_connections = 1;
    settings.url = settings
        .url
        .replace(&format!(":{server}/"), &format!(":{port}/"));
    let store = Store::connect_lazy(&settings, Role::Milter).unwrap();
    store
        .record(&mut [record(&fixture.capture(), MAIL)])
        .await
        .unwrap();

    // Before, the pool itself asks the connection, without a limit of its own.
    let lost = fixture.capture();
    let content = Silencing {
        silence,
        content: Some(Bytes::from_static(MAIL)),
    };
    let mut records = [Record {
        capture: lost,
        header: HeaderFields::default(),
        content,
    }];
    let given_up = Duration::from_secs(1);
    timeout(given_up, store.record(&mut records))
        .await
        .unwrap_err();

    // Another one: the lost transaction keeps its own capture locked for as long as the server
    // lets it be idle.
    let next = fixture.capture();
    let again = async || store.record(&mut [record(&next, MAIL)]).await;
    eventually("a new connection is used", BOUND, again).await;
    assert_eq!(fixture.state(&next).await, "captured");
    relay.abort();
}

async fn a_lock_that_never_ends_is_given_up_as_transient(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mut owner = fixture.sign_in("mailhold").await;
    owner.run("begin").await;
    owner
        .run("lock table capture in access exclusive mode")
        .await;
    let error = fixture
        .milter()
        .record(&mut [record(&fixture.capture(), MAIL)])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
}

async fn every_connection_names_its_role_and_its_limits(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = fixture.worker();
    store.figures(&fixture.instance, None).await.unwrap();
    let seen = fixture
        .execute(
            "select distinct application_name from pg_stat_activity where usename = 'mailhold_worker' \
            and datname = current_database()",
        )
        .await;
    assert_eq!(seen, "mailhold worker");
}

async fn a_url_that_is_none_is_refused(lab: &Lab) {
    let mut settings = Fixture::shared(lab).await.settings("mailhold");
    settings.url = "ldap://corp.test".to_owned();
    let error = Store::connect_lazy(&settings, Role::Milter).unwrap_err();
    assert!(matches!(error, StoreError::Url { .. }) && !error.is_transient());
}

async fn a_store_shows_no_password_when_it_is_printed(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let password = &lab.postgres.login("mailhold_milter").password;
    let (store, settings) = (fixture.milter(), fixture.settings("mailhold_milter"));
    let printed = format!("{store:?} {settings:?}");
    assert!(!printed.contains(password.as_str()), "{printed}");
}

fn can_be_spawned(_: impl Future + Send) {}

async fn every_operation_can_run_on_a_task_of_its_own(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (store, settings) = (fixture.milter(), fixture.settings("mailhold_milter"));
    let (some, instance) = (fixture.capture(), &fixture.instance);
    can_be_spawned(store.record(&mut [record(&some, MAIL)]));
    can_be_spawned(store.record_watched(&[]));
    can_be_spawned(store.watched(&[]));
    can_be_spawned(store.unconfirmed(instance, None, 1));
    can_be_spawned(store.confirm(&[]));
    can_be_spawned(store.claim(instance, "w", BOUND, 1));
    can_be_spawned(store.settle("w", &[]));
    can_be_spawned(store.settle_undecided("w", &[]));
    let ballot = ballot(&some, Decision::Release);
    can_be_spawned(store.decide_on_record(&ballot, &audit_key(), &decided(&ballot)));
    can_be_spawned(store.show(some.id));
    can_be_spawned(store.content(some.id).next_chunk());
    can_be_spawned(store.check_schema());
    can_be_spawned(schema::create_roles(&settings, &[]));
}

async fn a_store_heals_when_postgresql_is_back(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = fixture.milter();
    let first = fixture.capture();
    store.record(&mut [record(&first, MAIL)]).await.unwrap();

    fixture.stop_postgres().await;
    let second = fixture.capture();
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
