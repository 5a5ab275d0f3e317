//! The worker acts on the captured message alone: ready, whole, and where Postfix put it.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::{FileExt, PermissionsExt, symlink},
    path::Path,
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::{decisions::Answer, settlements::Method},
};

use serde_json::Value;

use super::{
    commands::hurry,
    mails::Mail,
    reconcile::several_passes,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{
        Lab,
        eventually::eventually_true,
        place::give,
        smtp::{self, small_mail},
        user::User,
    },
    trials::{Trials, tests},
};

const RELEASED: State = State::Settled(Disposition::Released);
/// A fault that comes and goes is over when it has stayed away for a while.
pub const QUIET: Duration = Duration::from_secs(80);
pub const MISMATCH: &str = "mailhold_alarm{kind=\"identity_mismatch\"}";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_can_be_decided_only_when_the_worker_has_seen_it_on_hold,
        a_message_that_was_changed_is_refused_until_it_is_whole_again,
        a_held_message_that_somebody_changes_is_in_doubt_before_anybody_decides,
        a_file_that_cannot_be_read_is_one_alarm_while_others_can,
        a_message_marked_as_expired_is_refused_for_release_and_discard,
        a_message_marked_as_expired_can_be_returned_if_it_is_the_captured_one,
        a_message_that_is_not_ready_waits,
        a_second_name_of_the_queue_file_is_refused,
        a_link_in_place_of_the_queue_file_is_refused,
        mail_on_hold_that_nobody_captured_is_never_touched,
        a_message_on_its_way_is_never_touched,
    ]
}

async fn a_message_can_be_decided_only_when_the_worker_has_seen_it_on_hold(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.captured().await;
    let answer = work.vote(&mail, Decision::Release).await;
    assert_eq!(answer, Answer::NotHeldYet);
    let worker = work.worker(|_| {}).await;
    work.is(&mail, State::Held).await;
    work.decide(&mail, Decision::Release).await;
    work.is_delivered_once(&mail).await;
    let review = work.is(&mail, RELEASED).await;
    assert_eq!(review.settled.unwrap().method, Method::Unhold);
    worker.stop().await;
}

async fn a_message_that_was_changed_is_refused_until_it_is_whole_again(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(3).await;
    let decisions = [Decision::Release, Decision::Discard, Decision::Return];
    for (mail, decision) in mails.iter().zip(decisions) {
        change(&work.hold_file(mail));
        work.decide(mail, decision).await;
    }
    let worker = work.worker(|_| {}).await;
    for mail in &mails {
        let reason = work.put_off(mail).await;
        assert!(reason.contains("content"), "{reason}");
        work.is_untouched(mail);
        worker
            .event_with(&["message.mismatch", mail.id.as_str()], BOUND)
            .await;
    }
    let shown = work.shown(&mails[0]).await;
    assert!(shown.contains("its content is"), "{shown}");
    assert_eq!(worker.metric(MISMATCH).await, 1.0);

    change(&work.hold_file(&mails[0]));
    work.is_delivered_once(&mails[0]).await;
    work.is(&mails[0], RELEASED).await;
    for mail in &mails[1..] {
        work.is_untouched(mail);
    }
}

async fn a_held_message_that_somebody_changes_is_in_doubt_before_anybody_decides(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    let worker = work.worker(|_| {}).await;
    // Confirmed, so that the watch on the hold queue stands.
    work.is(&work.captured().await, State::Held).await;
    let [written, replaced] = [&mails[0], &mails[1]].map(|mail| work.hold_file(mail));
    let aside = work.postfix.queue_directory.join(mails[1].id.as_str());
    change(&written);
    fs::rename(&replaced, &aside).unwrap();
    let copy = aside.with_extension("copy");
    fs::copy(&aside, &copy).unwrap();
    give(&copy, User::named("postfix"), 0o700);
    fs::rename(&copy, &replaced).unwrap();
    for (mail, reason) in mails.iter().zip(["its content is", "its inode or time"]) {
        worker
            .event_with(&["message.mismatch", mail.id.as_str()], BOUND)
            .await;
        let shown = work.shown(mail).await;
        assert!(shown.contains(reason), "{shown}");
        assert_eq!(work.review(mail).await.state, State::Held);
    }
    assert_eq!(worker.metric(MISMATCH).await, 1.0);
    change(&written);
    fs::rename(&aside, &replaced).unwrap();
    eventually_true("no message is in doubt", BOUND, async || {
        worker.metric(MISMATCH).await == 0.0
    })
    .await;
}

async fn a_file_that_cannot_be_read_is_one_alarm_while_others_can(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.stray().await;
    let file = work.hold_file(&mail);
    give(&file, User::named("root"), 0o700);
    let worker = work.worker(|_| {}).await;
    work.record(std::slice::from_ref(&mail)).await;
    eventually_true("it is told", BOUND, async || !worker.is_ready().await).await;
    several_passes(&worker).await;
    let n_told = |event| {
        let events = worker.events();
        let wanted = |line: &&Value| line["kind"] == "postfix_refused" && line["event"] == event;
        events.iter().filter(wanted).count()
    };
    assert_eq!((n_told("alarm.began"), n_told("alarm.ended")), (1, 0));
    give(&file, User::named("postfix"), 0o700);
    work.is(&mail, State::Held).await;
    worker.becomes_ready(QUIET).await;
    assert_eq!((n_told("alarm.began"), n_told("alarm.ended")), (1, 1));
}

