//! The command line: reads the configuration, builds what a process works with, and runs it.

mod args;
mod audit;
mod check;
mod explain;
mod migrate;
mod milter;
mod outline;
mod password;
mod person;
mod plain;
mod record;
mod reload;
mod reviews;
mod signals;
mod strays;
mod watched;
mod web;
mod worker;

use std::{num::NonZero, process::ExitCode, time::Duration};

use clap::Parser;

use self::args::{Arguments, Command};
use crate::{
    failpoint,
    store::{Store, StoreError},
    telemetry::events,
};

/// Exit codes after sysexits.h.
mod exit {
    /// A command line that cannot be understood.
    pub const USAGE: u8 = 64;
    /// A decision that was refused, most often because another one stands; a record that is not whole.
    pub const REFUSED: u8 = 1;
    /// No such review.
    pub const NO_INPUT: u8 = 66;
    /// A service that is needed is away.
    pub const UNAVAILABLE: u8 = 69;
    /// A fault of our own.
    pub const SOFTWARE: u8 = 70;
    /// Not allowed.
    pub const NO_PERMISSION: u8 = 77;
    /// A fault in the configuration.
    pub const CONFIG: u8 = 78;
}

/// Runs the program.
pub fn run() -> ExitCode {
    failpoint::begin!(_scenario);
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return explain(&refusal),
    };
    let config = arguments.config;
    let outcome = match arguments.command {
        Command::Milter => milter::run(&config),
        Command::Worker => worker::run(&config),
        Command::Outline => outline::run(&config),
        Command::Web => web::run(&config),
        Command::OutlineReader(arguments) => outline::read(&arguments),
        Command::Reviews(arguments) => reviews::run(&config, &arguments),
        Command::Strays(arguments) => strays::run(&config, &arguments),
        Command::Audit(arguments) => audit::run(&config, &arguments),
        Command::Password(arguments) => password::run(&arguments),
        Command::Watched(arguments) => watched::run(&config, &arguments),
        Command::Migrate(arguments) => migrate::run(&config, &arguments),
        Command::Check(arguments) => check::run(&config, &arguments),
        Command::Explain(arguments) => explain::run(&config, &arguments),
    };
    outcome.unwrap_or_else(|failure| failure.report())
}

/// Help was asked for, or the command line cannot be understood.
fn explain(refusal: &clap::Error) -> ExitCode {
    // Without a terminal to write to, the exit code still tells.
    let _written = refusal.print();
    ExitCode::from(if refusal.use_stderr() { exit::USAGE } else { 0 })
}

/// Why a command ended early, and its exit code.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self {
            code,
            error: error.into(),
        }
    }

    #[expect(
        clippy::print_stderr,
        reason = "the last word of a command that failed"
    )]
    fn report(self) -> ExitCode {
        eprintln!("mailhold: {:#}", self.error);
        ExitCode::from(self.code)
    }
}

impl From<crate::config::Faults> for Failure {
    fn from(faults: crate::config::Faults) -> Self {
        Self::new(exit::CONFIG, faults)
    }
}

/// A database that is away is waited for; one of another version or under a wrong URL is not.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let code = if matches!(error, StoreError::Url { .. } | StoreError::Schema(_)) {
            exit::CONFIG
        } else if error.is_transient() {
            exit::UNAVAILABLE
        } else {
            exit::SOFTWARE
        };
        Self::new(code, error)
    }
}

type Outcome = Result<ExitCode, Failure>;

/// Longer than any process lives.
const FOR_GOOD: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);

/// A thread for work that blocks, once started, stays: tokio panics when the system refuses it the
/// only one (`runtime/blocking/pool.rs: spawn_blocking`), and waits for one that there is.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let n_cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let built = tokio::runtime::Builder::new_multi_thread()
        // A held message is a third of a millisecond of work in many small steps: threads that wake
        // each other for every one of them cost more than they bring.
        .worker_threads((n_cores / 4).clamp(1, 4))
        .enable_all()
        .thread_keep_alive(FOR_GOOD)
        .build();
    let runtime = built.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    // The first one, while it is to be had.
    drop(runtime.spawn_blocking(|| ()));
    Ok(runtime)
}

/// Only the worker has a use for root.
fn refuse_root(role: &str) -> Result<(), Failure> {
    if nix::unistd::geteuid().is_root() {
        let text = format!("the {role} must not run as root: give it a user of its own");
        return Err(Failure::new(exit::NO_PERMISSION, anyhow::Error::msg(text)));
    }
    Ok(())
}

/// Refuses a schema of another version. A database that is away is waited for: mail goes on.
async fn check_schema(store: &Store) -> Result<(), Failure> {
    match store.check_schema().await {
        Err(error) if error.is_transient() => {
            events::store_unreachable(&error);
            Ok(())
        }
        checked => Ok(checked?),
    }
}
