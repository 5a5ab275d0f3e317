//! A directory that is away or stands still: an error in time, and an answer as soon as it is back.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::directory::DirectoryError;
use tokio::time::Instant;

use super::asking::{ask, connections_to, flagged, open, sender, settings};
use crate::{
    lab::{Lab, eventually::eventually_true, slapd::Slapd},
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const TIMEOUT: Duration = Duration::from_millis(400);
/// How late an answer may be on a busy machine.
const GRACE: Duration = Duration::from_millis(1_500);
const BOUND: Duration = Duration::from_secs(15);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_stopped_directory_is_an_error_until_it_is_back,
        a_restarted_directory_answers_the_first_look_up,
        a_frozen_directory_is_an_error_within_its_timeout,
        a_frozen_directory_is_an_error_within_the_deadline,
        a_directory_that_is_frozen_from_the_start_is_an_error_in_time,
        a_timeout_leaves_no_connection_behind,
        a_connection_that_the_server_closed_for_idleness_is_replaced,
        a_look_up_after_its_deadline_is_not_begun,
    ]
}

/// A slapd of its own that knows anna, who is flagged.
async fn slapd(lab: &Lab, name: &str, more: &str) -> Slapd {
    let slapd = Slapd::start_with(&lab.tools, name, more).await;
    slapd
        .add_person("anna", &["anna@corp.test"], &["TRUE"])
        .await;
    slapd
}

async fn a_stopped_directory_is_an_error_until_it_is_back(lab: &Lab) {
    let slapd = slapd(lab, "slapd-stopped", "").await;
    let directory = open(settings(&slapd));
    flagged(&*directory, &sender(ANNA)).await;

    slapd.kill();
    let begin = Instant::now();
    let error = ask(&*directory, &sender(ANNA)).await.unwrap_err();
    assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
    assert!(matches!(error, DirectoryError::Connect { .. }), "{error:?}");
    assert!(error.is_transient());
    directory.probe(Instant::now() + BOUND).await.unwrap_err();

    slapd.start_again().await;
    flagged(&*directory, &sender(ANNA)).await;
    directory.probe(Instant::now() + BOUND).await.unwrap();
}

async fn a_restarted_directory_answers_the_first_look_up(lab: &Lab) {
    let slapd = slapd(lab, "slapd-restarted", "").await;
    let directory = open(settings(&slapd));
    let identity = sender(ANNA);
    for _ in 0..3 {
        // Several connections in the pool, all of which the restart cuts.
        join_all((0..3).map(|_| flagged(&*directory, &identity))).await;
        slapd.kill();
        slapd.start_again().await;
    }
    flagged(&*directory, &identity).await;
}

async fn a_frozen_directory_is_an_error_within_its_timeout(lab: &Lab) {
    let slapd = slapd(lab, "slapd-frozen", "").await;
    let mut settings = settings(&slapd);
    settings.timeout = TIMEOUT;
    let directory = open(settings);
    flagged(&*directory, &sender(ANNA)).await;
    slapd.freeze().await;
    // On the pooled connection first, then on a new one.
    for _ in 0..2 {
        let begin = Instant::now();
        let error = ask(&*directory, &sender(ANNA)).await.unwrap_err();
        assert!(matches!(error, DirectoryError::Timeout(_)), "{error:?}");
        assert!(begin.elapsed() < TIMEOUT + GRACE, "{:?}", begin.elapsed());
    }
    slapd.thaw();
    flagged(&*directory, &sender(ANNA)).await;
}

async fn a_frozen_directory_is_an_error_within_the_deadline(lab: &Lab) {
    let slapd = slapd(lab, "slapd-slow", "").await;
    let directory = open(settings(&slapd));
    flagged(&*directory, &sender(ANNA)).await;
    slapd.freeze().await;
    let begin = Instant::now();
    let answer = directory.standing(&sender(ANNA), begin + TIMEOUT).await;
    assert!(begin.elapsed() < TIMEOUT + GRACE, "{:?}", begin.elapsed());
    let Err(DirectoryError::Timeout(waited)) = answer else {
        panic!("{answer:?}")
    };
    assert!(waited <= TIMEOUT, "it tells another limit: {waited:?}");
    slapd.thaw();
    flagged(&*directory, &sender(ANNA)).await;
}

async fn a_directory_that_is_frozen_from_the_start_is_an_error_in_time(lab: &Lab) {
    let slapd = slapd(lab, "slapd-ice", "").await;
    let mut settings = settings(&slapd);
    settings.timeout = TIMEOUT;
    let directory = open(settings);
    slapd.freeze().await;
    let begin = Instant::now();
    let error = ask(&*directory, &sender(ANNA)).await.unwrap_err();
    assert!(begin.elapsed() < TIMEOUT + GRACE, "{:?}", begin.elapsed());
    assert!(error.is_transient(), "{error:?}");
    slapd.thaw();
    flagged(&*directory, &sender(ANNA)).await;
}

async fn a_timeout_leaves_no_connection_behind(lab: &Lab) {
    let slapd = slapd(lab, "slapd-counted", "").await;
    let mut settings = settings(&slapd);
    settings.timeout = Duration::from_millis(40);
    let directory = open(settings);
    slapd.freeze().await;
    for _ in 0..20 {
        ask(&*directory, &sender(ANNA)).await.unwrap_err();
    }
    eventually_true("no connection is left", BOUND, async || {
        connections_to(slapd.address).is_empty()
    })
    .await;
    slapd.thaw();
}

async fn a_connection_that_the_server_closed_for_idleness_is_replaced(lab: &Lab) {
    let slapd = slapd(lab, "slapd-busy", "idletimeout 1\n").await;
    let directory = open(settings(&slapd));
    flagged(&*directory, &sender(ANNA)).await;
    let first = connections_to(slapd.address);
    assert_eq!(first.len(), 1);
    eventually_true("slapd closes the connection", BOUND, async || {
        connections_to(slapd.address).is_empty()
    })
    .await;
    flagged(&*directory, &sender(ANNA)).await;
    assert_ne!(connections_to(slapd.address), first);
}

async fn a_look_up_after_its_deadline_is_not_begun(lab: &Lab) {
    let directory = open(settings(&lab.slapd));
    let past = Instant::now() - Duration::from_secs(1);
    let answer = directory.standing(&sender(ANNA), past).await;
    assert!(
        matches!(answer, Err(DirectoryError::Timeout(_))),
        "{answer:?}"
    );
}
