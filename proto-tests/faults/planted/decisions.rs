//! I5 and I7: decisions that do not stand, and acts and records that are not what was decided.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        ledger::{Act, Heard},
        truth::{DISCARDED, HELD, RELEASED, TWIN, Truth},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        two_deciders_who_were_both_told_that_theirs_stands_are_found,
        an_acknowledged_decision_that_is_not_stored_is_found,
        an_acknowledged_decision_that_was_overwritten_is_found,
        a_decider_who_was_told_of_another_winner_is_found,
        a_decision_that_nobody_made_is_found,
        a_decision_that_was_refused_and_stands_is_found,
        a_decision_whose_end_nobody_heard_may_stand_or_not,
        a_wrong_message_that_was_removed_is_found,
        a_message_that_was_released_instead_of_discarded_is_found,
        a_discarded_message_that_is_still_on_hold_is_found,
        a_settlement_that_is_not_what_was_decided_is_found,
        a_settlement_by_the_wrong_method_is_found,
        a_state_without_its_settlement_is_found,
        mail_that_is_called_gone_and_nobody_moved_is_found,
        a_discard_that_was_never_logged_may_be_called_gone_where_the_record_says_so,
        a_discard_that_is_called_gone_while_the_alarm_stands_is_told_by_its_own_line,
        a_release_that_was_never_logged_and_is_called_gone_is_found,
        a_discard_that_is_called_gone_though_it_was_logged_is_found,
        a_discard_that_is_called_gone_and_nobody_was_told_is_found,
        a_discard_that_is_called_gone_for_another_reason_is_found,
        accepted_mail_that_is_called_never_queued_is_found,
        work_that_is_left_for_what_is_settled_is_found,
    ]
}

fn ballot_of<'a>(truth: &'a mut Truth, id: &str, decision: &str) -> &'a mut Heard {
    let capture_id = truth.captured(id).capture_id.clone();
    let mut ballots = truth.history.ballots.iter_mut();
    let ballot = ballots.find(|one| one.capture_id == capture_id && one.decision == decision);
    &mut ballot.unwrap().heard
}

async fn two_deciders_who_were_both_told_that_theirs_stands_are_found() {
    finds(Invariant::OneDecision, |truth| {
        *ballot_of(truth, RELEASED, "discard") = Heard::Acknowledged;
    });
}

async fn an_acknowledged_decision_that_is_not_stored_is_found() {
    finds(Invariant::OneDecision, |truth| {
        truth.ballot(HELD, "release", "rita", Heard::Acknowledged);
    });
}

async fn an_acknowledged_decision_that_was_overwritten_is_found() {
    finds(Invariant::OneDecision, |truth| {
        let capture_id = truth.captured(RELEASED).capture_id.clone();
        let mut decisions = truth.found.decisions.iter_mut();
        let decision = decisions.find(|one| one.capture_id == capture_id);
        decision.unwrap().reviewer = "somebody".to_owned();
    });
}

async fn a_decider_who_was_told_of_another_winner_is_found() {
    finds(Invariant::OneDecision, |truth| {
        *ballot_of(truth, RELEASED, "discard") = Heard::LostTo {
            decision: "return".to_owned(),
            reviewer: "rita".to_owned(),
        };
    });
}

async fn a_decision_that_nobody_made_is_found() {
    finds(Invariant::OneDecision, |truth| {
        let capture_id = truth.captured(DISCARDED).capture_id.clone();
        truth
            .history
            .ballots
            .retain(|one| one.capture_id != capture_id);
    });
}

async fn a_decision_that_was_refused_and_stands_is_found() {
    finds(Invariant::OneDecision, |truth| {
        *ballot_of(truth, DISCARDED, "discard") = Heard::Refused("not held yet".to_owned());
    });
}

async fn a_decision_whose_end_nobody_heard_may_stand_or_not() {
    accepts(|truth| {
        let unknown = Heard::Unknown("cut".to_owned());
        *ballot_of(truth, DISCARDED, "discard") = unknown.clone();
        truth.ballot(HELD, "release", "rita", unknown);
    });
}

async fn a_wrong_message_that_was_removed_is_found() {
    finds(Invariant::RightMessage, |truth| {
        truth.moved(TWIN, Act::Remove)
    });
}

