//! Reads `[directory.ldap]`: which servers, how protected, as whom, and what a person's entry says.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{secret, section::Section, value};
use crate::{
    directory::{
        filter::FilterTemplate,
        ldap::{
            self, Bind, Membership, StartTls, Tags,
            tls::{Client, Tls},
            url::{Scheme, ServerUrl},
        },
        mirror::{self, Wanted},
        reading::Marks,
    },
    domain::person::{FlagValues, Group},
};

const DEFAULT_URL: &str = "ldap://localhost:389";
const DEFAULT_FILTER: &str = "(|(mail={address})(mailAlternateAddress={address})\
                              (proxyAddresses=smtp:{address}))";
const DEFAULT_LOGIN_FILTER: &str = "(|(uid={login})(mail={login}))";

/// Reads the whole section.
pub(super) fn ldap_settings(section: &Section<'_>) -> ldap::Settings {
    let servers = servers(section);
    let starttls = section
        .word(
            "starttls",
            &[("off", StartTls::Off), ("required", StartTls::Required)],
        )
        .unwrap_or(StartTls::Off);
    let client_files = client_files(section);
    let bind = bind(section);
    let login = section.text("login_filter");
    let login_filter = match login.as_deref() {
        Some("") => None,
        _ => section.parsed("login_filter", DEFAULT_LOGIN_FILTER, filter("{login}")),
    };
    let (marks, membership) = marks(section);
    let settings = ldap::Settings {
        tls: tls(section, &servers, starttls, client_files.as_ref()),
        base: section.required("base"),
        filter: section
            .parsed("filter", DEFAULT_FILTER, filter("{address}"))
            .unwrap_or_default(),
        login_filter,
        tags: section
            .word(
                "tags_in_directory",
                &[("ignore", Tags::Ignore), ("search", Tags::Search)],
            )
            .unwrap_or(Tags::Ignore),
        marks,
        membership,
        max_connections: section.number("max_connections", 8, 1..=256) as usize,
        max_connection_age: section.duration("max_connection_age", "10m"),
        timeout: section.duration("timeout", "2s"),
        mirror: mirror_settings(section),
        servers,
        starttls,
        bind,
    };
    refuse_unfit(section, &settings, client_files.is_some());
    section.refuse_unknown();
    settings
}

/// Has the groups looked up that the rules of the policy name.
pub(super) fn ask_for(section: &Section<'_>, settings: &mut ldap::Settings, groups: Vec<Group>) {
    settings.marks.groups = groups;
    refuse_twice(section, &settings.marks);
}

/// Refuses servers whose deadlines do not fit into that of a mail: the last ones would never be asked.
pub(super) fn refuse_late(section: &Section<'_>, settings: &ldap::Settings, deadline: Duration) {
    let n_servers = u32::try_from(settings.servers.len()).unwrap_or(u32::MAX);
    if n_servers > 1 && settings.timeout.saturating_mul(n_servers) > deadline {
        let problem = format!(
            "must let {n_servers} servers answer one after the other within milter.mail_deadline"
        );
        section.refuse("timeout", &problem);
    }
}

fn servers(section: &Section<'_>) -> Vec<ServerUrl> {
    if !section.has("urls") {
        return DEFAULT_URL.parse().into_iter().collect();
    }
    let servers = section.list("urls", str::parse::<ServerUrl>);
    if servers.is_empty() && !section.faulty("urls") {
        section.refuse("urls", "is empty: name at least one server");
    }
    servers
}

/// What would tell a secret to the network, or can never work.
fn refuse_unfit(section: &Section<'_>, settings: &ldap::Settings, has_certificate: bool) {
    let mut servers = settings.servers.iter();
    match settings.bind {
        Bind::Password { .. } => {
            if let Some(server) = servers.find(|server| is_open(settings, server)) {
                let problem = format!(
                    "{server} would get the bind password unprotected: \
                     write ldaps://, or set starttls = \"required\""
                );
                section.refuse("urls", &problem);
            }
        }
        Bind::External => {
            let shows_nobody = |server: &&ServerUrl| match server.scheme() {
                Scheme::Ldapi => false,
                Scheme::Ldap | Scheme::Ldaps => is_bare(settings, server) || !has_certificate,
            };
            if let Some(server) = servers.find(shows_nobody) {
                let problem = format!(
                    "{server} would not know who we are: use ldapi://, \
                     or TLS with client_certificate_file and client_key_file"
                );
                section.refuse("sasl", &problem);
            }
        }
        Bind::Anonymous => {}
    }
    refuse_mixed(section, settings);
    let search = settings.tags == Tags::Search;
    if search && !settings.filter.can_search_parts() {
        let problem = "cannot search for a part of an address, as tags_in_directory wants it";
        section.refuse("filter", problem);
    }
}

/// Whoever can keep the protected servers from answering could answer himself, in the name of the
/// one that is not.
fn refuse_mixed(section: &Section<'_>, settings: &ldap::Settings) {
    let mut servers = settings.servers.iter();
    let is_protected = |server: &ServerUrl| server.scheme() == Scheme::Ldaps;
    if !servers.clone().any(is_protected) {
        return;
    }
    if let Some(server) = servers.find(|server| is_open(settings, server)) {
        let problem = format!(
            "{server} is unprotected beside protected servers: \
             write ldaps:// for all, or set starttls = \"required\""
        );
        section.refuse("urls", &problem);
    }
}

/// Whether what is said to a server is in clear.
fn is_bare(settings: &ldap::Settings, server: &ServerUrl) -> bool {
    server.scheme() == Scheme::Ldap && settings.starttls == StartTls::Off
}

