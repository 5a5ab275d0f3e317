//! I1: flagged mail that left without a decision.

use std::sync::Arc;

use chrono::TimeDelta;
use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        ledger::{Act, ByHand},
        truth::{DISCARDED, HELD, RELEASED, RETURNED, TWIN, Truth},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_delivery_without_a_decision_is_found,
        a_delivery_before_its_decision_is_found,
        a_delivery_by_the_decision_on_its_twin_is_found,
        a_delivery_of_discarded_mail_is_found,
        a_delivery_without_a_queue_id_is_found,
        flagged_mail_in_a_message_of_somebody_else_is_found,
        a_bounce_without_a_decision_is_found,
        a_bounce_to_somebody_else_is_found,
        a_hand_may_let_go_what_nobody_decided,
        a_hand_that_came_later_explains_nothing,
    ]
}

async fn a_delivery_without_a_decision_is_found() {
    finds(Invariant::NoEscape, |truth| truth.deliver(&[HELD], 3));
}

async fn a_delivery_before_its_decision_is_found() {
    finds(Invariant::NoEscape, |truth| {
        let at = truth.arrived(RELEASED).at;
        let capture_id = truth.captured(RELEASED).capture_id.clone();
        let mut decisions = truth.found.decisions.iter_mut();
        let decision = decisions.find(|one| one.capture_id == capture_id);
        decision.unwrap().created_at = at + TimeDelta::milliseconds(1);
    });
}

async fn a_delivery_by_the_decision_on_its_twin_is_found() {
    finds(Invariant::NoEscape, |truth| truth.deliver(&[TWIN], 1));
}

async fn a_delivery_of_discarded_mail_is_found() {
    finds(Invariant::NoEscape, |truth| truth.deliver(&[DISCARDED], 1));
}

async fn a_delivery_without_a_queue_id_is_found() {
    finds(Invariant::NoEscape, |truth| {
        truth.deliver(&[HELD], 1);
        truth.found.deliveries.last_mut().unwrap().queue_ids.clear();
    });
}

async fn flagged_mail_in_a_message_of_somebody_else_is_found() {
    finds(Invariant::NoEscape, |truth| {
        let canary = truth.submission(HELD).canary.clone();
        truth
            .arrived(super::super::truth::OTHERS)
            .canaries
            .insert(canary);
    });
}

async fn a_bounce_without_a_decision_is_found() {
    finds(Invariant::NoEscape, |truth| truth.bounce(HELD));
}

async fn a_bounce_to_somebody_else_is_found() {
    finds(Invariant::NoEscape, |truth| {
        truth.arrived(RETURNED).recipients = vec!["else@corp.test".to_owned()];
    });
}

fn let_go(truth: &mut Truth, seconds: i64, was_done: Option<bool>) {
    truth.deliver(&[HELD], 3);
    let at = truth.arrived(HELD).at + TimeDelta::seconds(seconds);
    truth.history.by_hand.push(ByHand {
        queue_id: HELD.to_owned(),
        act: Act::Release,
        at,
        was_done,
    });
    truth.moved(HELD, Act::Release);
    truth.found.queue_files.retain(|file| file.name != HELD);
    truth.end(HELD, "gone", "none");
}

async fn a_hand_may_let_go_what_nobody_decided() {
    accepts(|truth| let_go(truth, -1, Some(true)));
}

async fn a_hand_that_came_later_explains_nothing() {
    finds(Invariant::NoEscape, |truth| let_go(truth, 1, None));
}
