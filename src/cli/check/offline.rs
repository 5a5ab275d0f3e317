//! The settings file alone: all its faults at once, without asking any server.

use super::super::Failure;
use crate::config::{ConfigFile, Faults, audit, desk, roles};

/// Reads what every process would read.
pub fn check(file: &ConfigFile, name: &str) -> Result<(), Failure> {
    let results = [
        roles::milter(file).map(drop),
        roles::worker(file).map(drop),
        roles::reviews(file).map(drop),
        roles::migrate(file).map(drop),
        audit::key(file).map(drop),
        desk::outline(file).map(drop),
        // A site without the review desk has no such section.
        match desk::has_web(file) {
            true => desk::web(file).map(drop),
            false => Ok(()),
        },
        roles::instances(file),
    ];
    let mut faults: Vec<_> = results
        .into_iter()
        .filter_map(Result::err)
        .flat_map(|f| f.faults)
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort();
    faults.dedup();
    Err(Faults {
        path: name.to_owned(),
        faults,
    }
    .into())
}