async fn a_message_that_was_released_instead_of_discarded_is_found() {
    finds(Invariant::RightMessage, |truth| {
        let mut moved = truth.found.moved.iter_mut();
        moved.find(|one| one.queue_id == DISCARDED).unwrap().act = Act::Release;
    });
}

async fn a_discarded_message_that_is_still_on_hold_is_found() {
    finds(Invariant::RightMessage, |truth| {
        truth.queue(DISCARDED, "hold")
    });
}

async fn a_settlement_that_is_not_what_was_decided_is_found() {
    finds(Invariant::RightMessage, |truth| {
        truth.captured(DISCARDED).state = "returned".to_owned();
        truth.settled(DISCARDED).disposition = "returned".to_owned();
        truth.settled(DISCARDED).method = "expire".to_owned();
    });
}

async fn a_settlement_by_the_wrong_method_is_found() {
    finds(Invariant::RightMessage, |truth| {
        truth.settled(RELEASED).method = "delete".to_owned();
    });
}

async fn a_state_without_its_settlement_is_found() {
    finds(Invariant::RightMessage, |truth| {
        let capture_id = truth.captured(RELEASED).capture_id.clone();
        truth
            .found
            .settlements
            .retain(|one| one.capture_id != capture_id);
    });
}

/// Told as a stray, so that the file on hold is no ghost.
fn ended(truth: &mut Truth, state: &str) {
    truth.end(HELD, state, "none");
    truth.found.strays.insert(HELD.to_owned());
}

async fn mail_that_is_called_gone_and_nobody_moved_is_found() {
    finds(Invariant::RightMessage, |truth| ended(truth, "gone"));
}

/// What is left when a worker and its command die between the file and the line in the log.
fn unlogged(truth: &mut Truth, id: &str) {
    truth.found.moved.retain(|moved| moved.queue_id != id);
    truth.captured(id).state = "gone".to_owned();
    let settlement = truth.settled(id);
    settlement.disposition = "gone".to_owned();
    settlement.method = "none".to_owned();
}

/// The same as a worker records it, and as it tells a person.
fn in_doubt(truth: &mut Truth, id: &str) {
    unlogged(truth, id);
    let evidence = "this worker or another hand moved it, no log tells which";
    truth.settled(id).evidence = evidence.to_owned();
    truth.log_line("worker", "ERROR", &format!("{id}: {evidence}"));
}

async fn a_discard_that_was_never_logged_may_be_called_gone_where_the_record_says_so() {
    accepts(|truth| in_doubt(truth, DISCARDED));
}

async fn a_discard_that_is_called_gone_while_the_alarm_stands_is_told_by_its_own_line() {
    accepts(|truth| {
        in_doubt(truth, DISCARDED);
        truth.found.log_lines.retain(|line| line.level != "ERROR");
        truth.log_line("worker", "INFO", &format!("{DISCARDED}: gone"));
        truth.found.log_lines.last_mut().unwrap().event = "message.gone".to_owned();
    });
}

async fn a_release_that_was_never_logged_and_is_called_gone_is_found() {
    finds(Invariant::RightMessage, |truth| in_doubt(truth, RELEASED));
}

async fn a_discard_that_is_called_gone_for_another_reason_is_found() {
    finds(Invariant::RightMessage, |truth| unlogged(truth, DISCARDED));
}

async fn a_discard_that_is_called_gone_though_it_was_logged_is_found() {
    finds(Invariant::RightMessage, |truth| {
        let moved = truth.found.moved.clone();
        in_doubt(truth, DISCARDED);
        truth.found.moved = moved;
    });
}

async fn a_discard_that_is_called_gone_and_nobody_was_told_is_found() {
    finds(Invariant::RightMessage, |truth| {
        unlogged(truth, DISCARDED);
        truth.settled(DISCARDED).evidence = "this worker or another hand moved it".to_owned();
    });
}

async fn accepted_mail_that_is_called_never_queued_is_found() {
    finds(Invariant::RightMessage, |truth| {
        ended(truth, "never_queued")
    });
}

async fn work_that_is_left_for_what_is_settled_is_found() {
    finds(Invariant::RightMessage, |truth| {
        let capture_id = truth.captured(RELEASED).capture_id.clone();
        truth.found.work.insert(capture_id);
    });
}
