//! I6: what acted more than once.

use std::sync::Arc;

use chrono::TimeDelta;
use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        ledger::{Act, Disturbance, Heard, Trouble},
        snapshot::Decision,
        truth::{DISCARDED, HELD, RELEASED, REQUEUED, RETURNED, Truth},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_message_that_arrived_twice_is_found,
        a_message_that_arrived_under_both_of_its_names_is_found,
        a_sender_who_was_told_twice_is_found,
        a_message_that_was_released_twice_is_found,
        a_message_that_was_removed_twice_is_found,
        a_message_that_was_released_and_requeued_is_found,
        a_decision_that_was_never_carried_out_is_found,
        a_decision_that_cannot_be_carried_out_is_alarmed_and_may_wait,
        a_cut_connection_to_the_receiver_explains_a_second_arrival,
        a_cut_connection_at_another_time_explains_nothing,
    ]
}

async fn a_message_that_arrived_twice_is_found() {
    finds(Invariant::ApplyOnce, |truth| truth.deliver(&[RELEASED], 1));
}

async fn a_message_that_arrived_under_both_of_its_names_is_found() {
    finds(Invariant::ApplyOnce, |truth| {
        truth.deliver(&[REQUEUED[0]], 1)
    });
}

async fn a_sender_who_was_told_twice_is_found() {
    finds(Invariant::ApplyOnce, |truth| truth.bounce(RETURNED));
}

async fn a_message_that_was_released_twice_is_found() {
    finds(Invariant::ApplyOnce, |truth| {
        truth.moved(RELEASED, Act::Release)
    });
}

async fn a_message_that_was_removed_twice_is_found() {
    finds(Invariant::ApplyOnce, |truth| {
        truth.moved(DISCARDED, Act::Remove)
    });
}

async fn a_message_that_was_released_and_requeued_is_found() {
    finds(Invariant::ApplyOnce, |truth| {
        truth.moved(RELEASED, Act::Requeue)
    });
}

fn decided(truth: &mut Truth) {
    truth.captured(HELD).state = "decided".to_owned();
    truth.ballot(HELD, "release", "rita", Heard::Acknowledged);
    let capture_id = truth.captured(HELD).capture_id.clone();
    let created_at = truth.tick();
    truth.found.work.insert(capture_id.clone());
    truth.found.decisions.push(Decision {
        capture_id,
        decision: "release".to_owned(),
        reviewer: "rita".to_owned(),
        created_at,
    });
}

async fn a_decision_that_was_never_carried_out_is_found() {
    finds(Invariant::ApplyOnce, decided);
}

async fn a_decision_that_cannot_be_carried_out_is_alarmed_and_may_wait() {
    accepts(|truth| {
        decided(truth);
        truth.log_line(
            "worker",
            "ERROR",
            &format!("{HELD}: not the captured message"),
        );
    });
}

fn cut(truth: &mut Truth, seconds: i64) {
    truth.deliver(&[RELEASED], 1);
    let from = truth.arrived(RELEASED).at + TimeDelta::seconds(seconds);
    let to = from + TimeDelta::milliseconds(10);
    let trouble = Trouble::SinkCut;
    truth
        .history
        .disturbances
        .push(Disturbance { trouble, from, to });
}

async fn a_cut_connection_to_the_receiver_explains_a_second_arrival() {
    accepts(|truth| cut(truth, 0));
}

async fn a_cut_connection_at_another_time_explains_nothing() {
    finds(Invariant::ApplyOnce, |truth| cut(truth, -5));
}
