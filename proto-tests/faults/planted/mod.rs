//! The checker is checked: a history in which all is well has no violation, and each violation that
//! is planted in it is found, by the invariant that it violates and by no other.

mod bystanders;
mod content;
mod decisions;
mod escapes;
mod ghosts;
mod leaks;
mod losses;
mod records;
mod twice;
mod visible;

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    checker::{Invariant, check},
    ledger::History,
    snapshot::Snapshot,
    truth::Truth,
};
use crate::trials::{Trials, tests};

/// All tests of the checker.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let own = tests![trials.alone:
        a_history_in_which_all_is_well_has_no_violation,
        what_nothing_was_examined_for_is_told_and_is_no_proof,
        a_report_names_the_first_violations_only,
    ];
    [
        own,
        escapes::tests(trials),
        losses::tests(trials),
        records::tests(trials),
        ghosts::tests(trials),
        decisions::tests(trials),
        twice::tests(trials),
        content::tests(trials),
        bystanders::tests(trials),
        leaks::tests(trials),
        visible::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The checker finds what is planted, under this invariant and no other.
fn finds(invariant: Invariant, plant: impl FnOnce(&mut Truth)) {
    let mut truth = Truth::new();
    plant(&mut truth);
    let report = truth.report();
    assert_eq!(report.violated(), [invariant], "\n{report}");
}

/// What looks wrong is not.
fn accepts(change: impl FnOnce(&mut Truth)) {
    let mut truth = Truth::new();
    change(&mut truth);
    let report = truth.report();
    assert!(report.is_clean(), "\n{report}");
}

async fn a_history_in_which_all_is_well_has_no_violation() {
    let report = Truth::new().report();
    assert!(report.is_clean(), "\n{report}");
    assert!(report.unexamined().is_empty(), "\n{report}");
}

async fn what_nothing_was_examined_for_is_told_and_is_no_proof() {
    let report = check(&History::default(), &Snapshot::default());
    assert!(report.is_clean());
    // Most runs have no fault that is alone.
    let [wanted @ .., Invariant::FailVisible] = Invariant::ALL else {
        panic!("the last one is another");
    };
    assert_eq!(report.unexamined(), wanted);
    let text = report.to_string();
    assert_eq!(text.matches("nothing examined, nothing proved").count(), 10);
    assert_eq!(text.matches("nothing to examine in this run").count(), 1);
}

async fn a_report_names_the_first_violations_only() {
    let mut truth = Truth::new();
    for number in 0..7 {
        let mut file = truth.found.queue_files[0].clone();
        file.name = format!("4jWkMG900{number}z1z");
        truth.found.queue_files.push(file);
    }
    let report = truth.report();
    let ghosts = report.of(Invariant::NoGhosts);
    assert_eq!(ghosts.n_violations, 7);
    assert_eq!(ghosts.examples.len(), 5);
    let text = report.to_string();
    let line = text.lines().find(|line| line.starts_with("I4")).unwrap();
    let counted = format!("7 violations of {} examined", ghosts.n_examined);
    assert!(line.ends_with(&counted), "{line}");
}
