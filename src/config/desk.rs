//! Reads the sections of the review desk: what takes messages apart, and what shows them.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use chrono::TimeDelta;

use super::{
    fault::Faults,
    file::ConfigFile,
    parts::{database, log_settings},
    policy::policy_settings,
    roles::SECTIONS,
    section::Section,
    sign_in::sign_in_settings,
};
use crate::{
    directory::sign_in,
    domain::folding::Folding,
    mail, outline, store,
    store::sessions::Limits,
    telemetry::log,
    web::{self, House, Listen},
};

/// All that `mailhold outline` needs.
pub struct OutlineConfig {
    /// `[log]`
    pub log: log::Settings,
    /// `[outline]`
    pub outline: outline::Settings,
    /// Where the figures are served.
    pub metrics: SocketAddr,
    /// `[outline.database]`
    pub database: store::Settings,
}

/// Reads what the outline process needs.
pub fn outline(file: &ConfigFile) -> Result<OutlineConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let log = log_settings(file);
    let section = file.section("outline");
    let metrics = section.loopback("metrics", "127.0.0.1:9463");
    let outline = outline_settings(&section);
    let connections = outline.readers + 2;
    let database = database(
        &section,
        "postgres://mailhold_outline@localhost/mailhold",
        connections,
    );
    section.refuse_unknown();
    file.finish(OutlineConfig {
        log,
        outline,
        metrics,
        database,
    })
}

fn outline_settings(section: &Section<'_>) -> outline::Settings {
    let known = mail::Limits::default();
    outline::Settings {
        poll: section.duration("poll", "5s"),
        readers: section.number("readers", 2, 1..=64),
        deadline: section.duration("deadline", "20s"),
        size_limit_bytes: section.size("size_limit", "64 MiB"),
        memory_limit_bytes: section.size("memory_limit", "1 GiB"),
        limits: mail::Limits {
            depth: section.number("depth", known.depth, 1..=100),
            parts: section.number("parts", known.parts, 1..=10_000),
            ..known
        },
    }
}

/// All that `mailhold web` needs.
pub struct WebConfig {
    /// `[log]`
    pub log: log::Settings,
    /// `[web]`
    pub web: web::Settings,
    /// `[web.sign_in]`
    pub sign_in: sign_in::Settings,
    /// Where the figures are served.
    pub metrics: SocketAddr,
    /// `[web.database]`
    pub database: store::Settings,
    /// Which spellings are one person's: `[policy]`.
    pub folding: Folding,
}

/// Whether the file has a section for the review desk.
pub fn has_web(file: &ConfigFile) -> bool {
    file.section("web").has("sign_in")
}

/// Reads what the web needs.
pub fn web(file: &ConfigFile) -> Result<WebConfig, Faults> {
    file.refuse_unknown_sections(&SECTIONS);
    let log = log_settings(file);
    let section = file.section("web");
    let metrics = section.loopback("metrics", "127.0.0.1:9464");
    let database = database(&section, "postgres://mailhold_web@localhost/mailhold", 8);
    let ldap = file.section("directory").section("ldap");
    let sign_in = sign_in_settings(&section.section("sign_in"), &ldap);
    let policy = policy_settings(&file.section("policy"));
    let review = file.section("review");
    let due_after = review.duration("due_after", "4h");
    review.refuse_unknown();
    let web = web::Settings {
        listen: listen(&section),
        hosts: hosts(&section),
        session: Limits {
            idle: section.duration("session_idle", "30m"),
            absolute: section.duration("session_longest", "12h"),
        },
        due_after: TimeDelta::from_std(due_after).unwrap_or(TimeDelta::MAX),
        house: House {
            domains: policy.internal,
        },
        shown: file.shown(&["log", "web", "review", "policy"]),
    };
    section.refuse_unknown();
    file.finish(WebConfig {
        log,
        web,
        sign_in,
        metrics,
        database,
        folding: policy.folding,
    })
}

fn hosts(section: &Section<'_>) -> Vec<String> {
    let hosts = section.texts("hosts", &["localhost:8443"]);
    if hosts.is_empty() {
        section.refuse("hosts", "names none, so no browser would be answered");
    }
    hosts
}

fn listen(section: &Section<'_>) -> Listen {
    let files = ["certificate_file", "key_file"].map(|key| section.text(key).map(PathBuf::from));
    let proxy = section.text("proxy").filter(|name| !name.is_empty());
    let read = |text: &str| {
        let (kind, place) = text.split_once(':').unwrap_or_default();
        let address = place.parse::<SocketAddr>();
        match (kind, address, &files) {
            ("unix", _, _) if place.starts_with('/') => Ok(Listen::Unix {
                path: place.into(),
                proxy: proxy.clone(),
            }),
            ("inet", Ok(address), _) if address.ip().is_loopback() => Ok(Listen::Plain {
                address,
                proxy: proxy_address(address, proxy.as_deref())?,
            }),
            ("inet", Ok(address), _) => Err(format!(
                "{address} is not loopback: what people read would pass the network unprotected; \
                 use \"tls:{address}\" with a certificate"
            )),
            ("tls", Ok(_), _) if proxy.is_some() => {
                Err("speaks to browsers itself; proxy is for \"inet:\" and \"unix:\"".to_owned())
            }
            ("tls", Ok(address), [Some(certificate), Some(key)]) => Ok(Listen::Tls {
                address,
                certificate: certificate.clone(),
                key: key.clone(),
            }),
            ("tls", Ok(_), _) => Err("needs certificate_file and key_file beside it".to_owned()),
            _ => Err(format!(
                "{text:?} is none of \"tls:ADDRESS:PORT\", \"inet:ADDRESS:PORT\", \"unix:/path\""
            )),
        }
    };
    let listen = section.parsed("socket", "tls:0.0.0.0:8443", read);
    listen.unwrap_or(Listen::Unix {
        path: PathBuf::new(),
        proxy: None,
    })
}

/// A proxy of the other family would never be seen.
fn proxy_address(socket: SocketAddr, text: Option<&str>) -> Result<Option<IpAddr>, String> {
    let read = |text: &str| match text.parse::<IpAddr>() {
        Ok(proxy) if proxy.is_loopback() && proxy.is_ipv4() == socket.is_ipv4() => Ok(proxy),
        _ => Err(format!(
            "needs in proxy the address on loopback from which the proxy connects to {socket}, not \
             {text:?}"
        )),
    };
    text.map(read).transpose()
}
