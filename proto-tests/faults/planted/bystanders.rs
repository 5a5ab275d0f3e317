//! I9: other people's mail that was touched.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;

use super::{
    super::{
        checker::Invariant,
        snapshot::{Row, SpoolFile},
        truth::{OTHERS, OTHERS_LOCAL, Truth},
    },
    finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        other_peoples_mail_on_hold_is_found,
        other_peoples_mail_in_a_capture_is_found,
        other_peoples_mail_in_the_spool_is_found,
        other_peoples_mail_that_was_lost_is_found,
        other_peoples_local_mail_that_was_lost_is_found,
        an_address_of_other_people_in_a_table_is_found,
        an_address_of_other_people_in_a_log_is_found,
    ]
}

async fn other_peoples_mail_on_hold_is_found() {
    finds(Invariant::Bystanders, |truth| {
        truth.forget_arrived(OTHERS);
        truth.queue(OTHERS, "hold");
        truth.found.strays.insert(OTHERS.to_owned());
    });
}

async fn other_peoples_mail_in_a_capture_is_found() {
    finds(Invariant::Bystanders, |truth| {
        // Of an earlier try, which Postfix did not take.
        truth.capture(OTHERS, "captured");
        truth.captured(OTHERS).queue_id = "4jWkMG9998z1z".to_owned();
        truth.end("4jWkMG9998z1z", "never_queued", "none");
    });
}

async fn other_peoples_mail_in_the_spool_is_found() {
    finds(Invariant::Bystanders, |truth| {
        let canary = truth.submission(OTHERS).canary.clone();
        truth.found.spool_files.push(SpoolFile {
            path: "aside/one.eml".to_owned(),
            size_bytes: 1_000,
            canaries: BTreeSet::from([canary]),
        });
    });
}

async fn other_peoples_mail_that_was_lost_is_found() {
    finds(Invariant::Bystanders, |truth| truth.forget_arrived(OTHERS));
}

async fn other_peoples_local_mail_that_was_lost_is_found() {
    finds(Invariant::Bystanders, |truth| {
        truth.forget_arrived(OTHERS_LOCAL)
    });
}

fn sender(truth: &mut Truth) -> String {
    truth.submission(OTHERS).sender.clone()
}

async fn an_address_of_other_people_in_a_table_is_found() {
    finds(Invariant::Bystanders, |truth| {
        let text = format!("{{\"identity\":\"{}\"}}", sender(truth));
        let table = "watched".to_owned();
        truth.found.rows.push(Row { table, text });
    });
}

async fn an_address_of_other_people_in_a_log_is_found() {
    finds(Invariant::Bystanders, |truth| {
        let text = format!("looked up <{}>", sender(truth));
        truth.log_line("milter", "DEBUG", &text);
    });
}
