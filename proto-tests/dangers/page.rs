//! docs/dangers.md has every danger, each with the tests that cover it or the reason why none does.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;

use crate::{
    policy::cases::TABLES,
    rules::{
        Findings, none, one, tables,
        tokens::{self, Kind},
        tree::{self, Source},
    },
    trials::{Trials, tests},
};

const PAGE: &str = "docs/dangers.md";
const HEAD: &str = "danger";
/// How many there are.
const N_DANGERS: usize = 44;
/// How a cell begins that names no test.
const NONE: &str = "No test: ";
/// A reason is at least a clause.
const SHORTEST_REASON: usize = 20;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        the_page_has_every_danger_with_its_tests_or_a_reason,
        a_danger_that_is_missing_or_stands_twice_is_found,
        a_danger_with_neither_test_nor_reason_is_found,
        a_test_that_does_not_exist_or_is_not_listed_is_found,
    ]
}

async fn the_page_has_every_danger_with_its_tests_or_a_reason() {
    let files = tree::rust();
    none(&broken(&tree::file(PAGE), |name| exists(&files, name)));
}

/// Dangers that are missing, twice or in another order; those without a test or reason; tests that
/// there are not.
fn broken(page: &Source, exists: impl Fn(&str) -> bool) -> Findings {
    let rows = tables::rows(page, HEAD);
    let numbers: Vec<&str> = rows.iter().map(|cells| cells[0].as_str()).collect();
    let expected: Vec<String> = (1..=N_DANGERS).map(|n| n.to_string()).collect();
    let mut findings = Findings::new();
    for number in expected
        .iter()
        .filter(|number| !numbers.contains(&&***number))
    {
        findings.push(format!("{PAGE}: danger {number} is missing"));
    }
    if findings.is_empty() && numbers != expected {
        findings.push(format!(
            "{PAGE}: the dangers are not 1 to {N_DANGERS} in order"
        ));
    }
    for cells in &rows {
        let [number, situation, handling, tests] = cells.as_slice() else {
            findings.push(format!("{PAGE}: {cells:?} has not four cells"));
            continue;
        };
        if situation.is_empty() || handling.is_empty() {
            findings.push(format!("{PAGE}: danger {number} is not told"));
        }
        let names = tables::names(tests);
        let reason = tests.strip_prefix(NONE);
        let has_reason = reason.is_some_and(|reason| reason.len() >= SHORTEST_REASON);
        if names.is_empty() && !has_reason {
            findings.push(format!(
                "{PAGE}: danger {number} has neither test nor reason"
            ));
        }
        let lost = names.iter().filter(|name| !exists(name));
        findings
            .extend(lost.map(|name| format!("{PAGE}: danger {number}: there is no test {name}")));
    }
    findings
}

/// Whether there is a test of this name: of the library, of these files, or a case of the policy.
fn exists(files: &[Source], name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else {
        return false;
    };
    if module == "policy::ways" {
        let cases = TABLES.iter().flat_map(|(_, cases)| cases.iter());
        return cases.map(|case| case.sentence()).any(|case| case == test);
    }
    let is_unit_test = module.split("::").any(|step| step == "tests");
    stands(
        files,
        if is_unit_test { "src" } else { "proto-tests" },
        name,
    )
}

/// Whether there is such a test below a directory, listed where tests are listed.
pub fn stands(files: &[Source], start: &str, name: &str) -> bool {
    let Some((module, test)) = name.rsplit_once("::") else {
        return false;
    };
    let words = |file: &Source| {
        let tokens = tokens::of(file);
        let is_function = tokens
            .windows(2)
            .any(|pair| pair[0].is("fn") && pair[1].is(test));
        let n_named = tokens
            .iter()
            .filter(|token| matches!(&token.kind, Kind::Word(word) if word == test))
            .count();
        (is_function, n_named)
    };
    let steps: Vec<&str> = module.split("::").collect();
    // The module of the file is the longest beginning that is one.
    for length in (1..=steps.len()).rev() {
        let path = format!("{start}/{}", steps[..length].join("/"));
        let paths = BTreeSet::from([format!("{path}.rs"), format!("{path}/mod.rs")]);
        let file = files.iter().find(|file| paths.contains(&file.path));
        if let Some((is_function, n_named)) = file.map(words) {
            // A test of these files is named once more, in its list.
            return is_function && (start == "src" || n_named > 1);
        }
    }
    false
}

fn page(rows: &[String]) -> Source {
    let head = "| danger | situation | handling | tests |\n|---|---|---|---|\n";
    Source::new(PAGE, &format!("{head}{}", rows.concat()))
}

fn row(number: usize, tests: &str) -> String {
    format!("| {number} | it rains | an umbrella | {tests} |\n")
}

async fn a_danger_that_is_missing_or_stands_twice_is_found() {
    let rows: Vec<String> = (1..=N_DANGERS).map(|n| row(n, "`a::b`")).collect();
    let found = |rows: &[String]| broken(&page(rows), |_| true);
    none(&found(&rows));
    one(&found(&rows[1..]), &["danger 1 is missing"]);
    let mut twice = rows.clone();
    twice.push(row(7, "`a::b`"));
    one(&found(&twice), &["in order"]);
    let mut untold = rows;
    untold[2] = "| 3 | it rains | | `a::b` |\n".to_owned();
    one(&found(&untold), &["danger 3 is not told"]);
}

async fn a_danger_with_neither_test_nor_reason_is_found() {
    let with = |tests: &str| {
        let mut rows: Vec<String> = (1..=N_DANGERS).map(|n| row(n, "`a::b`")).collect();
        rows[4] = row(5, tests);
        broken(&page(&rows), |_| true)
    };
    none(&with("No test: it never rains in this country."));
    for tests in ["", "later", "No test: ", "No test: so.", "a::b"] {
        one(&with(tests), &["danger 5 has neither"]);
    }
}

async fn a_test_that_does_not_exist_or_is_not_listed_is_found() {
    let files = [
        Source::new(
            "proto-tests/worker/flow.rs",
            "fn tests() { tests![trials.shared: one_test] } async fn one_test() {} fn unlisted() {}",
        ),
        Source::new(
            "src/mail/author.rs",
            "fn read() {} mod tests { #[test] fn one_unit_test() {} }",
        ),
    ];
    let exists = |name: &str| exists(&files, name);
    assert!(exists("worker::flow::one_test"));
    assert!(exists("mail::author::tests::one_unit_test"));
    assert!(exists("policy::ways::a_flagged_login_is_held"));
    for name in [
        "worker::flow::another_test",
        "worker::flow::unlisted",
        "worker::flaw::one_test",
        "mail::author::tests::another",
        "mail::author::read",
        "policy::ways::a_flagged_login_is_free",
        "one_test",
    ] {
        assert!(!exists(name), "{name}");
    }
    let rows: Vec<String> = (1..=N_DANGERS)
        .map(|n| row(n, "`worker::flow::gone`"))
        .collect();
    assert_eq!(broken(&page(&rows), exists).len(), N_DANGERS);
}
