//! Reads each section into the settings of its module. A fault is noted, and reading goes on.

use std::{num::NonZeroU32, time::Duration};

use super::{file::ConfigFile, ldap::ldap_settings, section::Section, value};
use crate::{
    directory::{self, Outage, table},
    domain::{instance::Instance, person::FlagValues, policy::Submitters},
    milter::{self, Entrance, ListenerSettings, listener::Socket, recorder},
    postfix::{self, LogSource},
    spool, store,
    telemetry::log,
};

pub(super) fn log_settings(file: &ConfigFile) -> log::Settings {
    use log::{Format, Level};
    let section = file.section("log");
    let formats = [
        ("auto", Format::Auto),
        ("json", Format::Json),
        ("text", Format::Text),
    ];
    let levels = [
        ("info", Level::Info),
        ("error", Level::Error),
        ("warn", Level::Warn),
        ("debug", Level::Debug),
    ];
    let settings = log::Settings {
        format: section.word("format", &formats).unwrap_or(Format::Auto),
        level: section.word("level", &levels).unwrap_or(Level::Info),
    };
    section.refuse_unknown();
    settings
}

pub(super) fn milter_settings(section: &Section<'_>) -> milter::Settings {
    let listeners: Vec<ListenerSettings> = section
        .sections("listen")
        .iter()
        .filter_map(listener_settings)
        .collect();
    if listeners.is_empty() && !section.has("listen") {
        section.refuse("listen", "is missing: name at least one [[milter.listen]]");
    }
    milter::Settings {
        listeners,
        max_connections: section.number("max_connections", 1_000, 1..=100_000) as usize,
        connection_timeout: section.duration("connection_timeout", "2h"),
        mail_deadline: section.duration("mail_deadline", "5s"),
        end_of_message_deadline: section.duration("end_of_message_deadline", "20s"),
        sender_cap: sender_cap(section),
        drain: section.duration("drain", "30s"),
    }
}

/// Captures per sender and hour; 0 is no cap.
fn sender_cap(section: &Section<'_>) -> Option<NonZeroU32> {
    NonZeroU32::new(section.number("sender_cap", 1_000, 0..=1_000_000))
}

/// Whose mail at a listener is submitted.
const SUBMITTERS: [(&str, Submitters); 2] = [
    ("by-client", Submitters::ByClient),
    ("all", Submitters::All),
];

fn listener_settings(section: &Section<'_>) -> Option<ListenerSettings> {
    let named = section.required("socket");
    let socket = section.typed::<Socket>("socket", &named);
    let mode = section.parsed("mode", "0660", value::mode);
    let group = section.text("group");
    let entrance = Entrance {
        instance: instance(section),
        submitters: section.word("submitted", &SUBMITTERS).unwrap_or_default(),
    };
    section.refuse_unknown();
    let socket = match socket? {
        Socket::Unix { path, .. } => Socket::Unix {
            path,
            mode: mode?,
            group,
        },
        inet @ Socket::Inet(_) => inet,
    };
    Some(ListenerSettings { socket, entrance })
}

pub(super) fn instance(section: &Section<'_>) -> Instance {
    section.typed("instance", "postfix").unwrap_or_default()
}

pub(super) fn database(section: &Section<'_>, url: &str, max_connections: u32) -> store::Settings {
    let section = section.section("database");
    let read = |text: &str| {
        let (address, options) = text.split_once('?').unwrap_or((text, ""));
        let (before, _) = address.rsplit_once('@').unwrap_or_default();
        let login = before.split_once("://").map_or(before, |(_, login)| login);
        if login.contains(':') || options.contains("password=") {
            // Not shown: this may be a terminal that others see.
            let cure = "holds a password: write it into a file and name it in password_file";
            return Err(cure.to_owned());
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(text.to_owned());
        }
        Err(format!("{text:?} is not a URL such as {url:?}"))
    };
    let settings = store::Settings {
        url: section.parsed("url", url, read).unwrap_or_default(),
        password: section.secret("password_file"),
        max_connections,
    };
    section.refuse_unknown();
    settings
}

pub(super) fn directory_settings(section: &Section<'_>) -> (directory::Settings, Outage) {
    let outages = [
        ("tempfail", Outage::Tempfail),
        ("hold", Outage::Hold),
        ("pass", Outage::Pass),
    ];
    let outage = section.word("outage", &outages).unwrap_or(Outage::Tempfail);
    let ldap = section.section("ldap");
    let table = section.section("table");
    let is_ldap = section
        .word("backend", &[("ldap", true), ("table", false)])
        .unwrap_or(true);
    section.refuse_unknown();
    let settings = if is_ldap {
        directory::Settings::Ldap(Box::new(ldap_settings(&ldap)))
    } else {
        let file = table.required("file").into();
        table.refuse_unknown();
        directory::Settings::Table(table::Settings {
            file,
            values: FlagValues::default(),
        })
    };
    (settings, outage)
}

pub(super) fn spool_settings(section: &Section<'_>) -> spool::Settings {
    let percent = section.number("min_free_percent", 10, 0..=90);
    let settings = spool::Settings {
        directory: section.path("directory", "/var/lib/mailhold/spool"),
        min_free_percent: u8::try_from(percent).unwrap_or(10),
        min_free_bytes: section.size("min_free", "2 GiB"),
        memory_limit_bytes: section.size("memory_limit", "256 KiB"),
    };
    section.refuse_unknown();
    settings
}

pub(super) fn recorder_settings(section: &Section<'_>) -> recorder::Settings {
    let settings = recorder::Settings {
        batch: section.number("batch", 500, 1..=10_000) as usize,
        linger: section
            .parsed("linger", "25ms", value::duration)
            .unwrap_or(Duration::ZERO),
        max_backoff: section.duration("max_backoff", "5s"),
    };
    section.refuse_unknown();
    settings
}

pub(super) fn postfix_settings(section: &Section<'_>) -> postfix::Settings {
    let log = |text: &str| match text {
        "journal" => Ok(LogSource::Journal),
        "none" => Ok(LogSource::None),
        path if path.starts_with('/') => Ok(LogSource::File(path.into())),
        other => Err(format!(
            "{other:?} is neither \"journal\", \"none\" nor the path of a log file"
        )),
    };
    let settings = postfix::Settings {
        config_directory: section.path("config_directory", "/etc/postfix"),
        command_directory: section.path("command_directory", "/usr/sbin"),
        sudo: section.path("sudo", "/usr/bin/sudo"),
        log: section
            .parsed("log", "journal", log)
            .unwrap_or(LogSource::None),
        command_timeout: section.duration("command_timeout", "30s"),
    };
    section.refuse_unknown();
    settings
}
