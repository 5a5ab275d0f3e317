//! I15: faults that nobody saw, or too late, and cures that nobody saw.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;

use super::{
    super::{checker::Invariant, truth::Truth},
    accepts, finds,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_fault_that_nobody_sees_is_found,
        a_fault_that_is_seen_late_is_found,
        a_fault_that_is_seen_after_its_cure_only_is_found,
        a_fault_that_is_seen_by_another_ones_sign_only_is_found,
        a_look_that_began_before_the_fault_tells_nothing_of_it,
        a_cure_that_nobody_sees_is_found,
        a_cure_that_is_seen_late_is_found,
        a_fault_after_one_that_is_still_seen_is_not_judged_and_that_is_told,
        a_fault_before_which_nobody_looked_is_not_judged,
        a_fault_that_ended_early_by_itself_need_not_be_seen,
        a_run_in_which_no_fault_could_be_judged_proves_nothing,
        a_fault_that_is_seen_in_time_is_told_with_its_times,
    ]
}

/// What is seen of the first fault: red in these seconds after its begin. It is cured after 33.
fn seen(truth: &mut Truth, (red, green): (i64, i64)) {
    truth.seen(0, "milter store_unreachable", red..green);
}

async fn a_fault_that_nobody_sees_is_found() {
    finds(Invariant::FailVisible, |truth| seen(truth, (0, 0)));
}

async fn a_fault_that_is_seen_late_is_found() {
    accepts(|truth| seen(truth, (29, 40)));
    finds(Invariant::FailVisible, |truth| seen(truth, (31, 40)));
}

async fn a_fault_that_is_seen_after_its_cure_only_is_found() {
    finds(Invariant::FailVisible, |truth| seen(truth, (34, 40)));
}

async fn a_fault_that_is_seen_by_another_ones_sign_only_is_found() {
    finds(Invariant::FailVisible, |truth| {
        truth.seen(0, "milter away", 2..40);
    });
}

async fn a_look_that_began_before_the_fault_tells_nothing_of_it() {
    finds(Invariant::FailVisible, |truth| {
        seen(truth, (0, 0));
        let begin = truth.history.alone[0].from;
        let mut looks = truth.found.looks.iter_mut();
        let look = looks.find(|look| look.to > begin).unwrap();
        look.from = begin - chrono::TimeDelta::milliseconds(1);
        look.signs = BTreeSet::from(["milter store_unreachable".to_owned()]);
    });
}

async fn a_cure_that_nobody_sees_is_found() {
    finds(Invariant::FailVisible, |truth| seen(truth, (3, 1_000)));
}

async fn a_cure_that_is_seen_late_is_found() {
    accepts(|truth| seen(truth, (3, 33 + 59)));
    finds(Invariant::FailVisible, |truth| seen(truth, (3, 33 + 61)));
}

/// The second one is judged.
fn not_judged(plant: impl FnOnce(&mut Truth), why: &str) {
    let mut truth = Truth::new();
    plant(&mut truth);
    let report = truth.report();
    assert!(
        report.is_clean() && report.unexamined().is_empty(),
        "\n{report}"
    );
    let found = report.of(Invariant::FailVisible);
    assert_eq!(found.n_examined, 1, "\n{report}");
    let told = format!("    not judged: PostgreSQL stopped: {why}\n");
    assert!(report.to_string().contains(&told), "\n{report}");
}

async fn a_fault_after_one_that_is_still_seen_is_not_judged_and_that_is_told() {
    not_judged(|truth| seen(truth, (-5, 40)), "all was not green before it");
}

async fn a_fault_before_which_nobody_looked_is_not_judged() {
    let why = "nobody looked before it";
    let begin = |truth: &Truth| truth.history.alone[0].from;
    not_judged(
        |truth| {
            let begin = begin(truth);
            truth.found.looks.retain(|look| look.from > begin);
        },
        why,
    );
    not_judged(
        |truth| {
            let begin = begin(truth);
            let seconds = |look: &super::super::snapshot::Look| (begin - look.to).num_seconds();
            truth
                .found
                .looks
                .retain(|look| !(0..11).contains(&seconds(look)));
        },
        why,
    );
}

async fn a_fault_that_ended_early_by_itself_need_not_be_seen() {
    not_judged(
        |truth| {
            seen(truth, (0, 0));
            let alone = &mut truth.history.alone[0];
            alone.to = alone.from + chrono::TimeDelta::seconds(8);
        },
        "it ended before it had to be seen",
    );
}

async fn a_run_in_which_no_fault_could_be_judged_proves_nothing() {
    let mut truth = Truth::new();
    truth.found.looks.clear();
    assert_eq!(truth.report().unexamined(), [Invariant::FailVisible]);
}

async fn a_fault_that_is_seen_in_time_is_told_with_its_times() {
    let mut truth = Truth::new();
    seen(&mut truth, (3, 40));
    let told = super::super::checker::seen(&truth.found.looks, &truth.history.alone[0]).to_string();
    assert!(told.contains("red after 3.1 s"), "{told}");
    assert!(told.contains("green after 7.1 s"), "{told}");
    seen(&mut truth, (31, 1_000));
    let told = super::super::checker::seen(&truth.found.looks, &truth.history.alone[0]).to_string();
    assert!(told.contains("red after 31.1 s: late"), "{told}");
    assert!(told.contains("green after never"), "{told}");
}
