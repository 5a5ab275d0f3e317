//! I11: logs and figures that tell of a message.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    super::{checker::Invariant, truth::HELD},
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        an_address_in_a_log_is_found,
        an_address_in_a_line_that_is_no_event_is_found,
        a_part_of_a_message_in_a_log_is_found_at_any_level,
        a_part_of_a_message_in_the_figures_is_found,
        an_address_in_a_line_for_whoever_looks_for_a_fault_is_no_leak,
    ]
}

async fn an_address_in_a_log_is_found() {
    finds(Invariant::NoLeak, |truth| {
        let text = format!("cannot reach {}.", truth.submission(HELD).recipients[0]);
        truth.log_line("worker", "WARN", &text);
    });
}

async fn an_address_in_a_line_that_is_no_event_is_found() {
    finds(Invariant::NoLeak, |truth| {
        let text = format!("panicked at <{}>", truth.submission(HELD).sender);
        truth.log_line("milter", "", &text);
    });
}

async fn a_part_of_a_message_in_a_log_is_found_at_any_level() {
    finds(Invariant::NoLeak, |truth| {
        let text = format!("the subject is {} x", truth.submission(HELD).canary);
        truth.log_line("milter", "DEBUG", &text);
    });
}

async fn a_part_of_a_message_in_the_figures_is_found() {
    finds(Invariant::NoLeak, |truth| {
        let label = format!(
            "mailhold_x{{subject=\"{}\"}} 1",
            truth.submission(HELD).canary
        );
        truth.found.figures.insert("worker".to_owned(), label);
    });
}

async fn an_address_in_a_line_for_whoever_looks_for_a_fault_is_no_leak() {
    accepts(|truth| {
        let text = format!("looked up {}", truth.submission(HELD).sender);
        truth.log_line("milter", "DEBUG", &text);
    });
}
