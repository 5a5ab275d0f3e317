//! Which sections each process reads, and the settings that it makes of them.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;

use super::{
    fault::Faults,
    file::ConfigFile,
    ldap::{ask_for, refuse_late},
    parts::{
        database, directory_settings, instance, log_settings, milter_settings, postfix_settings,
        recorder_settings, spool_settings,
    },
    policy::policy_settings,
    section::Section,
};
use crate::{
    directory::{self, Outage},
    domain::{instance::Instance, policy::Policy},
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
    /// Who may adopt strays.
    pub administrators: Vec<String>,
    /// `[reviews.database]`
    pub database: store::Settings,
}

/// All that `mailhold explain` needs.
pub struct ExplainConfig {
    /// `[directory]`
    pub directory: directory::Settings,
    /// What happens while the directory cannot be asked.
    pub outage: Outage,
    /// `[policy]`
    pub policy: Policy,
    /// All that a look-up may take.
    pub mail_deadline: Duration,
}

/// The passwords that `mailhold migrate --create-roles` gives.
pub struct Logins {
    /// The password of each process's login, where its section names a file.
    pub milter_password: Option<SecretString>,
    /// As above.
    pub worker_password: Option<SecretString>,
    /// As above.
    pub outline_password: Option<SecretString>,
    /// As above.
    pub web_password: Option<SecretString>,
    /// As above.
    pub reviews_password: Option<SecretString>,
}

/// The sections of the file.
pub(super) const SECTIONS: [&str; 14] = [
    "log",
    "milter",
    "directory",
    "policy",
    "spool",
    "recorder",
    "worker",
    "postfix",
    "outline",
    "web",
    "review",
    "audit",
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
    let policy = policy_settings(&file.section("policy"));
    let (directory, outage) = directory(file, &policy);
    if let directory::Settings::Ldap(ldap) = &directory {
        let section = file.section("directory").section("ldap");
        refuse_late(&section, ldap, milter.mail_deadline);
    }
    let spool = spool_settings(&file.section("spool"));
    let recorder = recorder_settings(&file.section("recorder"));
    file.finish(MilterConfig {
        log,
        milter,
        metrics,
        database,
        directory,
        outage,
        policy,
        spool,
        recorder,
    })
}

/// The directory, which must know the groups that the rules name.
fn directory(file: &ConfigFile, policy: &Policy) -> (directory::Settings, Outage) {
    let section = file.section("directory");
    let (mut directory, outage) = directory_settings(&section);
    let groups = policy.groups();
    match &mut directory {
        directory::Settings::Ldap(ldap) => ask_for(&section.section("ldap"), ldap, groups),
        directory::Settings::Table(_) if groups.is_empty() => {}
        directory::Settings::Table(_) => {
            let problem = "\"table\" knows no groups, and a rule of the policy names one";
            section.refuse("backend", problem);
        }
    }
    (directory, outage)
}

/// Reads what the worker needs.
pub fn worker(file: &ConfigFile) -> Result<WorkerConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let log = log_settings(file);
    let section = file.section("worker");
    let worker = worker::Settings {
        instance: instance(&section),
        poll: section.duration("poll", "5s"),
        reconcile: section.duration("reconcile", "15s"),
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

/// Reads what an explanation of a mail needs: who is asked, and the rules.
pub fn explain(file: &ConfigFile) -> Result<ExplainConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let policy = policy_settings(&file.section("policy"));
    let (directory, outage) = directory(file, &policy);
    let mail_deadline = file.section("milter").duration("mail_deadline", "5s");
    file.finish(ExplainConfig {
        directory,
        outage,
        policy,
        mail_deadline,
    })
}

/// Reads what the command line for reviewers needs.
pub fn reviews(file: &ConfigFile) -> Result<ReviewsConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let section = file.section("reviews");
    let reviewers = section.texts("reviewers", &[]);
    let administrators = section.texts("administrators", &[]);
    let database = database(
        &section,
        "postgres://mailhold_reviews@localhost/mailhold",
        2,
    );
    section.refuse_unknown();
    file.finish(ReviewsConfig {
        reviewers,
        administrators,
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
        outline_password: password("outline"),
        web_password: password("web"),
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
