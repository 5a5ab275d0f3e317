//! I4: what is on hold without a record, and what is recorded and not on hold.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        truth::{HELD, REFUSED, STRAY},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_file_on_hold_without_a_record_is_found,
        a_stray_that_is_not_recorded_is_found,
        a_stray_that_left_hold_and_stays_recorded_is_found,
        a_captured_message_that_is_called_a_stray_is_found,
        a_record_whose_file_left_hold_is_found,
        a_capture_that_was_never_queued_and_stays_so_is_found,
        a_capture_on_hold_that_is_never_confirmed_is_found,
        two_records_of_one_file_are_found,
        a_file_that_is_not_ready_is_no_message_yet,
        a_record_whose_file_left_hold_and_that_is_alarmed_is_no_ghost,
    ]
}

async fn a_file_on_hold_without_a_record_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        let mut file = truth.file(HELD).clone();
        file.name = "4jWkMG9999z1z".to_owned();
        file.canaries.clear();
        truth.found.queue_files.push(file);
    });
}

async fn a_stray_that_is_not_recorded_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        truth.found.strays.remove(STRAY);
    });
}

async fn a_stray_that_left_hold_and_stays_recorded_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        truth.file(STRAY).queue = "deferred".to_owned();
    });
}

async fn a_captured_message_that_is_called_a_stray_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        truth.found.strays.insert(HELD.to_owned());
    });
}

async fn a_record_whose_file_left_hold_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        truth.file(HELD).queue = "deferred".to_owned();
    });
}

async fn a_capture_that_was_never_queued_and_stays_so_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        let capture_id = truth.captured(REFUSED).capture_id.clone();
        truth.captured(REFUSED).state = "captured".to_owned();
        truth
            .found
            .settlements
            .retain(|one| one.capture_id != capture_id);
    });
}

async fn a_capture_on_hold_that_is_never_confirmed_is_found() {
    finds(Invariant::NoGhosts, |truth| {
        truth.captured(HELD).state = "captured".to_owned();
    });
}

async fn two_records_of_one_file_are_found() {
    finds(Invariant::NoGhosts, |truth| truth.capture(HELD, "held"));
}

async fn a_file_that_is_not_ready_is_no_message_yet() {
    accepts(|truth| {
        let mut file = truth.file(HELD).clone();
        file.name = "4jWkMG9999z1z".to_owned();
        file.mode = 0o600;
        file.canaries.clear();
        truth.found.queue_files.push(file);
    });
}

async fn a_record_whose_file_left_hold_and_that_is_alarmed_is_no_ghost() {
    accepts(|truth| {
        truth.file(HELD).queue = "deferred".to_owned();
        truth.log_line(
            "worker",
            "ERROR",
            &format!("{HELD}: not the captured message"),
        );
    });
}