/// Whether it is in clear on the network.
pub(super) fn is_open(settings: &ldap::Settings, server: &ServerUrl) -> bool {
    is_bare(settings, server) && !server.is_local()
}

pub(super) fn filter(place: &'static str) -> impl Fn(&str) -> Result<FilterTemplate, String> {
    move |text| FilterTemplate::new(text, place).map_err(|error| error.to_string())
}

/// A name and its password, or neither. With one alone servers would let us in as nobody, who may
/// see less (RFC 4513, section 5.1).
fn bind(section: &Section<'_>) -> Bind {
    let is_external = section
        .word("sasl", &[("off", false), ("external", true)])
        .unwrap_or(false);
    let dn = section.text("bind_dn");
    let password = section.secret("bind_password_file");
    if is_external {
        for key in ["bind_dn", "bind_password_file"] {
            if section.has(key) {
                section.refuse(
                    key,
                    "is for a bind by password, not for sasl = \"external\"",
                );
            }
        }
        return Bind::External;
    }
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
    match dn.zip(password) {
        Some((dn, password)) => Bind::Password { dn, password },
        None => Bind::Anonymous,
    }
}

/// Certificate and key, or neither.
fn client_files(section: &Section<'_>) -> Option<(PathBuf, PathBuf)> {
    let certificate = section.text("client_certificate_file");
    let key = section.text("client_key_file");
    match (&certificate, &key) {
        (Some(_), None) if !section.has("client_key_file") => {
            section.refuse(
                "client_key_file",
                "is missing: client_certificate_file needs its key",
            );
        }
        (None, Some(_)) if !section.has("client_certificate_file") => {
            let problem = "is missing: client_key_file is for a certificate";
            section.refuse("client_certificate_file", problem);
        }
        (Some(_) | None, Some(_) | None) => {}
    }
    let (certificate, key) = certificate.zip(key)?;
    if let Err(problem) = secret::check(Path::new(&key)) {
        section.refuse("client_key_file", &problem);
        return None;
    }
    Some((certificate.into(), key.into()))
}

/// Reads the files of TLS, if any server is reached by it.
fn tls(
    section: &Section<'_>,
    servers: &[ServerUrl],
    starttls: StartTls,
    client: Option<&(PathBuf, PathBuf)>,
) -> Option<Tls> {
    let ca_file = section.text("ca_file");
    let uses_tls = |server: &&ServerUrl| match server.scheme() {
        Scheme::Ldap => starttls == StartTls::Required,
        Scheme::Ldaps => true,
        Scheme::Ldapi => false,
    };
    let mut protected = servers.iter().filter(uses_tls).peekable();
    if protected.peek().is_none() {
        for key in ["ca_file", "client_certificate_file"] {
            if section.has(key) {
                let problem = "is for ldaps://, or ldap:// with starttls = \"required\"";
                section.refuse(key, problem);
            }
        }
        return None;
    }
    if let Some(server) = protected.find(|server| server.is_ipv6()) {
        let problem = format!(
            "{server} cannot be compared with a certificate: write the server's name instead"
        );
        section.refuse("urls", &problem);
    }
    let client = client.map(|(certificate_file, key_file)| Client {
        certificate_file,
        key_file,
    });
    match Tls::new(ca_file.as_deref().map(Path::new), client) {
        Ok(tls) => Some(tls),
        Err(error) => {
            section.refuse(error.setting, &error.problem);
            None
        }
    }
}

fn mirror_settings(section: &Section<'_>) -> mirror::Settings {
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

/// What tells that a person is flagged, and where memberships stand.
fn marks(section: &Section<'_>) -> (Marks, Membership) {
    let name = |key, default| section.parsed(key, default, attribute).unwrap_or_default();
    let optional = |key| match section.text(key).as_deref() {
        None | Some("") => None,
        Some(_) => section.parsed(key, "", attribute),
    };
    let group = section.text("flag_group").filter(|name| !name.is_empty());
    if group.as_ref().is_some_and(|name| !name.contains('=')) {
        let problem =
            "is not the name of an entry such as \"cn=monitored,ou=groups,dc=example,dc=com\"";
        section.refuse("flag_group", problem);
    }
    let by_entry = section
        .word("group_by", &[("memberOf", false), ("entry", true)])
        .unwrap_or(false);
    let member_of = name("member_of_attribute", "memberOf");
    let member = name("member_attribute", "member");
    let membership = if by_entry {
        Membership::OfGroup { member }
    } else {
        Membership::OfPerson
    };
    let marks = Marks {
        attribute: name("attribute", "IsMailMonitor"),
        values: FlagValues::new(
            &section.texts("true_values", &["Y", "YES", "TRUE", "T", "1"]),
            &section.texts("false_values", &["N", "NO", "FALSE", "F", "0"]),
        ),
        until: optional("until_attribute"),
        member_of,
        flag_group: group.as_deref().map(Group::new),
        groups: Vec::new(),
    };
    refuse_twice(section, &marks);
    (marks, membership)
}

/// One attribute cannot be two things.
fn refuse_twice(section: &Section<'_>, marks: &Marks) {
    let is = |name: &str| marks.attribute.eq_ignore_ascii_case(name);
    if marks.until.as_deref().is_some_and(is) {
        section.refuse("until_attribute", "is the attribute of the flag");
    }
    let has_groups = marks.flag_group.is_some() || !marks.groups.is_empty();
    if has_groups && is(&marks.member_of) {
        let problem = "is the attribute of memberships: name another one, or none";
        section.refuse("attribute", problem);
    }
}

/// `*`, `1.1` and the like would ask for other attributes than the flag; options are the server's.
pub(super) fn attribute(text: &str) -> Result<String, String> {
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
