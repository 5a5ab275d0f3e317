//! Another hand is faster: the record says so, an alarm tells a person, and nothing else happens.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::{reviews::Settled, settlements::Method},
};

use super::{
    mails::Mail,
    stand_in::StandIn,
    workplace::{BOUND, Workplace},
};
use crate::{
    lab::{Lab, role::Role},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_released_by_hand_is_gone,
        a_message_removed_by_hand_is_gone,
        a_message_requeued_by_hand_is_gone,
        what_a_hand_did_before_the_decision_is_not_taken_for_ours,
        what_a_hand_did_while_the_worker_could_not_act_is_not_taken_for_ours,
        what_a_hand_did_between_look_and_command_is_not_taken_for_ours,
        a_message_that_vanished_without_a_line_in_the_log_is_gone,
    ]
}

async fn a_message_released_by_hand_is_gone(lab: &Lab) {
    gone_by_hand(lab, "-H", Decision::Release, "Released").await;
    gone_by_hand(lab, "-H", Decision::Discard, "Released").await;
}

async fn a_message_removed_by_hand_is_gone(lab: &Lab) {
    gone_by_hand(lab, "-d", Decision::Discard, "Removed").await;
    gone_by_hand(lab, "-d", Decision::Release, "Removed").await;
}

async fn a_message_requeued_by_hand_is_gone(lab: &Lab) {
    gone_by_hand(lab, "-r", Decision::Release, "Requeued").await;
}

/// A decided message is moved by hand before a worker comes; another one beside it is not.
async fn gone_by_hand(lab: &Lab, option: &str, decision: Decision, effect: &str) {
    let work = Workplace::new(lab).await;
    let mails = work.all_held(2).await;
    work.decide(&mails[0], decision).await;
    work.by_hand(option, &mails[0]).await;
    let worker = work.worker(|_| {}).await;
    let settled = is_gone(&work, &worker, &mails[0]).await;
    assert!(settled.evidence.contains(effect), "{}", settled.evidence);
    work.is_untouched(&mails[1]);
    assert_eq!(work.review(&mails[1]).await.state, State::Held);
}

async fn what_a_hand_did_before_the_decision_is_not_taken_for_ours(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.held().await;
    work.by_hand("-H", &mail).await;
    work.decide(&mail, Decision::Release).await;
    // An attempt that came to nothing: the next one is not the first.
    work.fixture.claim("another").await;
    work.make_due().await;
    let worker = work.worker(|_| {}).await;
    is_gone(&work, &worker, &mail).await;
}

async fn what_a_hand_did_while_the_worker_could_not_act_is_not_taken_for_ours(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let refusal = "echo 'sudo: a password is required' >&2; exit 1";
    let stand_in = StandIn::new(&lab.tools.place, Some(refusal));
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    let reason = work.put_off(&mail).await;
    assert!(reason.contains("a password is required"), "{reason}");
    work.by_hand("-H", &mail).await;
    let settled = is_gone(&work, &worker, &mail).await;
    assert!(
        settled.evidence.contains("Released"),
        "{}",
        settled.evidence
    );
}

async fn what_a_hand_did_between_look_and_command_is_not_taken_for_ours(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let stand_in = StandIn::new(&lab.tools.place, Some("gate before; real \"$@\""));
    stand_in.shut("before");
    let mail = work.decided(Decision::Release).await;
    let worker = work.worker(|settings| stand_in.serve(settings)).await;
    stand_in.reached("before").await;
    work.by_hand("-d", &mail).await;
    stand_in.open("before");
    let settled = is_gone(&work, &worker, &mail).await;
    assert!(settled.evidence.contains("Removed"), "{}", settled.evidence);
    assert!(lab.sink.messages_to(&mail.recipient).is_empty());
}

async fn a_message_that_vanished_without_a_line_in_the_log_is_gone(lab: &Lab) {
    let work = Workplace::new(lab).await;
    let mail = work.decided(Decision::Discard).await;
    std::fs::remove_file(work.hold_file(&mail)).unwrap();
    let worker = work.worker(|_| {}).await;
    let settled = is_gone(&work, &worker, &mail).await;
    assert!(
        settled.evidence.contains("no log tells"),
        "{}",
        settled.evidence
    );
}

/// Recorded as gone, with the alarm and the event of it.
async fn is_gone(work: &Workplace<'_>, worker: &Role, mail: &Mail) -> Settled {
    let review = work.is(mail, State::Settled(Disposition::Gone)).await;
    let settled = review.settled.unwrap();
    assert_eq!(settled.method, Method::None);
    worker
        .event_with(&["message.gone", mail.id.as_str()], BOUND)
        .await;
    let alarm = worker.metric("mailhold_alarm{kind=\"gone\"}").await;
    assert_eq!(alarm, 1.0);
    assert_eq!(worker.metric("mailhold_gone_total").await, 1.0);
    settled
}
