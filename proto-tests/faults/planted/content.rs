//! I8: bytes and envelopes that changed on the way.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        truth::{HELD, RELEASED, TWIN},
    },
    finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_body_that_changed_on_its_way_is_found,
        a_header_that_changed_on_its_way_is_found,
        a_sender_that_changed_on_its_way_is_found,
        a_recipient_whom_nobody_wrote_to_is_found,
        a_capture_of_another_content_is_found,
        a_capture_without_one_of_the_recipients_is_found,
        a_file_on_hold_that_changed_is_found,
        a_file_on_hold_that_cannot_be_read_is_found,
    ]
}

async fn a_body_that_changed_on_its_way_is_found() {
    finds(Invariant::SameBytes, |truth| {
        truth.arrived(RELEASED).imprint.body = "00".to_owned();
    });
}

async fn a_header_that_changed_on_its_way_is_found() {
    finds(Invariant::SameBytes, |truth| {
        truth.arrived(RELEASED).imprint.header = "00".to_owned();
    });
}

async fn a_sender_that_changed_on_its_way_is_found() {
    finds(Invariant::SameBytes, |truth| {
        truth.arrived(RELEASED).sender = "else@corp.test".to_owned();
    });
}

async fn a_recipient_whom_nobody_wrote_to_is_found() {
    finds(Invariant::SameBytes, |truth| {
        let recipients = &mut truth.arrived(RELEASED).recipients;
        recipients.push("else@elsewhere.test".to_owned());
    });
}

async fn a_capture_of_another_content_is_found() {
    finds(Invariant::SameBytes, |truth| {
        let other = "00".to_owned();
        truth.captured(TWIN).imprint.whole = other.clone();
        truth.captured(TWIN).digest = other.clone();
        truth.file(TWIN).digest = Some(other);
    });
}

async fn a_capture_without_one_of_the_recipients_is_found() {
    finds(Invariant::SameBytes, |truth| {
        truth.captured(HELD).recipients.pop();
    });
}

async fn a_file_on_hold_that_changed_is_found() {
    finds(Invariant::SameBytes, |truth| {
        truth.file(HELD).digest = Some("00".to_owned());
    });
}

async fn a_file_on_hold_that_cannot_be_read_is_found() {
    finds(Invariant::SameBytes, |truth| truth.file(HELD).digest = None);
}
