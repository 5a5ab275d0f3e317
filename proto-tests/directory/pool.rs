//! Connections are kept, aged out, and never more than the settings say.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use libtest_mimic::Trial;
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval},
};

use super::asking::{PATIENCE, ask, connections_to, flagged, open, sender, settings};
use crate::{
    lab::{Lab, eventually::eventually, slapd::Slapd},
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const BOUND: Duration = Duration::from_secs(15);
const GRACE: Duration = Duration::from_millis(1_500);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_connection_is_used_again,
        a_connection_is_replaced_when_it_is_old,
        connections_never_exceed_the_maximum,
        a_pool_that_is_used_up_keeps_the_deadline,
    ]
}

async fn slapd(lab: &Lab, name: &str) -> Slapd {
    let slapd = Slapd::start_with(&lab.tools, name, "").await;
    slapd
        .add_person("anna", &["anna@corp.test"], &["TRUE"])
        .await;
    slapd
}

async fn a_connection_is_used_again(lab: &Lab) {
    let slapd = slapd(lab, "slapd-steady").await;
    let directory = open(settings(&slapd));
    flagged(&*directory, &sender(ANNA)).await;
    let first = connections_to(slapd.address);
    assert_eq!(first.len(), 1);
    for _ in 0..10 {
        flagged(&*directory, &sender(ANNA)).await;
        assert_eq!(connections_to(slapd.address), first);
    }
}

async fn a_connection_is_replaced_when_it_is_old(lab: &Lab) {
    let slapd = slapd(lab, "slapd-ageing").await;
    let mut settings = settings(&slapd);
    settings.max_connection_age = Duration::from_millis(200);
    let directory = open(settings);
    flagged(&*directory, &sender(ANNA)).await;
    let first = connections_to(slapd.address);
    eventually("another connection alone", BOUND, async || {
        flagged(&*directory, &sender(ANNA)).await;
        let now = connections_to(slapd.address);
        if now.len() == 1 && now != first {
            Ok(())
        } else {
            Err(now)
        }
    })
    .await;
}

async fn connections_never_exceed_the_maximum(lab: &Lab) {
    let slapd = slapd(lab, "slapd-crowded").await;
    let mut settings = settings(&slapd);
    settings.max_connections = 3;
    settings.timeout = PATIENCE;
    let directory = open(settings);
    let mut most = 0;
    let watching = async {
        let mut looks = interval(Duration::from_millis(5));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            // The table of a busy machine is long: meanwhile the directory is asked.
            let server = slapd.address;
            let found = spawn_blocking(move || connections_to(server)).await;
            most = found.unwrap().len().max(most);
        }
    };
    let identity = sender(ANNA);
    let asking = join_all((0..100).map(|_| flagged(&*directory, &identity)));
    tokio::select! {
        () = watching => {}
        answers = asking => assert_eq!(answers.len(), 100),
    }
    assert!((1..=3).contains(&most), "{most} connections");
}

async fn a_pool_that_is_used_up_keeps_the_deadline(lab: &Lab) {
    let slapd = slapd(lab, "slapd-slower").await;
    let mut settings = settings(&slapd);
    settings.max_connections = 1;
    let directory = open(settings);
    let identity = sender(ANNA);
    flagged(&*directory, &identity).await;
    slapd.freeze().await;
    let (begin, patience) = (Instant::now(), Duration::from_millis(300));
    let answers = join_all((0..10).map(|_| directory.standing(&identity, begin + patience))).await;
    assert!(begin.elapsed() < patience + GRACE, "{:?}", begin.elapsed());
    assert!(answers.iter().all(Result::is_err));
    slapd.thaw();
    ask(&*directory, &identity).await.unwrap();
}
