//! The worker is killed, frozen and stopped at each of its steps: a decision is carried out once.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};
use nix::sys::signal::Signal;
use tokio::time::sleep;

use super::{
    commands::{hurry, settled_once},
    mails::Mail,
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{Lab, eventually::eventually, postfix::Postfix, settings::Settings},
    store::fixture::Fixture,
    trials::{Trials, tests},
};

const RELEASED: State = State::Settled(Disposition::Released);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_worker_killed_before_its_command_leaves_the_decision_to_the_next,
        a_command_that_outlives_its_worker_tells_the_log_what_it_did,
        a_worker_killed_after_its_commands_is_proven_by_the_log,
        a_worker_killed_after_its_command_where_no_log_is_read_tells_what_it_knows,
        a_worker_killed_again_and_again_carries_each_decision_out_once,
        a_frozen_worker_does_nothing_twice,
        a_worker_that_is_told_to_stop_finishes_what_it_began,
        an_idle_worker_stops_at_once,
    ]
}

async fn a_worker_killed_before_its_command_leaves_the_decision_to_the_next(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mail = work.decided(Decision::Release).await;
    let first = work
        .worker(|settings| {
            stand_in.serve(settings);
            hurry(settings);
        })
        .await;
    stand_in.reached("before").await;
    first.kill();
    work.is_untouched(&mail);
    assert_eq!(work.review(&mail).await.state, State::Decided);

    let second = work.worker(hurry).await;
    settled_once(&work, &second, &mail).await;
}

async fn a_command_that_outlives_its_worker_tells_the_log_what_it_did(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mails = work.all_held(3).await;
    for mail in &mails {
        work.decide(mail, Decision::Discard).await;
    }
    let first = work
        .worker(|settings| {
            stand_in.serve(settings);
            hurry(settings);
        })
        .await;
    stand_in.reached("before").await;
    // The process alone: its command goes on.
    first.signal(Signal::SIGKILL);
    stand_in.open("before");
    left_hold(&work, &mails).await;

    let _second = work.worker(hurry).await;
    for mail in &mails {
        let done = State::Settled(Disposition::Discarded);
        let settled = work.is(mail, done).await.settled.unwrap();
        let evidence = settled.evidence;
        assert!(evidence.contains("postsuper logged"), "{evidence}");
    }
}

async fn a_worker_killed_after_its_commands_is_proven_by_the_log(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let work = Workplace::with(&lab.postfix, fixture);
    let mails = work.all_held(3).await;
    for (mail, decision) in mails.iter().zip(Decision::ALL) {
        work.decide(mail, decision).await;
    }
    // Nothing can be recorded while this lock is held.
    let mut lock = work.fixture.sign_in("mailhold").await;
    lock.run("begin").await;
    lock.run("lock table settlement in share mode").await;
    let first = work.worker(hurry).await;
    lab.sink.message_to(&mails[0].recipient, BOUND).await;
    lab.sink.message_to(&mails[2].sender, BOUND).await;
    left_hold(&work, &mails).await;
    first.kill();
    // Its statement would go on behind it.
    let sessions = "select pg_terminate_backend(pid) from pg_stat_activity \
                    where datname = current_database() and application_name = 'mailhold worker'";
    work.fixture.execute(sessions).await;
    lock.run("rollback").await;
    for mail in &mails {
        assert_eq!(work.review(mail).await.state, State::Decided);
    }

    let second = work.worker(hurry).await;
    for (mail, decision) in mails.iter().zip(Decision::ALL) {
        let done = State::Settled(decision.fulfilled());
        let settled = work.is(mail, done).await.settled.unwrap();
        assert!(
            settled.evidence.contains("postsuper logged"),
            "{}",
            settled.evidence
        );
    }
    settled_once(&work, &second, &mails[0]).await;
    assert_eq!(lab.sink.messages_to(&mails[2].sender).len(), 1);
    let stopped = [&mails[1].recipient, &mails[1].sender, &mails[2].recipient];
    for address in stopped {
        assert!(lab.sink.messages_to(address).is_empty(), "{address}");
    }
}

