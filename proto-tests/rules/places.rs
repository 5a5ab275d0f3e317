//! The top of the repository holds what a newcomer needs, and nothing else.

use super::Findings;

/// What belongs at the top.
const TOP: [&str; 18] = [
    ".ci",
    ".clippy.toml",
    ".gitignore",
    ".rustfmt.toml",
    ".sqlx",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "bench",
    "build.rs",
    "config",
    "demo",
    "docs",
    "proto-tests",
    "src",
    "test",
];

/// Names at the top that do not belong there, and those that are missing.
pub fn at_top(names: &[String]) -> Findings {
    let strange = names.iter().filter(|name| !TOP.contains(&&***name));
    let missing = TOP
        .iter()
        .filter(|name| !names.iter().any(|there| there == *name));
    strange
        .map(|name| format!("{name}: does not belong at the top"))
        .chain(missing.map(|name| format!("{name}: is missing at the top")))
        .collect()
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one},
        TOP, at_top,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone: a_strange_or_missing_name_at_the_top_is_found]
    }

    async fn a_strange_or_missing_name_at_the_top_is_found() {
        let mut names: Vec<String> = TOP.map(str::to_owned).into();
        none(&at_top(&names));
        names.push("notes.txt".to_owned());
        one(&at_top(&names), &["notes.txt"]);
        names.truncate(TOP.len() - 1);
        one(&at_top(&names), &["test: is missing"]);
    }
}
