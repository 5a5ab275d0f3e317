//! The form of a file: how long it is and how it opens.

use super::{Findings, tree::Source};

/// The longest file: beyond it nobody reads it at a sitting.
const LINE_LIMIT: usize = 400;

/// Files of code that are too long.
pub fn too_long(files: &[Source]) -> Findings {
    let lengths = files.iter().map(|file| (file, file.text.lines().count()));
    let long = lengths.filter(|(_, length)| *length > LINE_LIMIT);
    long.map(|(file, length)| {
        format!(
            "{}: {length} lines are more than {LINE_LIMIT}: split it by a noun",
            file.path
        )
    })
    .collect()
}

/// Rust files that do not say on their first line what they are for.
pub fn without_purpose(files: &[Source]) -> Findings {
    let silent = files.iter().filter(|file| {
        let purpose = file
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! "));
        purpose.is_none_or(|text| text.trim().is_empty())
    });
    silent
        .map(|file| {
            format!(
                "{}:1: the first line must be `//! ` and what the module is for",
                file.path
            )
        })
        .collect()
}

/// Migrations that do not open with a comment that says why they exist.
pub fn without_reason(migrations: &[Source]) -> Findings {
    let silent = migrations
        .iter()
        .filter(|file| !file.text.starts_with("-- "));
    silent
        .map(|file| {
            format!(
                "{}:1: a migration opens with a comment that says why",
                file.path
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
        LINE_LIMIT, too_long, without_purpose, without_reason,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_file_of_one_line_too_many_is_found,
            a_module_without_its_purpose_is_found,
            a_migration_without_its_reason_is_found,
        ]
    }

    async fn a_file_of_one_line_too_many_is_found() {
        none(&too_long(&[Source::new(
            "src/a.rs",
            &"x\n".repeat(LINE_LIMIT),
        )]));
        let long = Source::new("src/a.rs", &"x\n".repeat(LINE_LIMIT + 1));
        one(&too_long(&[long]), &["src/a.rs", "401"]);
    }

    async fn a_module_without_its_purpose_is_found() {
        none(&without_purpose(&[Source::new("src/a.rs", "//! Reads.\n")]));
        for text in [
            "",
            "//!\n",
            "use std::fs;\n//! Reads.\n",
            "/// Reads.\n",
            "\n//! Reads.\n",
        ] {
            one(
                &without_purpose(&[Source::new("src/a.rs", text)]),
                &["src/a.rs:1"],
            );
        }
    }

    async fn a_migration_without_its_reason_is_found() {
        none(&without_reason(&[Source::new(
            "1.sql",
            "-- Why: so.\ncreate …",
        )]));
        one(
            &without_reason(&[Source::new("1.sql", "create table a ();")]),
            &["1.sql:1"],
        );
    }
}
