//! `mailhold check`: the settings alone, then, where it is asked for, the servers around them. It
//! changes nothing and sends no mail.

mod live;
mod offline;
mod print;
mod report;

mod alarms;
mod database;
mod directory;
mod files;
mod host;
mod limits;
mod listed;
mod milters;
mod mirror;
mod policy;
mod postfix;
mod services;
mod socket;
mod sudo;

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use super::{Failure, Outcome, args::CheckArguments, exit};
use crate::{
    config::{
        ConfigFile,
        roles::{self, MilterConfig, ReviewsConfig, WorkerConfig},
    },
    domain::policy::overlap,
    postfix::error::PostfixError,
};

/// What the checks compare the servers with.
pub struct Scene {
    /// The settings file, for cures.
    pub file: String,
    /// What the milter would run with.
    pub milter: MilterConfig,
    /// What the worker would run with.
    pub worker: WorkerConfig,
    /// What reviewers would run with.
    pub reviews: ReviewsConfig,
}

impl Scene {
    /// A file of the Postfix instance, for cures.
    pub fn postfix_file(&self, name: &str) -> String {
        let directory = &self.worker.postfix.config_directory;
        directory.join(name).display().to_string()
    }
}

/// Checks the file, and what else is asked for.
pub fn run(config: &Path, arguments: &CheckArguments) -> Outcome {
    let name = config.display().to_string();
    let file = ConfigFile::read(config)?;
    offline::check(&file, &name)?;
    let is_plain = !arguments.json && !arguments.print_postfix;
    if is_plain {
        let mut text = format!("{name}: no fault\n");
        if !arguments.live {
            let remarks = overlap::remarks(&roles::milter(&file)?.policy);
            text.extend(
                remarks
                    .iter()
                    .map(|remark| format!("{name}: note: {remark}\n")),
            );
        }
        let written = io::stdout().write_all(text.as_bytes());
        written.map_err(own_fault)?;
    }
    if !arguments.live && !arguments.print_postfix {
        return Ok(ExitCode::SUCCESS);
    }
    let scene = Scene {
        file: name,
        milter: roles::milter(&file)?,
        worker: roles::worker(&file)?,
        reviews: roles::reviews(&file)?,
    };
    let runtime = super::runtime()?;
    let outcome = if arguments.print_postfix {
        runtime.block_on(print::run(&scene))
    } else {
        let findings = runtime.block_on(live::run(scene));
        let mut out = io::stdout().lock();
        let written = if arguments.json {
            report::json(&mut out, &findings)
        } else {
            let layout = report::Layout::of(&out);
            report::text(&mut out, &findings, layout)
        };
        written.map_err(own_fault)?;
        Ok(ExitCode::from(report::exit_code(&findings)))
    };
    // A look at a dead file system may never end.
    runtime.shutdown_background();
    outcome
}

/// Whether `postconf` may answer later without a change. One that refuses has a reason.
fn is_away(error: &PostfixError) -> bool {
    matches!(
        error,
        PostfixError::Talk { .. } | PostfixError::Overdue { .. } | PostfixError::GivenUp
    )
}

fn own_fault(error: io::Error) -> Failure {
    Failure::new(exit::SOFTWARE, error)
}
