//! Which sections each process reads, and the settings that it makes of them.

use std::net::SocketAddr;

use secrecy::SecretString;

use super::{
    fault::Faults,
    file::ConfigFile,
    ldap::refuse_late,
    parts::{
        database, directory_settings, folding, instance, log_settings, milter_settings,
        policy_settings, postfix_settings, recorder_settings, spool_settings,
    },
    section::Section,
};
use crate::{
    directory::{self, Outage},
    domain::{folding::Folding, instance::Instance, policy::Policy},
    milter::{self, recorder},
    postfix, spool, store,
    telemetry::log,
    worker,
};

/// All that `mailhold milter` needs.
pub struct MilterConfig {
    /// `[log]`
    pub log: log::Settings,
    /// `[milter]`
    pub milter: milter::Settings,
    /// Where the figures are served.
    pub metrics: SocketAddr,
    /// `[milter.database]`
    pub database: store::Settings,
    /// `[directory]`
    pub directory: directory::Settings,
    /// What happens while the directory cannot be asked.
    pub outage: Outage,
    /// Which spellings of a mailbox are the same.
    pub folding: Folding,
    /// `[policy]`
    pub policy: Policy,
    /// `[spool]`
    pub spool: spool::Settings,
    /// `[recorder]`
    pub recorder: recorder::Settings,
}

/// All that `mailhold worker` needs.
pub struct WorkerConfig {
    /// `[log]`
    pub log: log::Settings,
    /// `[worker]`
    pub worker: worker::Settings,
    /// Where the figures are served.
    pub metrics: SocketAddr,
    /// `[worker.database]`
    pub database: store::Settings,
    /// `[postfix]`
    pub postfix: postfix::Settings,
}

/// All that `mailhold reviews` needs.
pub struct ReviewsConfig {
    /// Who may be named with `--as`.
    pub reviewers: Vec<String>,
    /// `[reviews.database]`
    pub database: store::Settings,
}

/// The passwords that `mailhold migrate --create-roles` gives.
pub struct Logins {
    /// The password of each process's login, where its section names a file.
    pub milter_password: Option<SecretString>,
    /// As above.
    pub worker_password: Option<SecretString>,
    /// As above.
    pub reviews_password: Option<SecretString>,
}

/// The sections of the file.
const SECTIONS: [&str; 10] = [
    "log",
    "milter",
    "directory",
    "policy",
    "spool",
    "recorder",
    "worker",
    "postfix",
    "reviews",
    "migrate",
];

/// Reads what the milter needs.
pub fn milter(file: &ConfigFile) -> Result<MilterConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let log = log_settings(file);
    let section = file.section("milter");
    let metrics = section.loopback("metrics", "127.0.0.1:9461");
    let milter = milter_settings(&section);
    let database = database(&section, "postgres://mailhold_milter@localhost/mailhold", 4);
    section.refuse_unknown();
    let section = file.section("directory");
    let (directory, outage) = directory_settings(&section);
    if let directory::Settings::Ldap(ldap) = &directory {
        refuse_late(&section.section("ldap"), ldap, milter.mail_deadline);
    }
    let policy = file.section("policy");
    let folding = folding(&policy);
    let policy = policy_settings(&policy);
    let spool = spool_settings(&file.section("spool"));
    let recorder = recorder_settings(&file.section("recorder"));
    file.finish(MilterConfig {
        log,
        milter,
        metrics,
        database,
        directory,
        outage,
        folding,
        policy,
        spool,
        recorder,
    })
}

/// Reads what the worker needs.
pub fn worker(file: &ConfigFile) -> Result<WorkerConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let log = log_settings(file);
    let section = file.section("worker");
    let worker = worker::Settings {
        instance: instance(&section),
        poll: section.duration("poll", "5s"),
        lease: section.duration("lease", "1m"),
        batch: section.number("batch", 500, 1..=10_000),
        max_backoff: section.duration("max_backoff", "5m"),
    };
    let metrics = section.loopback("metrics", "127.0.0.1:9462");
    let database = database(&section, "postgres://mailhold_worker@localhost/mailhold", 4);
    let postfix = postfix_settings(&file.section("postfix"));
    if worker.lease < postfix.command_timeout * 2 {
        section.refuse("lease", "must be at least twice postfix.command_timeout");
    }
    section.refuse_unknown();
    file.finish(WorkerConfig {
        log,
        worker,
        metrics,
        database,
        postfix,
    })
}

/// Reads what the command line for reviewers needs.
pub fn reviews(file: &ConfigFile) -> Result<ReviewsConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let section = file.section("reviews");
    let reviewers = section.texts("reviewers", &[]);
    let database = database(
        &section,
        "postgres://mailhold_reviews@localhost/mailhold",
        2,
    );
    section.refuse_unknown();
    file.finish(ReviewsConfig {
        reviewers,
        database,
    })
}

/// Reads what a migration needs, the passwords of all logins included.
pub fn migrate(file: &ConfigFile) -> Result<store::Settings, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let section = file.section("migrate");
    let settings = database(&section, "postgres://mailhold@localhost/mailhold", 1);
    section.refuse_unknown();
    file.finish(settings)
}

/// Reads the passwords of all logins, for whoever makes them.
pub fn logins(file: &ConfigFile) -> Result<Logins, Faults> {
    let password = |role: &str| {
        file.section(role)
            .section("database")
            .secret("password_file")
    };
    file.finish(Logins {
        milter_password: password("milter"),
        worker_password: password("worker"),
        reviews_password: password("reviews"),
    })
}

/// Refuses a worker for an instance that no listener captures from: with one of the two names
/// misspelt, nothing that is held would ever be seen by the worker.
pub fn instances(file: &ConfigFile) -> Result<(), Faults> {
    let name = |section: &Section<'_>| {
        let named = section.text("instance");
        named.unwrap_or_else(|| Instance::default().to_string())
    };
    let worker = file.section("worker");
    let captured: Vec<String> = file
        .section("milter")
        .sections("listen")
        .iter()
        .map(name)
        .collect();
    let served = name(&worker);
    if !captured.is_empty() && !captured.contains(&served) {
        let captured = captured.join(", ");
        let problem = format!("{served:?} is named by no [[milter.listen]] (they name {captured})");
        worker.refuse("instance", &problem);
    }
    file.finish(())
}
