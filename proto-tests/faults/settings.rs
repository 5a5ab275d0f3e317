//! What the programs of a house run with: short pauses, so that a run of minutes sees what else takes
//! hours. Never changes what they promise.

use std::{net::SocketAddr, path::Path};

use crate::lab::{
    Tools,
    certificates::Authority,
    desk::{HOUSE, REVIEWERS},
    postfix::Postfix,
    postgres::Database,
    settings::Settings,
    slapd::{PEOPLE, SERVICE, Slapd},
};

use super::disk::Disk;

/// How long a decision belongs to a worker: one that is frozen for longer has lost it.
pub const LEASE_SECONDS: u64 = 10;

/// More than a house's Postfix ever takes.
pub const MILTER_SEATS: usize = 100;

/// What a house's settings name.
pub struct Servers<'a> {
    /// The directory of the lab.
    pub tools: &'a Tools,
    /// The directory with the people.
    pub slapd: &'a Slapd,
    /// Who signed its certificate.
    pub authority: &'a Authority,
    /// The database.
    pub database: &'a Database,
    /// The mail server.
    pub postfix: &'a Postfix,
    /// Where the spool is.
    pub disk: &'a Disk,
    /// Where the milter makes its sockets.
    pub sockets: &'a Path,
    /// Where the way to the directory begins.
    pub directory: SocketAddr,
}

/// The settings that all three processes share.
pub fn of(servers: Servers<'_>) -> Settings {
    let Servers {
        slapd,
        postfix,
        sockets,
        ..
    } = servers;
    let shown = |path: &Path| path.display().to_string();
    let socket = |name: &str| {
        let path = format!("unix:{}", shown(&sockets.join(name)));
        (path, &*postfix.name)
    };
    let mut settings = servers.tools.settings(servers.database);
    settings
        .listen(&[socket("smtp.sock"), socket("local.sock")])
        .set("log.format", "json")
        .set("milter.max_connections", MILTER_SEATS as i64)
        .set("worker.instance", postfix.name.as_str())
        .set("worker.poll", "1s")
        .set("worker.lease", format!("{LEASE_SECONDS}s"))
        .set("worker.batch", 20)
        .set("worker.max_backoff", "5s")
        .set("recorder.batch", 20)
        .set("postfix.command_timeout", "5s")
        .set(
            "directory.ldap.urls",
            vec![format!("ldaps://{}", servers.directory)],
        )
        .set("directory.ldap.ca_file", shown(&servers.authority.file))
        .set("directory.ldap.base", PEOPLE)
        .set("directory.ldap.bind_dn", SERVICE)
        .set(
            "directory.ldap.bind_password_file",
            shown(&slapd.service_password),
        )
        .set("directory.ldap.mirror", "on")
        // The shortest that it may be: soon after the server has gone, memory answers no more.
        .set("directory.ldap.mirror_max_age", "10s")
        .set("policy.internal_domains", vec![HOUSE.to_owned()])
        .set("spool.directory", shown(&servers.disk.spool()))
        // Low, so that a write meets a full disk too.
        .set("spool.min_free_percent", 1)
        .set("spool.min_free", "1 MiB")
        .set("postfix.config_directory", shown(&postfix.config_directory))
        .set("postfix.log", shown(&postfix.log_path()))
        .set("reviews.reviewers", REVIEWERS.map(str::to_owned).to_vec());
    settings
}

/// Has Postfix try again within seconds what it else tries within minutes.
pub async fn hurry(postfix: &Postfix) {
    let wakeups = ["pickup/unix/wakeup=3", "qmgr/unix/wakeup=3"];
    postfix
        .command("postconf")
        .arguments(["-F"])
        .arguments(wakeups)
        .run(b"")
        .await;
    postfix
        .set(&[
            "minimal_backoff_time=2s",
            "maximal_backoff_time=5s",
            "queue_run_delay=2s",
            "smtp_connect_timeout=5s",
            "smtp_helo_timeout=10s",
            "smtp_mail_timeout=10s",
            "smtp_rcpt_timeout=10s",
            "smtp_data_init_timeout=10s",
            "smtp_data_xfer_timeout=20s",
            "smtp_data_done_timeout=20s",
            "smtp_quit_timeout=5s",
            "smtpd_timeout=60s",
            "ipc_timeout=60s",
        ])
        .await;
}
