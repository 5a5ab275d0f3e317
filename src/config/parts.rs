//! Reads each section into the settings of its module. A fault is noted, and reading goes on.

use std::time::Duration;

use super::{file::ConfigFile, section::Section, value};
use crate::{
    directory::{self, Outage, filter::FilterTemplate, ldap, mirror, reading::Marks, table},
    domain::{
        folding::Folding,
        instance::Instance,
        person::FlagValues,
        policy::{DomainPattern, Policy, RecipientPattern},
    },
    milter::{self, ListenerSettings, listener::Socket, recorder},
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
        drain: section.duration("drain", "30s"),
    }
}

fn listener_settings(section: &Section<'_>) -> Option<ListenerSettings> {
    let named = section.required("socket");
    let socket = section.typed::<Socket>("socket", &named);
    let mode = section.parsed("mode", "0660", value::mode);
    let group = section.text("group");
    let instance = instance(section);
    section.refuse_unknown();
    let socket = match socket? {
        Socket::Unix { path, .. } => Socket::Unix {
            path,
            mode: mode?,
            group,
        },
        inet @ Socket::Inet(_) => inet,
    };
    Some(ListenerSettings { socket, instance })
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

fn ldap_settings(section: &Section<'_>) -> ldap::Settings {
    let filter = |place: &'static str| {
        move |text: &str| FilterTemplate::new(text, place).map_err(|error| error.to_string())
    };
    let default_filter = "(|(mail={address})(mailAlternateAddress={address}))";
    let login = section.text("login_filter");
    let login_filter = match login.as_deref() {
        Some("") => None,
        _ => section.parsed(
            "login_filter",
            "(|(uid={login})(mail={login}))",
            filter("{login}"),
        ),
    };
    let settings = ldap::Settings {
        url: section
            .parsed("url", "ldap://localhost:389", ldap_url)
            .unwrap_or_default(),
        base: section.required("base"),
        bind: ldap_bind(section),
        filter: section
            .parsed("filter", default_filter, filter("{address}"))
            .unwrap_or_default(),
        login_filter,
        marks: Marks {
            attribute: section
                .parsed("attribute", "IsMailMonitor", ldap_attribute)
                .unwrap_or_default(),
            values: FlagValues::new(
                &section.texts("true_values", &["Y", "YES", "TRUE", "T", "1"]),
                &section.texts("false_values", &["N", "NO", "FALSE", "F", "0"]),
            ),
            ..Marks::default()
        },
        max_connections: section.number("max_connections", 8, 1..=256) as usize,
        max_connection_age: section.duration("max_connection_age", "10m"),
        timeout: section.duration("timeout", "3s"),
        mirror: mirror_settings(section),
    };
    section.refuse_unknown();
    settings
}

fn mirror_settings(section: &Section<'_>) -> mirror::Settings {
    use mirror::Wanted;
    let words = [
        ("auto", Wanted::Auto),
        ("on", Wanted::On),
        ("off", Wanted::Off),
    ];
    let max_age = |text: &str| match value::duration(text)? {
        // Signs of life come every two seconds, and one may be waited for as long as for a look-up.
        age if age < Duration::from_secs(10) => Err(format!("{text:?} is less than 10s")),
        age => Ok(age),
    };
    mirror::Settings {
        wanted: section.word("mirror", &words).unwrap_or(Wanted::Auto),
        max_age: section
            .parsed("mirror_max_age", "5m", max_age)
            .unwrap_or_default(),
    }
}

fn ldap_url(text: &str) -> Result<String, String> {
    const SOCKET: &str = "ldapi://%2Frun%2Fslapd%2Fldapi";
    let odd = || format!("{text:?} is not a URL such as \"ldap://localhost:389\"");
    match text.split_once("://") {
        Some(("ldap", place)) => {
            let place = place.strip_suffix('/').unwrap_or(place);
            let (host, port) = match place.rsplit_once(':') {
                // The colons of an IPv6 address stand in brackets.
                Some((host, port)) if !port.contains(']') => (host, port),
                _ => (place, "389"),
            };
            let is_host = !host.is_empty() && !host.contains(['/', '@', '?', ' ']);
            if is_host && port.parse::<u16>().is_ok_and(|port| port > 0) {
                return Ok(text.to_owned());
            }
            Err(odd())
        }
        Some(("ldapi", path)) if path.to_ascii_lowercase().starts_with("%2f") => {
            Ok(text.to_owned())
        }
        Some(("ldapi", _)) => Err(format!("{text:?} names no socket, as {SOCKET:?} does")),
        Some(("ldaps", _)) => {
            Err("ldaps is not supported: use ldap:// on loopback or ldapi://".to_owned())
        }
        _ => Err(odd()),
    }
}

/// A name and its password, or neither. With one alone servers would let us in as nobody, who may
/// see less (RFC 4513, section 5.1).
fn ldap_bind(section: &Section<'_>) -> Option<ldap::Bind> {
    let dn = section.text("bind_dn");
    let password = section.secret("bind_password_file");
    match (dn.as_deref(), section.has("bind_password_file")) {
        (Some(""), _) => section.refuse("bind_dn", "is empty: leave it out for an anonymous bind"),
        (Some(_), false) => {
            section.refuse("bind_password_file", "is missing: bind_dn needs a password");
        }
        (None, true) if !section.has("bind_dn") => {
            section.refuse("bind_dn", "is missing: bind_password_file is for a bind_dn");
        }
        (Some(_), true) | (None, _) => {}
    }
    let (dn, password) = dn.zip(password)?;
    Some(ldap::Bind { dn, password })
}

/// `*`, `1.1` and the like would ask for other attributes than the flag; options are the server's.
fn ldap_attribute(text: &str) -> Result<String, String> {
    let starts_well = text.starts_with(|sign: char| sign.is_ascii_alphabetic());
    let ends_well = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if starts_well && ends_well {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not the name of an attribute such as \"IsMailMonitor\""
    ))
}

pub(super) fn folding(section: &Section<'_>) -> Folding {
    let tag = section.parsed("subaddress_delimiter", "+", |text| match text.as_bytes() {
        [] => Ok(None),
        [sign] if sign.is_ascii_graphic() && !b"@<>\"".contains(sign) => Ok(Some(*sign)),
        _ => Err(format!("{text:?} is not one sign such as \"+\"")),
    });
    let aliases = section.list("domain_aliases", |text| match text.split_once('=') {
        Some((alias, meant)) => Ok((alias.trim().to_owned(), meant.trim().to_owned())),
        None => Err(format!("{text:?} must be \"alias = name\"")),
    });
    let pairs = aliases.iter().map(|(alias, meant)| (&**alias, &**meant));
    Folding::new(tag.flatten(), pairs).unwrap_or_else(|error| {
        section.refuse("domain_aliases", &error.to_string());
        Folding::default()
    })
}

pub(super) fn policy_settings(section: &Section<'_>) -> Policy {
    let internal = section.list("internal_domains", DomainPattern::parse);
    if internal.is_empty() {
        let missing = "is missing: name the domains of the house, such as [\"example.com\"]";
        section.refuse("internal_domains", missing);
    }
    let exempt = section.list("exempt_recipients", RecipientPattern::parse);
    section.refuse_unknown();
    Policy::new(internal, exempt)
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
            .parsed("linger", "5ms", value::duration)
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
