//! The tree keeps the rules of the house: one test for each. What each rule must find is tested
//! beside it in `rules`. Needs no lab.

use std::{collections::BTreeMap, sync::Arc};

use libtest_mimic::Trial;
use mailhold::telemetry::AlarmKind;

use crate::{
    rules::{
        crates, forms, imports, links, monitoring, names, none, paths, places, settings, spawning,
        tree::{self, Source},
        words,
    },
    trials::{Trials, tests},
};

/// Text that people wrote for this repository; the rest is made by programs or by the licence.
const MADE: [&str; 3] = ["Cargo.lock", ".sqlx/", "LICENSE"];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.alone:
        every_module_uses_only_what_its_floor_may,
        every_fenced_crate_stays_in_its_fence,
        every_dependency_is_used,
        the_domain_is_pure,
        programs_are_started_in_one_place_only,
        log_lines_are_written_in_one_place_only,
        no_file_is_longer_than_400_lines,
        every_module_says_first_what_it_is_for,
        every_migration_says_first_why_it_exists,
        no_work_is_left_for_later,
        no_source_repeats_the_licence,
        no_file_is_called_by_an_empty_word,
        no_file_knows_the_machine_it_was_written_on,
        no_file_tells_how_it_came_about,
        the_top_holds_only_what_belongs_there,
        the_sample_has_every_setting_and_no_other,
        the_monitoring_page_has_every_event_and_no_other,
        the_monitoring_page_has_every_figure_and_no_other,
        the_monitoring_page_has_every_alarm_and_no_other,
        every_link_and_path_of_a_page_leads_somewhere,
    ];
    all.extend(paths::tests::tests(trials));
    all.extend(imports::tests::tests(trials));
    all.extend(crates::tests::tests(trials));
    all.extend(spawning::tests::tests(trials));
    all.extend(forms::tests::tests(trials));
    all.extend(words::tests::tests(trials));
    all.extend(names::tests::tests(trials));
    all.extend(places::tests::tests(trials));
    all.extend(settings::tests::tests(trials));
    all.extend(monitoring::tests::tests(trials));
    all.extend(links::tests::tests(trials));
    all
}

async fn every_module_uses_only_what_its_floor_may() {
    let allowed = imports::table(&tree::file(imports::PAGE));
    none(&imports::broken(&rust_below("src/"), &allowed));
}

async fn every_fenced_crate_stays_in_its_fence() {
    let fences = crates::table(&tree::file(imports::PAGE));
    none(&crates::broken(&rust_below("src/"), &fences));
}

async fn every_dependency_is_used() {
    none(&crates::unused(&tree::file("Cargo.toml"), &tree::rust()));
}

async fn the_domain_is_pure() {
    none(&crates::impure(&rust_below("src/")));
}

async fn programs_are_started_in_one_place_only() {
    none(&spawning::broken(&tree::rust()));
}

async fn log_lines_are_written_in_one_place_only() {
    none(&monitoring::stray_log_lines(&rust_below("src/")));
}

async fn no_file_is_longer_than_400_lines() {
    let mut files = tree::below("src/");
    files.extend(tree::below("proto-tests/"));
    none(&forms::too_long(&files));
}

async fn every_module_says_first_what_it_is_for() {
    none(&forms::without_purpose(&tree::rust()));
}

async fn every_migration_says_first_why_it_exists() {
    none(&forms::without_reason(&tree::below(
        "src/store/migrations/",
    )));
}

async fn no_work_is_left_for_later() {
    none(&words::leftovers(&written()));
}

async fn no_source_repeats_the_licence() {
    let mut files = written();
    files.retain(|file| file.extension() != "md");
    none(&words::licence_blocks(&files));
}

async fn no_file_is_called_by_an_empty_word() {
    none(&names::empty(&tree::all()));
}

async fn no_file_knows_the_machine_it_was_written_on() {
    none(&words::machine_paths(&written()));
}

async fn no_file_tells_how_it_came_about() {
    none(&words::tool_words(&written()));
}

async fn the_top_holds_only_what_belongs_there() {
    none(&places::at_top(&tree::top_level()));
}

async fn the_sample_has_every_setting_and_no_other() {
    let sample = settings::in_sample(&tree::file("config/mailhold.toml"));
    none(&settings::differences(
        &sample,
        &settings::in_code(&tree::below("src/config/")),
    ));
}

async fn the_monitoring_page_has_every_event_and_no_other() {
    let code = monitoring::events(&tree::below(monitoring::EVENTS));
    assert!(code.len() > 20, "events are read: {code:?}");
    none(&monitoring::differences(
        &code,
        &monitoring::events_of(&monitoring_page()),
    ));
}

async fn the_monitoring_page_has_every_figure_and_no_other() {
    let code = monitoring::figures(&tree::below("src/telemetry/"));
    assert!(code.len() > 20, "figures are read: {code:?}");
    none(&monitoring::differences(
        &code,
        &monitoring::figures_of(&monitoring_page()),
    ));
}

async fn the_monitoring_page_has_every_alarm_and_no_other() {
    let words = AlarmKind::ALL.map(|kind| (kind.as_str().to_owned(), String::new()));
    let code = BTreeMap::from(words);
    none(&monitoring::differences(
        &code,
        &monitoring::alarms_of(&monitoring_page()),
    ));
}

async fn every_link_and_path_of_a_page_leads_somewhere() {
    let mut pages = tree::all();
    pages.retain(|file| file.extension() == "md");
    none(&links::broken(&pages, links::is_there));
}

fn monitoring_page() -> Source {
    tree::file("docs/monitoring.md")
}

fn rust_below(start: &str) -> Vec<Source> {
    let mut files = tree::below(start);
    files.retain(|file| file.extension() == "rs");
    files
}

fn written() -> Vec<Source> {
    let mut files = tree::all();
    files.retain(|file| !MADE.iter().any(|made| file.path.starts_with(made)));
    files
}
