//! I2: mail that Postfix took, and that is nowhere.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        ledger::{Act, ByHand, Outcome},
        truth::{LOCAL, RELEASED, REQUEUED, RETURNED, UNHEARD},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        released_mail_that_never_arrived_is_found,
        mail_that_reached_one_of_two_recipients_is_found,
        returned_mail_whose_sender_was_not_told_is_found,
        requeued_mail_that_never_arrived_is_found,
        local_mail_that_never_arrived_is_found,
        mail_of_which_no_client_heard_and_that_vanished_from_hold_is_found,
        mail_that_postfix_set_aside_is_found,
        mail_that_a_hand_tried_to_remove_in_vain_and_is_lost_is_found,
        mail_on_its_way_is_not_lost,
        mail_of_which_no_client_heard_may_not_be_there,
    ]
}

async fn released_mail_that_never_arrived_is_found() {
    finds(Invariant::NoLoss, |truth| truth.forget_arrived(RELEASED));
}

async fn mail_that_reached_one_of_two_recipients_is_found() {
    finds(Invariant::NoLoss, |truth| {
        truth.arrived(RELEASED).recipients.pop();
    });
}

async fn returned_mail_whose_sender_was_not_told_is_found() {
    finds(Invariant::NoLoss, |truth| truth.forget_arrived(RETURNED));
}

async fn requeued_mail_that_never_arrived_is_found() {
    finds(Invariant::NoLoss, |truth| truth.forget_arrived(REQUEUED[1]));
}

async fn local_mail_that_never_arrived_is_found() {
    finds(Invariant::NoLoss, |truth| truth.forget_arrived(LOCAL));
}

async fn mail_of_which_no_client_heard_and_that_vanished_from_hold_is_found() {
    finds(Invariant::NoLoss, |truth| truth.forget_arrived(UNHEARD));
}

async fn mail_that_postfix_set_aside_is_found() {
    finds(Invariant::NoLoss, |truth| {
        truth.forget_arrived(RELEASED);
        truth.queue(RELEASED, "corrupt");
    });
}

async fn mail_that_a_hand_tried_to_remove_in_vain_and_is_lost_is_found() {
    finds(Invariant::NoLoss, |truth| {
        truth.forget_arrived(RELEASED);
        let at = truth.tick();
        truth.history.by_hand.push(ByHand {
            queue_id: RELEASED.to_owned(),
            act: Act::Remove,
            at,
            was_done: Some(false),
        });
    });
}

async fn mail_on_its_way_is_not_lost() {
    accepts(|truth| {
        truth.forget_arrived(RELEASED);
        truth.queue(RELEASED, "deferred");
    });
}

async fn mail_of_which_no_client_heard_may_not_be_there() {
    accepts(|truth| {
        let mut submission = truth.history.submissions[0].clone();
        submission.canary =
            super::super::canary::Canary::new(&mut crate::lab::chance::Chance::new(9));
        submission.number = truth.history.submissions.len();
        submission.outcome = Outcome::Unknown("cut".to_owned());
        truth.history.submissions.push(submission);
    });
}
