//! `mailhold check`: all faults of the configuration at once, without asking any server.

use std::{io::Write, path::Path, process::ExitCode};

use super::{Failure, Outcome, exit};
use crate::config::{ConfigFile, Faults, roles};

/// Reads what every process would read.
pub fn run(config: &Path) -> Outcome {
    let file = ConfigFile::read(config)?;
    let results = [
        roles::milter(&file).map(drop),
        roles::worker(&file).map(drop),
        roles::reviews(&file).map(drop),
        roles::migrate(&file).map(drop),
        roles::instances(&file),
    ];
    let mut faults: Vec<_> = results
        .into_iter()
        .filter_map(Result::err)
        .flat_map(|f| f.faults)
        .collect();
    if faults.is_empty() {
        let written = writeln!(std::io::stdout(), "{}: no fault", config.display());
        written.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
        return Ok(ExitCode::SUCCESS);
    }
    faults.sort();
    faults.dedup();
    Err(Faults {
        path: config.display().to_string(),
        faults,
    }
    .into())
}
