//! Late releases: the message is submitted anew, and the record follows it. And a hold queue with
//! sub-directories, and one that is taken away.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
        queue_id::QueueId,
    },
    store::settlements::Method,
};
use tokio::time::sleep;

use super::{
    commands::{hurry, settled_once},
    identity::QUIET,
    mails::Mail,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::eventually_true,
        place::give,
        postfix::Postfix,
        smtp::{Smtp, small_mail},
        user::User,
    },
    trials::{Trials, tests},
};

const RELEASED: State = State::Settled(Disposition::Released);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_released_late_is_found_by_its_old_and_its_new_queue_id,
        a_hashed_hold_queue_full_of_strays_is_served,
        a_message_is_not_gone_because_postfix_moved_its_hold_queue,
        a_message_is_not_gone_because_the_hold_queue_is_empty_for_a_while,
        a_hold_queue_that_was_taken_away_is_served_again_when_it_is_back,
    ]
}

async fn a_message_released_late_is_found_by_its_old_and_its_new_queue_id(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "hasty", lab.sink.address).await;
    let lifetimes = ["maximal_queue_lifetime=2s", "bounce_queue_lifetime=1h"];
    postfix.set(&lifetimes).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(2).await;
    let notice = null_sender(&work).await;
    half_life().await;
    let worker = work.worker(|_| {}).await;

    work.decide(&mails[0], Decision::Release).await;
    let settled = work.is(&mails[0], RELEASED).await.settled.unwrap();
    let Method::Requeue {
        new_queue_id: Some(new),
    } = settled.method
    else {
        panic!("{settled:?}")
    };
    // A trace field of the second submission is all that is added.
    let delivered = lab.sink.message_to(&mails[0].recipient, BOUND).await;
    assert!(delivered.without_trace() == mails[0].content);
    postfix.log().removed(&new, BOUND).await;
    for id in [&mails[0].id, &new] {
        let shown = work.shown_as(id).await;
        assert!(shown.contains(mails[0].id.as_str()) && shown.contains(new.as_str()));
    }

    // Mail from the null sender has a lifetime of its own.
    work.decide(&notice, Decision::Release).await;
    let settled = work.is(&notice, RELEASED).await.settled.unwrap();
    assert_eq!(settled.method, Method::Unhold);
    worker.stop().await;

    let without_log = work
        .worker(|s| {
            s.set("postfix.log", "none");
        })
        .await;
    work.decide(&mails[1], Decision::Release).await;
    let settled = work.is(&mails[1], RELEASED).await.settled.unwrap();
    assert_eq!(settled.method, Method::Requeue { new_queue_id: None });
    lab.sink.message_to(&mails[1].recipient, BOUND).await;
    without_log.stop().await;
    postfix.stop().await;
}

/// Until all mail so far is older than half of the short lifetime. No state tells it.
async fn half_life() {
    sleep(Duration::from_millis(2_100)).await;
}

async fn null_sender(work: &Workplace<'_>) -> Mail {
    let mut smtp = Smtp::connect(work.postfix.holding_smtp).await;
    let recipient = "notified@elsewhere.test";
    let content = small_mail("daemon@corp.test", recipient, "a notice");
    let mail = Mail::submit_as(&mut smtp, &work.fixture, ("", recipient), content).await;
    work.record(std::slice::from_ref(&mail)).await;
    let confirmed = work.fixture.worker().confirm(&[mail.capture.id]).await;
    assert_eq!(confirmed.unwrap(), [mail.capture.id]);
    mail
}

async fn a_hashed_hold_queue_full_of_strays_is_served(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "hashed-strays", lab.sink.address).await;
    let depth = ["hash_queue_names=hold,deferred,defer", "hash_queue_depth=2"];
    postfix.set(&depth).await;
    let work = Workplace::on(lab, &postfix).await;
    let stray = work.stray().await;
    copy_many_times(&work, &stray);
    // No polling: only what the worker hears counts.
    let worker = work
        .worker(|settings| {
            settings.set("worker.poll", "10m");
        })
        .await;
    for decision in Decision::ALL {
        let mail = work.captured().await;
        work.is(&mail, State::Held).await;
        work.decide(&mail, decision).await;
        work.is(&mail, State::Settled(decision.fulfilled())).await;
        assert!(!work.is_on_hold(&mail));
    }
    work.is_untouched(&stray);
    worker.stop().await;
    postfix.stop().await;
}

/// Names a worker must look past; Postfix never learns of them.
fn copy_many_times(work: &Workplace<'_>, stray: &Mail) {
    let file = work.hold_file(stray);
    let name = stray.id.as_str();
    let (time, inode) = name.rsplit_once('z').unwrap();
    for number in 0..3_000 {
        let other: QueueId = format!("{time}z{inode}{number}").parse().unwrap();
        fs::File::create(file.with_file_name(other.as_str())).unwrap();
    }
}

async fn a_message_is_not_gone_because_postfix_moved_its_hold_queue(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "rehashed", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.held().await;
    let worker = work.worker(|_| {}).await;
    postfix.set(&["hash_queue_names=hold,deferred,defer"]).await;
    // As the start and the reload of Postfix do it.
    postfix.command("postsuper").run(b"").await;
    assert_ne!(
        work.hold_file(&mail),
        postfix.queue_directory.join("hold").join(mail.id.as_str())
    );
    work.decide(&mail, Decision::Release).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("restart this process"), "{reason}");
    assert!(!worker.is_ready().await);
    worker.stop().await;
    worker.start_again().await;
    work.is(&mail, RELEASED).await;
    work.is_delivered_once(&mail).await;
    worker.stop().await;
    postfix.stop().await;
}

/// As when the worker starts before the queue is mounted.
async fn a_message_is_not_gone_because_the_hold_queue_is_empty_for_a_while(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "unmounted", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.decided(Decision::Release).await;
    let hold = postfix.queue_directory.join("hold");
    let away = postfix.queue_directory.join("away");
    fs::rename(&hold, &away).unwrap();
    fs::create_dir(&hold).unwrap();
    give(&hold, User::named("postfix"), 0o700);
    let worker = work.worker(hurry).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("looked for again"), "{reason}");
    fs::remove_dir(&hold).unwrap();
    fs::rename(&away, &hold).unwrap();
    settled_once(&work, &worker, &mail).await;
    worker.stop().await;
    postfix.stop().await;
}

async fn a_hold_queue_that_was_taken_away_is_served_again_when_it_is_back(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "moved", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.held().await;
    let worker = work.worker(|_| {}).await;
    let hold = postfix.queue_directory.join("hold");
    let away = postfix.queue_directory.join("away");
    fs::rename(&hold, &away).unwrap();
    eventually_true("the worker is not ready", BOUND, async || {
        !worker.is_ready().await
    })
    .await;
    work.decide(&mail, Decision::Release).await;
    work.put_off(&mail).await;
    fs::rename(&away, &hold).unwrap();
    work.is_delivered_once(&mail).await;
    work.is(&mail, RELEASED).await;

    // Nobody decides anything: it recovers by itself all the same.
    fs::rename(&hold, &away).unwrap();
    eventually_true("the worker is not ready", BOUND, async || {
        !worker.is_ready().await
    })
    .await;
    fs::rename(&away, &hold).unwrap();
    worker.becomes_ready(QUIET).await;
    let later = work.captured().await;
    work.is(&later, State::Held).await;
    worker.stop().await;
    postfix.stop().await;
}
