//! The milter itself: ended, without seats, without file handles.

use std::sync::Arc;

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use tokio::net::UnixStream;

use super::{
    milter::Milter,
    signs::{Course, GREEN, RED, away, green, n_told, ready, red},
};
use crate::{
    lab::{Lab, eventually::eventually_true},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_milter_that_is_killed_or_frozen_does_not_answer_its_monitoring,
        a_milter_without_a_free_seat_says_so,
        a_milter_without_file_handles_says_so,
    ]
}

async fn a_milter_that_is_killed_or_frozen_does_not_answer_its_monitoring(lab: &Lab) {
    let milter = Milter::start(lab, |_| {}).await;
    milter.role.signal(Signal::SIGSTOP);
    away(&milter.role).await;
    milter.role.signal(Signal::SIGCONT);
    ready(&milter.role).await;
    milter.role.kill();
    away(&milter.role).await;
    milter.role.start_again().await;
    ready(&milter.role).await;
}

async fn a_milter_without_a_free_seat_says_so(lab: &Lab) {
    let milter = Milter::start(lab, |settings| {
        settings.set("milter.max_connections", 2);
    })
    .await;
    assert_eq!(
        milter.role.metric("mailhold_milter_max_connections").await,
        2.0
    );
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(UnixStream::connect(milter.socket()).await.unwrap());
    }
    let detail = red(&milter.role, "connections_exhausted", Course::InTheWay).await;
    assert!(detail.contains("milter.max_connections"), "{detail}");
    drop(idle);
    green(&milter.role, "connections_exhausted").await;
    milter.hold().await;
}

async fn a_milter_without_file_handles_says_so(lab: &Lab) {
    let milter = Milter::start(lab, |_| {}).await;
    milter.limit_handles("5").await;
    // Its page is not to be had meanwhile: that is red as well.
    let kind = "handles_exhausted";
    eventually_true("it is told", RED, async || {
        n_told(&milter.role, "alarm.began", kind) == 1
    })
    .await;
    away(&milter.role).await;
    milter.limit_handles("1000").await;
    eventually_true("its end is told", GREEN, async || {
        n_told(&milter.role, "alarm.ended", kind) == 1
    })
    .await;
    green(&milter.role, kind).await;
    milter.hold().await;
}
