//! How to reach an LDAP server and what to ask it: the settings of its backend.

use std::time::Duration;

use secrecy::SecretString;

use crate::directory::{filter::FilterTemplate, mirror, reading::Marks};

/// The `[directory.ldap]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `ldap://host:port` or `ldapi://…`.
    pub url: String,
    /// Where the people are.
    pub base: String,
    /// Our own login; `None` for an anonymous bind.
    pub bind: Option<Bind>,
    /// Finds a person by envelope sender.
    pub filter: FilterTemplate,
    /// Finds a person by SASL login; `None`: logins are not looked up.
    pub login_filter: Option<FilterTemplate>,
    /// By what a person is known to be flagged.
    pub marks: Marks,
    /// Connections at once.
    pub max_connections: usize,
    /// A connection is replaced at this age: the library keeps a little of every search.
    pub max_connection_age: Duration,
    /// One look-up, connecting included.
    pub timeout: Duration,
    /// Whether the flagged people are held in memory.
    pub mirror: mirror::Settings,
}

/// A login for the directory.
#[derive(Clone, Debug)]
pub struct Bind {
    /// The distinguished name.
    pub dn: String,
    /// Never empty: servers take an empty password as anonymous (RFC 4513, section 5.1.2).
    pub password: SecretString,
}