async fn a_message_marked_as_expired_is_refused_for_release_and_discard(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    for (mail, decision) in mails.iter().zip([Decision::Release, Decision::Discard]) {
        work.by_hand("-e", mail).await;
        work.decide(mail, decision).await;
    }
    let worker = work.worker(|_| {}).await;
    for mail in &mails {
        let reason = work.put_off(mail).await;
        assert!(reason.contains("expired"), "{reason}");
        work.is_untouched(mail);
    }
    assert_eq!(worker.metric(MISMATCH).await, 1.0);
}

/// As `postsuper -f` leaves it when it is killed between its two steps.
async fn a_message_marked_as_expired_can_be_returned_if_it_is_the_captured_one(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    for mail in &mails {
        work.by_hand("-e", mail).await;
        work.decide(mail, Decision::Return).await;
    }
    change(&work.hold_file(&mails[0]));
    let _worker = work.worker(|_| {}).await;
    let reason = work.put_off(&mails[0]).await;
    assert!(reason.contains("its content is"), "{reason}");
    work.is(&mails[1], State::Settled(Disposition::Returned))
        .await;
    let bounce = lab.sink.message_to(&mails[1].sender, BOUND).await;
    assert_eq!(bounce.sender(), "");
    assert!(lab.sink.messages_to(&mails[1].recipient).is_empty());
    work.is_untouched(&mails[0]);
}

async fn a_message_that_is_not_ready_waits(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let (unseen, decided) = (work.captured().await, work.decided(Decision::Release).await);
    let files = [&unseen, &decided].map(|mail| work.hold_file(mail));
    for file in &files {
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }
    let worker = work.worker(|_| {}).await;
    let reason = work.put_off(&decided).await;
    assert!(reason.contains("not ready"), "{reason}");
    assert_eq!(work.review(&unseen).await.state, State::Captured);
    for file in &files {
        fs::set_permissions(file, Permissions::from_mode(0o700)).unwrap();
    }
    work.is(&unseen, State::Held).await;
    work.is(&decided, RELEASED).await;
    work.is_delivered_once(&decided).await;
    assert_eq!(worker.metric(MISMATCH).await, 0.0);
}

async fn a_second_name_of_the_queue_file_is_refused(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.decided(Decision::Release).await;
    let other_name = work.outside(&mail);
    fs::hard_link(work.hold_file(&mail), &other_name).unwrap();
    let worker = work.worker(|_| {}).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("not a queue file"), "{reason}");
    work.is_untouched(&mail);
    assert_eq!(worker.metric(MISMATCH).await, 1.0);

    fs::remove_file(other_name).unwrap();
    work.is_delivered_once(&mail).await;
}

async fn a_link_in_place_of_the_queue_file_is_refused(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.decided(Decision::Discard).await;
    let file = work.hold_file(&mail);
    let real = work.outside(&mail);
    fs::rename(&file, &real).unwrap();
    symlink(&real, &file).unwrap();
    let _worker = work.worker(|_| {}).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("not a queue file"), "{reason}");
    assert!(real.exists() && work.is_on_hold(&mail));
    fs::remove_file(file).unwrap();
}

async fn mail_on_hold_that_nobody_captured_is_never_touched(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let strays = work.strays(3).await;
    let _worker = work.worker(|_| {}).await;
    for decision in Decision::ALL {
        let mail = work.decided(decision).await;
        let done = State::Settled(decision.fulfilled());
        work.is(&mail, done).await;
    }
    for stray in &strays {
        work.is_untouched(stray);
    }
}

async fn a_message_on_its_way_is_never_touched(lab: &Lab) {
    let work = Workplace::new(lab).await;
    for decision in Decision::ALL {
        let (sender, recipient) = ("carla@corp.test", format!("{decision}@deferred.test"));
        lab.sink.refuse(&recipient, "450 4.2.0 not now");
        let content = small_mail(sender, &recipient, "on its way");
        let mut smtp = smtp::Smtp::connect(lab.postfix.plain_smtp).await;
        let mail = Mail::submit_as(&mut smtp, &work.fixture, (sender, &recipient), content).await;
        let log = lab.postfix.log();
        log.line_with(&[mail.id.as_str(), "status=deferred"], BOUND)
            .await;
        work.record(std::slice::from_ref(&mail)).await;
        let confirmed = work.fixture.worker().confirm(&[mail.capture.id]).await;
        assert_eq!(confirmed.unwrap(), [mail.capture.id]);
        work.decide(&mail, decision).await;
        let worker = work.worker(hurry).await;
        let review = work.is(&mail, State::Settled(Disposition::Gone)).await;
        assert_eq!(review.settled.unwrap().method, Method::None);
        worker.stop().await;
        assert!(lab.postfix.queued().contains(&mail.id));
        let acted = log.lines_with(&["postsuper", mail.id.as_str()]);
        assert_eq!(acted, Vec::<String>::new());

        lab.sink.take(&recipient);
        work.flush().await;
        eventually_true("it is delivered as if nothing was", BOUND, async || {
            lab.sink.messages_to(&recipient).len() == 1
        })
        .await;
    }
}

/// Changes one letter of the body in place, or changes it back.
pub fn change(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let word = bytes
        .windows(8)
        .position(|word| word[..5] == *b"Good " && word[6..] == *b"ay");
    let word = word.unwrap() as u64;
    let letter = bytes[word as usize + 5];
    let file = File::options().write(true).open(file).unwrap();
    file.write_at(&[letter ^ 0x20], word + 5).unwrap();
}
