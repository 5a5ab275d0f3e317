//! I3: accepted mail without a whole capture.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        snapshot::SpoolFile,
        truth::{HELD, LOCAL, Truth},
    },
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        accepted_mail_without_a_capture_is_found,
        local_mail_without_a_capture_is_found,
        a_capture_whose_content_is_cut_off_is_found,
        a_capture_whose_content_has_another_digest_is_found,
        what_waits_in_the_spool_is_durable,
        what_is_left_in_an_idle_spool_is_no_capture,
    ]
}

/// Told as a stray, so that the file on hold is no ghost.
fn without_capture(truth: &mut Truth) {
    truth.forget_captured(HELD);
    truth.found.strays.insert(HELD.to_owned());
}

fn in_spool(truth: &mut Truth, n_waiting: u64) {
    let canary = truth.submission(HELD).canary.clone();
    truth.found.spool_files.push(SpoolFile {
        path: "segments/one".to_owned(),
        size_bytes: 1_000,
        canaries: BTreeSet::from([canary]),
    });
    truth.found.spool_waiting = Some(n_waiting);
}

async fn accepted_mail_without_a_capture_is_found() {
    finds(Invariant::Durable, without_capture);
}

async fn local_mail_without_a_capture_is_found() {
    finds(Invariant::Durable, |truth| {
        // On hold, where no decision or delivery tells of it.
        let capture_id = truth.captured(LOCAL).capture_id.clone();
        truth.forget_captured(LOCAL);
        truth.forget_arrived(LOCAL);
        truth
            .found
            .decisions
            .retain(|one| one.capture_id != capture_id);
        truth
            .history
            .ballots
            .retain(|one| one.capture_id != capture_id);
        truth
            .found
            .settlements
            .retain(|one| one.capture_id != capture_id);
        truth.found.moved.retain(|one| one.queue_id != LOCAL);
        truth.queue(LOCAL, "hold");
        truth.found.strays.insert(LOCAL.to_owned());
    });
}

async fn a_capture_whose_content_is_cut_off_is_found() {
    finds(Invariant::Durable, |truth| {
        truth.captured(HELD).imprint.size_bytes -= 1;
    });
}

async fn a_capture_whose_content_has_another_digest_is_found() {
    finds(Invariant::Durable, |truth| {
        truth.captured(HELD).imprint.whole = "00".to_owned();
    });
}

async fn what_waits_in_the_spool_is_durable() {
    accepts(|truth| {
        truth.forget_captured(HELD);
        in_spool(truth, 1);
    });
}

async fn what_is_left_in_an_idle_spool_is_no_capture() {
    finds(Invariant::Durable, |truth| {
        without_capture(truth);
        in_spool(truth, 0);
    });
}
