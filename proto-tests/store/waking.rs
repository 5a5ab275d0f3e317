//! Waking roles by notifications.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::decision::Decision,
    store::wake::{Wake, Wakes},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::timeout;

use super::fixture::{BOUND, Deciding, Fixture, MAIL, ballot, instance, record};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.shared:
        recording_wakes_the_worker_of_that_instance,
        deciding_wakes_the_worker,
        recording_nothing_new_wakes_nobody,
        a_lost_listener_connection_asks_for_a_rescan,
        a_listener_connection_that_falls_silent_is_replaced,
        a_dropped_listener_closes_its_connection,
    ];
    all.extend(tests![trials.exclusive: a_listener_outlives_a_stop_of_postgresql]);
    all
}

async fn next(wakes: &mut Wakes) -> Wake {
    timeout(BOUND, wakes.next())
        .await
        .expect("a wake-up in time")
}

async fn listening(fixture: &Fixture<'_>) -> Wakes {
    let mut wakes = fixture.worker().listen(&fixture.instance);
    assert_eq!(
        next(&mut wakes).await,
        Wake::Rescan,
        "what came before may have been missed"
    );
    wakes
}

async fn recording_wakes_the_worker_of_that_instance(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut wakes = listening(&fixture).await;
    let mut elsewhere = fixture.capture();
    elsewhere.instance = instance();
    let mut other = fixture.worker().listen(&elsewhere.instance);
    assert_eq!(next(&mut other).await, Wake::Rescan);

    fixture.captured().await;
    assert_eq!(next(&mut wakes).await, Wake::Captured);

    fixture
        .milter()
        .record(&mut [record(&elsewhere, MAIL)])
        .await
        .unwrap();
    assert_eq!(next(&mut other).await, Wake::Captured);
    assert!(
        timeout(Duration::from_millis(50), wakes.next())
            .await
            .is_err(),
        "not for this instance"
    );
}

async fn deciding_wakes_the_worker(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let mut wakes = listening(&fixture).await;
    fixture
        .reviews()
        .decide(&ballot(&capture, Decision::Release))
        .await
        .unwrap();
    assert_eq!(next(&mut wakes).await, Wake::Decided);
    assert_eq!(fixture.claim("w1").await.len(), 1);
}

async fn recording_nothing_new_wakes_nobody(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let mut wakes = listening(&fixture).await;
    fixture
        .milter()
        .record(&mut [record(&capture, MAIL)])
        .await
        .unwrap();
    assert!(
        timeout(Duration::from_millis(50), wakes.next())
            .await
            .is_err()
    );
}

const LISTENERS: &str = "from pg_stat_activity where datname = current_database() \
    and query ilike 'listen%' and pid <> pg_backend_pid()";

async fn a_lost_listener_connection_asks_for_a_rescan(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mut wakes = listening(&fixture).await;
    for _ in 0..3 {
        let killed = fixture
            .execute(&format!("select pg_terminate_backend(pid) {LISTENERS}"))
            .await;
        assert_eq!(killed, "t");
        assert_eq!(next(&mut wakes).await, Wake::Rescan);
        fixture.captured().await;
        assert_eq!(next(&mut wakes).await, Wake::Captured);
    }
}

/// As when a firewall on the way has forgotten it.
async fn a_listener_connection_that_falls_silent_is_replaced(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mut wakes = listening(&fixture).await;
    let server = fixture.execute(&format!("select pid {LISTENERS}")).await;
    let _frozen = Frozen::new(server.parse().unwrap());
    let woken = timeout(Duration::from_secs(40), wakes.next()).await;
    assert_eq!(woken, Ok(Wake::Rescan));
    fixture.captured().await;
    assert_eq!(next(&mut wakes).await, Wake::Captured);
}

/// A process that stands still as long as this lives.
struct Frozen(Pid);

impl Frozen {
    fn new(id: i32) -> Self {
        kill(Pid::from_raw(id), Signal::SIGSTOP).unwrap();
        Self(Pid::from_raw(id))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        kill(self.0, Signal::SIGCONT).ok();
    }
}

async fn a_dropped_listener_closes_its_connection(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let wakes = listening(&fixture).await;
    assert_eq!(
        fixture
            .execute(&format!("select count(*) {LISTENERS}"))
            .await,
        "1"
    );
    drop(wakes);
    eventually("no listener is left", BOUND, async || {
        match fixture
            .execute(&format!("select count(*) {LISTENERS}"))
            .await
            .as_str()
        {
            "0" => Ok(()),
            other => Err(other.to_owned()),
        }
    })
    .await;
}

async fn a_listener_outlives_a_stop_of_postgresql(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut wakes = listening(&fixture).await;
    fixture.stop_postgres().await;
    lab.postgres.start_again().await;
    assert_eq!(next(&mut wakes).await, Wake::Rescan);
    fixture.captured().await;
    let mut woken = next(&mut wakes).await;
    if woken == Wake::Rescan {
        woken = next(&mut wakes).await;
    }
    assert_eq!(woken, Wake::Captured);
}
