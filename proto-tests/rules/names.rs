//! Files are called by nouns of the trade.

use super::{Findings, tree::Source};

/// Words that fit every file and so tell nothing.
const EMPTY_WORDS: [&str; 11] = [
    "util", "utils", "helper", "helpers", "manager", "handler", "handlers", "info", "data",
    "common", "misc",
];
/// Verbs that say nothing, and a word with three meanings in a mail system.
const EMPTY_STARTS: [&str; 3] = ["do_", "get_", "process"];

/// Files and directories with an empty name.
pub fn empty(files: &[Source]) -> Findings {
    let mut findings = Findings::new();
    for file in files {
        for step in file.path.split('/') {
            let stem = step.split('.').next().unwrap_or_default();
            let word = stem
                .split(['_', '-'])
                .find(|word| EMPTY_WORDS.contains(word));
            let start = EMPTY_STARTS
                .iter()
                .find(|start| stem.starts_with(**start))
                .copied();
            if let Some(word) = word.or(start) {
                findings.push(format!(
                    "{}: {word:?} tells nothing: use a noun of the trade",
                    file.path
                ));
            }
        }
    }
    findings
}

pub mod tests {
    //! What must be found.

    use std::sync::Arc;

    use libtest_mimic::Trial;

    use super::{
        super::{none, one, tree::Source},
        empty,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone: an_empty_name_is_found_in_a_file_and_in_a_directory]
    }

    async fn an_empty_name_is_found_in_a_file_and_in_a_directory() {
        for path in [
            "src/util.rs",
            "src/mail_helper.rs",
            "src/common/a.rs",
            "src/get_mail.rs",
            "src/processor.rs",
        ] {
            one(&empty(&[Source::new(path, "")]), &[path]);
        }
        for path in [
            "src/database.rs",
            "src/domain/person.rs",
            "src/utility_poles.rs",
        ] {
            none(&empty(&[Source::new(path, "")]));
        }
    }
}
