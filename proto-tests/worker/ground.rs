//! Nothing is given up in a directory that may not be the hold queue: its file system is not mounted, it
//! was made anew, or it is another host's.

use std::{fs, path::PathBuf, sync::Arc};

use libtest_mimic::Trial;
use mailhold::domain::{
    decision::{Decision, Disposition},
    lifecycle::State,
};

use super::{
    identity::QUIET,
    mails::Mail,
    reconcile::{ALARM, GONE, is_gone, is_listed, refused, several_passes, watching},
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::{eventually, eventually_true},
        place::give,
        postfix::Postfix,
        user::User,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        nothing_is_gone_while_the_hold_queue_is_another_directory,
        at_a_start_nothing_is_gone_in_a_directory_that_is_not_the_right_one,
        at_a_start_no_decided_message_is_gone_in_a_directory_that_is_not_the_right_one,
        no_decided_message_is_gone_in_a_directory_that_has_all_others,
        a_hold_queue_that_was_made_anew_is_taken_on_an_operators_word,
        many_losses_at_once_without_a_word_are_a_riddle,
    ]
}

async fn nothing_is_gone_while_the_hold_queue_is_another_directory(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "replaced", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let worker = watching(&work, |_| {}).await;
    let mail = work.held().await;
    is_listed(&work, &worker, 2.0).await;
    let hold = postfix.queue_directory.join("hold");
    let away = postfix.queue_directory.join("away");
    fs::rename(&hold, &away).unwrap();
    refused(&worker, "cannot look into").await;
    fs::create_dir(&hold).unwrap();
    give(&hold, User::named("postfix"), 0o700);
    refused(&worker, "another directory than before").await;
    assert_eq!(work.review(&mail).await.state, State::Held);

    fs::remove_dir(&hold).unwrap();
    fs::rename(&away, &hold).unwrap();
    // Whoever looked for a file while the directory was away felt a fault that must stay away first.
    worker.becomes_ready(QUIET).await;
    work.decide(&mail, Decision::Release).await;
    work.is_delivered_once(&mail).await;
    assert_eq!(worker.metric(ALARM).await, 0.0);
    worker.stop().await;
    postfix.stop().await;
}

/// As when the file system of Postfix's queue is not mounted, and Postfix has made its directories.
async fn at_a_start_nothing_is_gone_in_a_directory_that_is_not_the_right_one(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "no-mount", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(2).await;
    let worker = work
        .worker(|settings| {
            // Time enough to be ready at first.
            settings.set("worker.reconcile", "2s");
        })
        .await;
    is_on_record(&work).await;
    worker.stop().await;
    let away = hold_made_anew(&postfix);
    worker.start_again().await;
    refused(&worker, "2 messages under review are missing").await;
    // What is held there meanwhile tells nothing of what was held before.
    let late = work.captured().await;
    work.is(&late, State::Held).await;
    worker.stop().await;
    worker.start_again().await;
    refused(&worker, "2 messages under review are missing").await;
    several_passes(&worker).await;
    for mail in &mails {
        assert_eq!(work.review(mail).await.state, State::Held);
    }
    let hold = postfix.queue_directory.join("hold");
    let file = work.hold_file(&late);
    fs::rename(&file, away.join(late.id.as_str())).unwrap();
    fs::rename(&hold, postfix.queue_directory.join("under")).unwrap();
    fs::rename(&away, &hold).unwrap();
    worker.becomes_ready(QUIET).await;
    for mail in mails.iter().chain([&late]) {
        work.decide(mail, Decision::Release).await;
        work.is_delivered_once(mail).await;
    }
    assert_eq!(worker.metric(ALARM).await, 0.0);
    worker.stop().await;
    postfix.stop().await;
}

/// As when the file system was unmounted after the last message was decided.
async fn at_a_start_no_decided_message_is_gone_in_a_directory_that_is_not_the_right_one(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "all-decided", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.held().await;
    let worker = work.worker(|_| {}).await;
    is_on_record(&work).await;
    let right = recorded(&work).await;
    worker.stop().await;
    let away = hold_made_anew(&postfix);
    work.decide(&mail, Decision::Release).await;
    worker.start_again().await;
    several_passes(&worker).await;
    several_looks(&work, &mail).await;
    assert_eq!(recorded(&work).await, right);

    let hold = postfix.queue_directory.join("hold");
    fs::rename(&hold, postfix.queue_directory.join("under")).unwrap();
    fs::rename(&away, &hold).unwrap();
    is_released(&work, &mail).await;
    assert_eq!(recorded(&work).await, right);
    assert_eq!(worker.metric(ALARM).await, 0.0);
    worker.stop().await;
    postfix.stop().await;
}

