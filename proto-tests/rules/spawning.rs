//! Programs are started in one file of the product and in the lab, and nowhere else.

use super::{Findings, paths, tokens, tree::Source};

/// Where programs may be started: by the product, by the lab, and for a caller of the test program.
const PLACES: [&str; 4] = [
    "src/postfix/command.rs",
    "src/outline/child.rs",
    "proto-tests/lab/",
    "proto-tests/metadata.rs",
];

/// Ways to start one, whatever they are called through.
const WAYS: [&str; 7] = [
    "CommandExt",
    "fork",
    "vfork",
    "execv",
    "execve",
    "execvp",
    "posix_spawn",
];

/// Files that can start a program and may not.
pub fn broken(files: &[Source]) -> Findings {
    let outside = files
        .iter()
        .filter(|file| !PLACES.iter().any(|place| file.path.starts_with(place)));
    outside.flat_map(broken_in).collect()
}

fn broken_in(file: &Source) -> Findings {
    let from_process = paths::of(file).into_iter().filter(|named| {
        // `std::process::Command`, `tokio::process::Command`, and either by way of `use …::process`.
        let mut steps = named.steps.iter().map(String::as_str);
        let found = steps.any(|step| step == "process");
        found && matches!(steps.next(), Some("Command" | "*"))
    });
    let renamed = tokens::of(file)
        .windows(2)
        .filter(|pair| pair[0].is("process") && pair[1].is("as"))
        .map(|pair| pair[0].line)
        .collect::<Vec<_>>();
    let ways = tokens::of(file).into_iter();
    let ways = ways.filter(|token| token.word().is_some_and(|word| WAYS.contains(&word)));
    let lines = from_process
        .map(|named| named.line)
        .chain(renamed)
        .chain(ways.map(|token| token.line));
    lines
        .map(|line| {
            format!(
                "{}:{line}: programs are started in {} only",
                file.path,
                PLACES.join(" and ")
            )
        })
        .collect()
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        broken,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_program_started_elsewhere_is_found,
            words_that_only_look_like_it_are_not_found,
        ]
    }

    async fn a_program_started_elsewhere_is_found() {
        for text in [
            "use std::process::Command;",
            "use std::process::{self, Command};",
            "use tokio::{fs, process::Command as Run};",
            "fn f() { std::process::Command::new(\"/bin/sh\"); }",
            "use std::process; fn f() { process::Command::new(\"/bin/sh\"); }",
            "use std::process as p;",
            "use std::process::*;",
            "use nix::unistd::fork;",
        ] {
            one(
                &broken(&[Source::new("src/worker/settle.rs", text)]),
                &["src/worker/settle.rs:1"],
            );
            none(&broken(&[Source::new("src/postfix/command.rs", text)]));
        }
    }

    async fn words_that_only_look_like_it_are_not_found() {
        let text =
            "use std::process::{ExitCode, id}; use super::args::Command; fn f(c: Command) {}";
        none(&broken(&[Source::new("src/cli/mod.rs", text)]));
    }
}
