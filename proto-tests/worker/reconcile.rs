//! The hold queue and the database are compared: what left without a decision is told, and nothing is
//! given up on one look, or while Postfix is away.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use super::{
    ground::is_on_record,
    mails::Mail,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::{eventually, eventually_true},
        postfix::Postfix,
        role::Role,
        settings::Settings,
    },
    trials::{Trials, tests},
};

pub const GONE: State = State::Settled(Disposition::Gone);
pub const ALARM: &str = "mailhold_alarm{kind=\"gone\"}";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared:
        an_undecided_message_that_is_released_by_hand_is_gone,
        an_undecided_message_that_is_removed_by_hand_is_gone,
        an_undecided_message_that_is_requeued_by_hand_is_gone_with_its_new_name,
        an_undecided_message_whose_file_was_unlinked_is_gone,
        what_was_moved_while_no_worker_ran_is_gone,
        two_workers_tell_each_loss_once,
        a_loss_is_told_although_a_listing_fails_meanwhile,
        nothing_is_gone_while_postfix_is_away,
        nothing_is_gone_while_postfix_makes_short_queue_ids,
    ];
    tests.extend(tests![trials.exclusive:
        what_happens_while_postgresql_is_away_is_told_when_it_is_back,
    ]);
    tests
}

async fn an_undecided_message_that_is_released_by_hand_is_gone(lab: &Lab) {
    gone_by_hand(lab, "-H", "postsuper logged Released at ").await;
}

async fn an_undecided_message_that_is_removed_by_hand_is_gone(lab: &Lab) {
    gone_by_hand(lab, "-d", "postsuper logged Removed at ").await;
}

async fn an_undecided_message_that_is_requeued_by_hand_is_gone_with_its_new_name(lab: &Lab) {
    let evidence = gone_by_hand(lab, "-r", "postsuper logged Requeued at ").await;
    assert!(evidence.contains("; it is 4"), "{evidence}");
}

/// One of two held messages is moved by hand while a worker runs.
async fn gone_by_hand(lab: &Lab, option: &str, told: &str) -> String {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    let worker = work
        .worker(|settings| {
            // Time enough for Postfix to log what became of it.
            settings.set("worker.reconcile", "2s");
        })
        .await;
    work.by_hand(option, &mails[0]).await;
    // Else Postfix comes to look for what was requeued within a minute.
    let pickup = work.postfix.command("postkick");
    pickup
        .arguments(["public", "pickup", "W"])
        .output(b"")
        .await;
    let evidence = is_gone(&work, &worker, &mails[0]).await;
    assert!(evidence.contains(told), "{evidence}");
    assert_eq!(worker.metric(ALARM).await, 1.0);
    assert_eq!(worker.metric("mailhold_gone_total").await, 1.0);
    work.is_untouched(&mails[1]);
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
    let shown = work.shown(&mails[0]).await;
    assert!(shown.contains(told), "{shown}");
    evidence
}

async fn an_undecided_message_whose_file_was_unlinked_is_gone(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    let worker = work.worker(|_| {}).await;
    is_on_record(&work).await;
    fs::remove_file(work.hold_file(&mails[0])).unwrap();
    let evidence = is_gone(&work, &worker, &mails[0]).await;
    assert!(evidence.contains("no log tells why"), "{evidence}");
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
}

async fn what_was_moved_while_no_worker_ran_is_gone(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (held, captured) = (work.held().await, work.captured().await);
    for mail in [&held, &captured] {
        work.by_hand("-d", mail).await;
    }
    let worker = work.worker(|_| {}).await;
    for mail in [&held, &captured] {
        let evidence = is_gone(&work, &worker, mail).await;
        assert!(evidence.contains("Removed"), "{evidence}");
    }
}

async fn two_workers_tell_each_loss_once(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(8).await;
    let workers = [work.worker(|_| {}).await, work.worker(|_| {}).await];
    let (lost, kept) = mails.split_at(6);
    for mail in lost {
        work.by_hand("-d", mail).await;
    }
    for mail in lost {
        work.is(mail, GONE).await;
    }
    let n_told = async || {
        let mut n_told = 0.0;
        for worker in &workers {
            n_told += worker.metric("mailhold_gone_total").await;
        }
        n_told
    };
    eventually_true("each is told", BOUND, async || n_told().await == 6.0).await;
    for mail in kept {
        work.decide(mail, Decision::Release).await;
        work.is_delivered_once(mail).await;
    }
    assert_eq!(n_told().await, 6.0);
}

/// A listing that fails forgets what was missed: only a comparison of all finds it again.
async fn a_loss_is_told_although_a_listing_fails_meanwhile(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "unlisted", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(2).await;
    // What was confirmed lately is asked for every time.
    let long_ago = format!(
        "update capture set held_at = now() - interval '1 hour' where instance = '{}'",
        work.fixture.instance
    );
    work.fixture.execute(&long_ago).await;
    // Time enough between the listing that misses it and the next one.
    let worker = work.worker(|s| _ = s.set("worker.reconcile", "3s")).await;
    is_listed(&work, &worker, 2.0).await;
    fs::remove_file(work.hold_file(&mails[0])).unwrap();
    is_listed(&work, &worker, 1.0).await;
    let hold = postfix.queue_directory.join("hold");
    let away = postfix.queue_directory.join("away");
    fs::rename(&hold, &away).unwrap();
    // The watch fails at once, and the listing when its time has come.
    eventually_true("both have failed", BOUND, async || {
        let told = worker.events().into_iter();
        let failed = told.filter(|event| event["event"] == "postfix.refused");
        failed.count() == 2
    })
    .await;
    assert_eq!(work.review(&mails[0]).await.state, State::Held);
    fs::rename(&away, &hold).unwrap();
    is_gone(&work, &worker, &mails[0]).await;
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
    worker.stop().await;
    postfix.stop().await;
}

