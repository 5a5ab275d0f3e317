//! The worker and Postfix: ended, stopped, hanging, and decisions that are not carried out.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};
use nix::sys::signal::Signal;

use super::signs::{Course, away, green, ready, red};
use crate::{
    lab::{Lab, postfix::Postfix},
    trials::{Trials, tests},
    worker::{commands::settled_once, stand_in::StandIn, workplace::Workplace},
};

/// As it is by default.
const LEASE: Duration = Duration::from_secs(60);
const WAITS: &str = "decision_waits";
const REFUSED: &str = "postfix_refused";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_worker_that_is_killed_or_frozen_does_not_answer_its_monitoring,
        a_stopped_postfix_is_seen_by_an_idle_worker,
        a_postsuper_that_hangs_leaves_a_decision_waiting,
        a_postsuper_that_does_nothing_leaves_a_decision_waiting,
        decisions_that_wait_their_turn_are_no_alarm,
    ]
}

async fn a_worker_that_is_killed_or_frozen_does_not_answer_its_monitoring(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let worker = work.worker(|_| {}).await;
    worker.signal(Signal::SIGSTOP);
    away(&worker).await;
    let mail = work.decided(Decision::Release).await;
    worker.signal(Signal::SIGCONT);
    ready(&worker).await;
    settled_once(&work, &worker, &mail).await;
    worker.kill();
    away(&worker).await;
    worker.start_again().await;
    ready(&worker).await;
}

async fn a_stopped_postfix_is_seen_by_an_idle_worker(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "halting", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let worker = work
        .worker(|settings| {
            settings.set("worker.poll", "10m");
        })
        .await;
    postfix.stop().await;
    let detail = red(&worker, REFUSED, Course::InTheWay).await;
    assert!(detail.contains("Postfix does not run"), "{detail}");
    postfix.start_again().await;
    green(&worker, REFUSED).await;
    postfix.stop().await;
}

async fn a_postsuper_that_hangs_leaves_a_decision_waiting(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mail = work.decided(Decision::Release).await;
    // With the time limits that it has by default.
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    let detail = red(&worker, WAITS, Course::Aside).await;
    assert!(detail.contains("1 decided messages wait"), "{detail}");
    stand_in.open("before");
    green(&worker, WAITS).await;
    settled_once(&work, &worker, &mail).await;
}

async fn a_postsuper_that_does_nothing_leaves_a_decision_waiting(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("exit 0"));
    let mail = work.decided(Decision::Discard).await;
    let worker = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings.set("worker.max_backoff", "5s");
        })
        .await;
    let detail = red(&worker, WAITS, Course::Aside).await;
    assert!(detail.contains("1 decided messages wait"), "{detail}");
    stand_in.mend();
    work.is(&mail, State::Settled(Disposition::Discarded)).await;
    green(&worker, WAITS).await;
}

async fn decisions_that_wait_their_turn_are_no_alarm(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(3).await;
    for mail in &mails {
        work.decide(mail, Decision::Discard).await;
    }
    let stuck = async || {
        let patience = Duration::from_secs(20);
        let store = work.fixture.worker();
        let stuck = store.stuck(&work.fixture.instance, patience, LEASE).await;
        stuck.unwrap()
    };
    let of_all = format!("where instance = '{}'", work.fixture.instance);
    let change = async |sql: &str| drop(work.fixture.execute(&format!("{sql} {of_all}")).await);
    assert_eq!(stuck().await.count, 0, "they are young");
    change("update work set created_at = now() - interval '1 min', due_at = now()").await;
    assert_eq!(stuck().await.count, 0, "they are due just now");
    change("update work set due_at = now() - interval '21 s'").await;
    assert_eq!(stuck().await.count, 3, "nobody takes them up");
    work.fixture
        .worker()
        .claim(&work.fixture.instance, "one", LEASE, 1)
        .await
        .unwrap();
    assert_eq!(stuck().await.count, 0, "somebody works, one by one");
    change("update work set due_at = now() + interval '39 s'").await;
    let seen = stuck().await;
    assert_eq!(seen.count, 1, "that one was taken up long ago");
    change("update work set due_at = now() + interval '5 min', last_failure = 'it said no'").await;
    let seen = stuck().await;
    assert_eq!(seen.count, 3, "all were tried in vain");
}
