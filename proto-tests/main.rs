//! The one test program: tests, and the demo, against real servers of a private lab.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test ends at the first broken assumption, and its reports are for a person"
)]

mod bench;
mod cli;
mod dangers;
mod demo;
mod directory;
mod faults;
mod harness;
#[expect(dead_code, reason = "the lab grows ahead of the tests")]
mod lab;
mod live;
mod metadata;
mod mirror;
mod outline;
mod policy;
mod postfix;
mod protection;
mod reload;
mod rules;
mod shipped;
mod signing;
mod store;
mod telemetry;
mod tidy;
mod trials;
mod visible;
mod web;
mod wire;
mod worker;

use std::process::ExitCode;

use trials::Trials;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some(harness::leftovers::ABANDON) => harness::leftovers::abandon_lab(&words[1]),
        Some("--faults") => faults::command(&words[1..]),
        Some("bench") => bench::run(&words[1..]),
        Some("with-database") => metadata::with_database(&words[1..]),
        Some(wire::child::MILTER) => wire::child::run(&words[1..]),
        Some("demo") => demo::run(&words[1..]),
        Some("pictures") => web::pictures::command(&words[1..]),
        _ => run_tests(),
    }
}

fn run_tests() -> ExitCode {
    let trials = Trials::new();
    let mut tests = Vec::new();
    tests.extend(tidy::tests(&trials));
    tests.extend(shipped::tests(&trials));
    tests.extend(harness::mail::tests(&trials));
    tests.extend(harness::servers::tests(&trials));
    tests.extend(harness::logins::tests(&trials));
    tests.extend(harness::sudo::tests(&trials));
    tests.extend(harness::desk::tests(&trials));
    tests.extend(harness::waiting::tests(&trials));
    tests.extend(harness::leftovers::tests(&trials));
    tests.extend(bench::proof::tests(&trials));
    tests.extend(cli::tests(&trials));
    tests.extend(dangers::tests(&trials));
    tests.extend(directory::tests(&trials));
    tests.extend(live::tests(&trials));
    tests.extend(mirror::tests(&trials));
    tests.extend(outline::tests(&trials));
    tests.extend(policy::tests(&trials));
    tests.extend(postfix::tests(&trials));
    tests.extend(protection::tests(&trials));
    tests.extend(reload::tests(&trials));
    tests.extend(signing::tests(&trials));
    tests.extend(store::tests(&trials));
    tests.extend(telemetry::tests(&trials));
    tests.extend(visible::tests(&trials));
    tests.extend(web::tests(&trials));
    tests.extend(wire::tests(&trials));
    tests.extend(worker::tests(&trials));
    // The last of them wants the machine for itself.
    tests.extend(faults::tests(&trials));
    trials.run(tests)
}
