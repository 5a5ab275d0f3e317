//! docs/policy.md says what the tests try: its cases are theirs, its house is theirs, and its settings
//! are accepted.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    config::{ConfigFile, roles},
    domain::policy::overlap,
};
use toml::Table;

use super::cases::TABLES;
use crate::{
    rules::{
        Findings, none, one, tables,
        tree::{self, Source},
    },
    trials::{Trials, tests},
};

const PAGE: &str = "docs/policy.md";
const SAMPLE: &str = "config/mailhold.toml";
/// The section whose first settings are those of the house in which the cases happen.
const CASES: &str = "## The cases";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        the_page_has_every_case_and_no_other,
        a_case_that_the_page_lacks_invents_or_tells_otherwise_is_found,
        the_settings_of_the_page_are_accepted,
        no_rule_of_the_page_is_out_of_reach,
    ]
}

/// The `[policy]` section of the house in which the cases happen.
pub fn house() -> Table {
    let page = tree::file(PAGE);
    let (_, cases) = page.text.split_once(CASES).expect("a section of cases");
    let example = examples(cases).into_iter().next();
    example.expect("the settings of the house")
}

/// The `[policy]` sections that a page gives.
fn examples(page: &str) -> Vec<Table> {
    let blocks = page.split("```toml\n").skip(1);
    let example = |block: &str| {
        let (text, _) = block.split_once("```").expect("the end of an example");
        let table: Table = text.parse().unwrap_or_else(|e| panic!("{text}\n{e}"));
        let others: Vec<_> = table.keys().filter(|key| *key != "policy").collect();
        assert!(others.is_empty(), "other sections: {others:?}");
        table["policy"].as_table().unwrap().clone()
    };
    blocks.map(example).collect()
}

/// The sample file with the settings of an example in place of its own.
fn with(example: &Table) -> ConfigFile {
    let mut file: Table = tree::file(SAMPLE).text.parse().unwrap();
    let policy = file["policy"].as_table_mut().unwrap();
    policy.remove("rule");
    policy.extend(example.clone());
    ConfigFile::parse(PAGE, &file.to_string()).unwrap()
}

async fn the_settings_of_the_page_are_accepted() {
    let examples = examples(&tree::file(PAGE).text);
    assert!(examples.len() > 5, "examples are found");
    for example in &examples {
        if let Err(faults) = roles::milter(&with(example)) {
            panic!("{example}\n{faults}");
        }
    }
}

async fn no_rule_of_the_page_is_out_of_reach() {
    for example in examples(&tree::file(PAGE).text) {
        let settings = roles::milter(&with(&example)).unwrap();
        let mut remarks = overlap::remarks(&settings.policy);
        remarks.retain(|remark| remark.contains("can never match"));
        none(&remarks);
    }
}

/// What the page has and the tests have not, and the other way round.
fn differences(page: &Source, title: &str, cases: &[Vec<String>]) -> Findings {
    let told = tables::rows(page, title);
    let line = |row: &Vec<String>| format!("| {} |", row.join(" | "));
    let missing = cases.iter().filter(|case| !told.contains(case));
    let missing = missing.map(|case| format!("{}: a test has {}", page.path, line(case)));
    let untried = told.iter().filter(|row| !cases.contains(row));
    let untried = untried.map(|row| format!("{}: no test has {}", page.path, line(row)));
    let twice = told.iter().enumerate();
    let twice = twice.filter(|(at, row)| told[..*at].contains(row));
    let twice = twice.map(|(_, row)| format!("{}: twice {}", page.path, line(row)));
    missing.chain(untried).chain(twice).collect()
}

async fn the_page_has_every_case_and_no_other() {
    let page = tree::file(PAGE);
    let mut findings = Findings::new();
    for (title, cases) in TABLES {
        let rows: Vec<_> = cases.iter().map(|case| case.row()).collect();
        findings.extend(differences(&page, title, &rows));
    }
    none(&findings);
}

async fn a_case_that_the_page_lacks_invents_or_tells_otherwise_is_found() {
    let row = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
    let [held, free] = [
        row(["A", "hold", "a review: `x`"]),
        row(["B", "free", "a count: `y`"]),
    ];
    let text = "| who | verdict | left |\n|---|---|---|\n| A | hold | a review: `x` |\n\
                | B | free | a count: `y` |\n";
    let found =
        |text: &str, cases: &[Vec<String>]| differences(&Source::new(PAGE, text), "who", cases);
    none(&found(text, &[held.clone(), free.clone()]));
    one(
        &found(text, std::slice::from_ref(&held)),
        &["no test has | B"],
    );
    let more = row(["C", "free", "a count: `y`"]);
    let all = [held.clone(), free.clone(), more];
    one(&found(text, &all), &["a test has | C"]);
    let twice = text.replace("| B |", "| A | hold | a review: `x` |\n| B |");
    one(
        &found(&twice, &[held.clone(), free.clone()]),
        &["twice | A"],
    );
    let otherwise = found(&text.replace("| free |", "| hold |"), &[held, free]);
    assert_eq!(otherwise.len(), 2, "{otherwise:?}");
}