/// As when the hold queue is moved to another file system, file by file, while the worker runs.
async fn no_decided_message_is_gone_in_a_directory_that_has_all_others(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "half-moved", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    // The older one, or the other would tell that this is the right directory.
    let mail = work.held().await;
    let other = work.held().await;
    let worker = work.worker(|_| {}).await;
    is_listed(&work, &worker, 2.0).await;
    is_on_record(&work).await;
    let right = recorded(&work).await;
    let files = [&mail, &other].map(|mail| work.hold_file(mail));
    let away = hold_made_anew(&postfix);
    fs::rename(away.join(other.id.as_str()), &files[1]).unwrap();
    is_listed(&work, &worker, 1.0).await;
    work.decide(&mail, Decision::Release).await;
    several_passes(&worker).await;
    several_looks(&work, &mail).await;
    assert_eq!(recorded(&work).await, right);

    fs::rename(away.join(mail.id.as_str()), &files[0]).unwrap();
    is_released(&work, &mail).await;
    let is_taken = async || recorded(&work).await != right;
    eventually_true("nothing is missing from it", BOUND, is_taken).await;
    work.decide(&other, Decision::Release).await;
    work.is_delivered_once(&other).await;
    assert_eq!(worker.metric(ALARM).await, 0.0);
    worker.stop().await;
    postfix.stop().await;
}

async fn a_hold_queue_that_was_made_anew_is_taken_on_an_operators_word(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "anew", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mail = work.held().await;
    let worker = work.worker(|_| {}).await;
    is_on_record(&work).await;
    hold_made_anew(&postfix);
    refused(&worker, "another directory than before").await;
    assert_eq!(work.review(&mail).await.state, State::Held);
    let words = format!(
        "update hold_queue set directory = '' where instance = '{}'",
        work.fixture.instance
    );
    work.fixture.execute(&words).await;
    is_gone(&work, &worker, &mail).await;
    worker.becomes_ready(QUIET).await;
    is_on_record(&work).await;
    work.is(&work.captured().await, State::Held).await;
    worker.stop().await;
    postfix.stop().await;
}

/// As when another host's worker has this instance's name.
async fn many_losses_at_once_without_a_word_are_a_riddle(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "emptied", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    let mails = work.all_held(22).await;
    let worker = work.worker(|_| {}).await;
    is_listed(&work, &worker, 22.0).await;
    let aside = |mail: &Mail| postfix.queue_directory.join(mail.id.as_str());
    let files: Vec<_> = mails.iter().map(|mail| work.hold_file(mail)).collect();
    for (mail, file) in mails.iter().zip(&files) {
        fs::rename(file, aside(mail)).unwrap();
    }
    refused(&worker, "22 messages under review are missing").await;
    for mail in &mails {
        assert_eq!(work.review(mail).await.state, State::Held);
    }
    // A person who knows better decides, and it is settled as any decided message is.
    work.decide(&mails[0], Decision::Discard).await;
    work.make_due().await;
    eventually("it is settled", BOUND, async || {
        work.make_due().await;
        let state = work.review(&mails[0]).await.state;
        if state == GONE { Ok(()) } else { Err(state) }
    })
    .await;
    refused(&worker, "messages under review are missing").await;
    for (mail, file) in mails.iter().zip(&files).skip(1) {
        fs::rename(aside(mail), file).unwrap();
    }
    worker.becomes_ready(BOUND).await;
    worker.stop().await;
    postfix.stop().await;
}

/// Waits until it is recorded which directory the hold queue is.
pub async fn is_on_record(work: &Workplace<'_>) {
    let question = format!(
        "select count(*) from hold_queue where instance = '{}' and directory <> ''",
        work.fixture.instance
    );
    let is_there = async || work.fixture.execute(&question).await == "1";
    eventually_true("the directory is recorded", BOUND, is_there).await;
}

async fn recorded(work: &Workplace<'_>) -> String {
    let question = format!(
        "select directory from hold_queue where instance = '{}'",
        work.fixture.instance
    );
    work.fixture.execute(&question).await
}

/// Lets a worker look for a decided message more often than it takes to give it up.
async fn several_looks(work: &Workplace<'_>, mail: &Mail) {
    let mut n_looks = 0;
    for _ in 0..4 {
        work.make_due().await;
        // One that is in hand just now is put off all the same.
        let what = format!("{} is looked for, and put off", mail.id);
        n_looks = eventually(&what, BOUND, async || {
            let review = work.review(mail).await;
            match review.pending {
                Some(pending) if pending.leased_by.is_none() && pending.attempt > n_looks => {
                    Ok(pending.attempt)
                }
                pending => Err((review.state, pending, review.settled)),
            }
        })
        .await;
    }
    let reason = work.put_off(mail).await;
    assert!(reason.contains("another directory"), "{reason}");
}

/// Waits until a decision that was put off is carried out.
async fn is_released(work: &Workplace<'_>, mail: &Mail) {
    work.make_due().await;
    work.is(mail, State::Settled(Disposition::Released)).await;
    work.is_delivered_once(mail).await;
}

/// Puts an empty directory where the hold queue was; where that is now.
fn hold_made_anew(postfix: &Postfix) -> PathBuf {
    let hold = postfix.queue_directory.join("hold");
    let away = postfix.queue_directory.join("away");
    fs::rename(&hold, &away).unwrap();
    fs::create_dir(&hold).unwrap();
    give(&hold, User::named("postfix"), 0o700);
    away
}
