//! docs/security.md names, for each control that is done, the tests that fail without it.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::page::stands;
use crate::{
    rules::{
        Findings, none, one, tables,
        tree::{self, Source},
    },
    trials::{Trials, tests},
};

const PAGE: &str = "docs/security.md";
const HEAD: &str = "control";
/// How a unit test is named there.
const UNIT: &str = "lib:";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        each_control_that_is_done_names_tests_that_there_are,
        a_control_without_a_test_is_found,
    ]
}

async fn each_control_that_is_done_names_tests_that_there_are() {
    let files = tree::rust();
    none(&broken(&tree::file(PAGE), &files));
}

/// Controls without tests, and tests that there are not.
fn broken(page: &Source, files: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for cells in tables::rows(page, HEAD) {
        let [control, _, tests] = cells.as_slice() else {
            findings.push(format!("{PAGE}: {cells:?} has not three cells"));
            continue;
        };
        let names = tables::names(tests);
        if names.is_empty() {
            findings.push(format!("{PAGE}: {control}: no test"));
        }
        let is_there = |name: &str| match name.strip_prefix(UNIT) {
            Some(name) => stands(files, "src", name),
            None => stands(files, "proto-tests", name),
        };
        let lost = names.iter().filter(|name| !is_there(name));
        findings.extend(lost.map(|name| format!("{PAGE}: {control}: there is no test {name}")));
    }
    findings
}

async fn a_control_without_a_test_is_found() {
    let files = [
        Source::new(
            "proto-tests/web/doors.rs",
            "fn tests() { tests![trials.shared: a_door_is_shut] } async fn a_door_is_shut() {}",
        ),
        Source::new(
            "src/web/paths.rs",
            "mod tests { #[test] fn a_path_stays_here() {} }",
        ),
    ];
    let found = |tests: &str| {
        let head = "| control | done in | test |\n|---|---|---|\n";
        let row = format!("| 1.2.3 doors | `src/web/` | {tests} |\n");
        broken(&Source::new(PAGE, &format!("{head}{row}")), &files)
    };
    none(&found(
        "`web::doors::a_door_is_shut`, `lib:web::paths::tests::a_path_stays_here`",
    ));
    for lost in [
        "`web::doors::a_door_is_open`",
        "`lib:web::doors::a_door_is_shut`",
        "`web::paths::tests::a_path_stays_here`",
    ] {
        one(&found(lost), &["there is no test"]);
    }
    one(&found("later"), &["1.2.3", "no test"]);
}