async fn a_worker_killed_after_its_command_where_no_log_is_read_tells_what_it_knows(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("real \"$@\"; gate after"));
    stand_in.shut("after");
    let mails = work.all_held(2).await;
    // The first one will be on its way for as long as the test takes, the second one is no more.
    lab.sink.refuse(&mails[0].recipient, "450 4.2.0 not now");
    work.decide(&mails[0], Decision::Release).await;
    work.decide(&mails[1], Decision::Discard).await;
    let first = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings.set("postfix.log", "none");
            settings
                .set("postfix.command_timeout", "1s")
                .set("worker.lease", "5s");
        })
        .await;
    left_hold(&work, &mails).await;
    first.kill();
    let second = work
        .worker(|settings| {
            settings.set("postfix.log", "none");
            hurry(settings);
        })
        .await;
    work.is(&mails[0], RELEASED).await;
    let gone = State::Settled(Disposition::Gone);
    let settled = work.is(&mails[1], gone).await.settled.unwrap();
    let says = settled.evidence;
    assert!(says.contains("this worker or another hand"), "{says}");
    second.stop().await;
    lab.sink.take(&mails[0].recipient);
}

async fn a_worker_killed_again_and_again_carries_each_decision_out_once(lab: &Lab) {
    // A command that dies with its worker, right before it wrote to the log, is known by where the
    // message is: no other test may have it delivered meanwhile.
    let postfix = Postfix::start(&lab.tools, "mortal", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let slowly = "sleep 0.03; real \"$@\"; sleep 0.03";
    let stand_in = StandIn::new(&lab.tools.place, Some(slowly));
    let mails = work.all_held(20).await;
    for mail in &mails {
        work.decide(mail, Decision::Release).await;
    }
    let start = async || {
        let adjust = |settings: &mut Settings| {
            stand_in.serve(settings);
            hurry(settings);
            settings.set("worker.batch", 2);
        };
        work.worker(adjust).await
    };
    // Moments in the life of a worker, not a wait for anything.
    for moment in [5, 150, 40, 260, 90, 15, 200] {
        let worker = start().await;
        sleep(Duration::from_millis(moment)).await;
        worker.kill();
    }
    let last = start().await;
    let log = postfix.log();
    for mail in &mails {
        settled_once(&work, &last, mail).await;
        let released = log.lines_with(&[mail.id.as_str(), "released from hold"]);
        assert!(released.len() <= 1, "{released:?}");
    }
    last.stop().await;
    postfix.stop().await;
}

async fn a_frozen_worker_does_nothing_twice(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mail = work.decided(Decision::Release).await;
    let frozen = work
        .worker(|settings| {
            stand_in.serve(settings);
            settings
                .set("postfix.command_timeout", "2s")
                .set("worker.lease", "4s");
        })
        .await;
    stand_in.reached("before").await;
    frozen.signal(Signal::SIGSTOP);
    let other = work.worker(hurry).await;
    settled_once(&work, &other, &mail).await;
    let settled = work.review(&mail).await.settled;

    stand_in.open("before");
    frozen.signal(Signal::SIGCONT);
    // It goes on with what comes later.
    other.stop().await;
    let later = work.decided(Decision::Release).await;
    settled_once(&work, &frozen, &later).await;
    settled_once(&work, &frozen, &mail).await;
    assert_eq!(work.review(&mail).await.settled, settled);
    let told = frozen.events();
    let of_it = |event: &&serde_json::Value| {
        event["queue_id"] == mail.id.as_str() && event["event"] == "message.released"
    };
    assert_eq!(told.iter().find(of_it), None);
}

async fn a_worker_that_is_told_to_stop_finishes_what_it_began(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(
        &lab.tools.place,
        Some("gate before; real \"$@\"; gate after"),
    );
    stand_in.shut("before");
    stand_in.shut("after");
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    stand_in.reached("before").await;
    let (stopped, ()) = tokio::join!(worker.stop(), async {
        stand_in.open("before");
        stand_in.reached("after").await;
        stand_in.open("after");
    });
    let () = stopped;
    // Nobody else could have recorded it.
    assert_eq!(work.review(&mail).await.state, RELEASED);
    work.is_delivered_once(&mail).await;
    let role_stopped = worker
        .events()
        .into_iter()
        .any(|event| event["event"] == "role.stopped" && event["role"] == "worker");
    assert!(role_stopped, "it ended in good order");
}

async fn an_idle_worker_stops_at_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let worker = work
        .worker(|settings| {
            settings.set("worker.poll", "10m");
        })
        .await;
    let stop = tokio::time::timeout(Duration::from_secs(5), worker.stop());
    stop.await.expect("it stops");
}

async fn left_hold(work: &Workplace<'_>, mails: &[Mail]) {
    eventually("all have left hold", BOUND, async || {
        let held = work.postfix.held();
        let left = mails.iter().all(|mail| !held.contains(&mail.id));
        if left { Ok(()) } else { Err(held) }
    })
    .await;
}