async fn nothing_is_gone_while_postfix_is_away(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "away", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(2).await;
    let worker = work.worker(|_| {}).await;
    is_listed(&work, &worker, 2.0).await;
    postfix.stop().await;
    fs::remove_file(work.hold_file(&mails[0])).unwrap();
    refused(&worker, "Postfix does not run").await;
    several_passes(&worker).await;
    assert_eq!(work.review(&mails[0]).await.state, State::Held);
    postfix.start_again().await;
    is_gone(&work, &worker, &mails[0]).await;
    worker.becomes_ready(BOUND).await;
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
    worker.stop().await;
    postfix.stop().await;
}

/// Postfix then renames what it has (`postsuper` at its next start or reload): the message is there,
/// and nobody can act on it by its name.
async fn nothing_is_gone_while_postfix_makes_short_queue_ids(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "shortened", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(2).await;
    let worker = work.worker(|_| {}).await;
    is_listed(&work, &worker, 2.0).await;
    postfix.set(&["enable_long_queue_ids=no"]).await;
    postfix.command("postsuper").run(b"").await;
    assert!(!work.is_on_hold(&mails[0]), "it was renamed");
    refused(&worker, "set enable_long_queue_ids = yes").await;
    several_passes(&worker).await;
    for mail in &mails {
        assert_eq!(work.review(mail).await.state, State::Held);
    }
    assert_eq!(worker.metric("mailhold_strays").await, 2.0);
    assert_eq!(worker.metric("mailhold_alarm{kind=\"stray\"}").await, 1.0);
    // It renames nothing back.
    postfix.set(&["enable_long_queue_ids=yes"]).await;
    postfix.command("postsuper").run(b"").await;
    for mail in &mails {
        let evidence = is_gone(&work, &worker, mail).await;
        assert!(evidence.contains("its file is on hold as "), "{evidence}");
    }
    worker.stop().await;
    postfix.stop().await;
}

async fn what_happens_while_postgresql_is_away_is_told_when_it_is_back(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    let worker = watching(&work, |_| {}).await;
    work.fixture.stop_postgres().await;
    eventually_true("the worker is not ready", BOUND, async || {
        !worker.is_ready().await
    })
    .await;
    work.by_hand("-H", &mails[0]).await;
    let (late, stray) = (work.stray().await, work.stray().await);
    lab.postgres.start_again().await;
    // What waited in the spool of a milter.
    work.record(std::slice::from_ref(&late)).await;
    let evidence = is_gone(&work, &worker, &mails[0]).await;
    assert!(evidence.contains("Released"), "{evidence}");
    work.is(&late, State::Held).await;
    worker
        .event_with(&["message.stray", stray.id.as_str()], BOUND)
        .await;
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
}

/// Recorded as gone and told; gives the evidence.
pub async fn is_gone(work: &Workplace<'_>, worker: &Role, mail: &Mail) -> String {
    let review = work.is(mail, GONE).await;
    assert!(review.decided.is_none());
    worker
        .event_with(&["message.gone", mail.id.as_str()], BOUND)
        .await;
    review.settled.unwrap().evidence
}

/// A worker whose watch on the hold queue stands: it has seen a message come.
pub async fn watching(work: &Workplace<'_>, adjust: impl FnOnce(&mut Settings)) -> Role {
    let worker = work.worker(adjust).await;
    let mail = work.captured().await;
    work.is(&mail, State::Held).await;
    worker
}

/// Waits until a worker has counted so many files on hold.
pub async fn is_listed(work: &Workplace<'_>, worker: &Role, n_files: f64) {
    let what = format!("{n_files} files of {} are listed", work.name());
    eventually(&what, BOUND, async || {
        match worker.metric("mailhold_on_hold").await {
            found if found == n_files => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

/// Waits until the worker is not ready for this reason.
pub async fn refused(worker: &Role, reason: &str) {
    let what = format!("the worker is not ready: {reason}");
    eventually(&what, BOUND, async || {
        let (code, body) = worker.get("/readyz").await.unwrap();
        if code == 503 && body.contains("postfix_refused") && body.contains(reason) {
            Ok(())
        } else {
            Err(body)
        }
    })
    .await;
}

/// Lets a worker compare several times more.
pub async fn several_passes(worker: &Role) {
    let n_passes = async || {
        worker
            .metric("mailhold_reconcile_duration_seconds_count")
            .await
    };
    let begin = n_passes().await;
    eventually_true("the worker has compared again", BOUND, async || {
        n_passes().await >= begin + 4.0
    })
    .await;
}
