//! How to reach LDAP servers and what to ask them: the settings of the backend.

use std::{fmt, time::Duration};

use secrecy::SecretString;

use super::{
    membership::{Membership, UID},
    tls::Tls,
    url::ServerUrl,
};
use crate::directory::{filter::FilterTemplate, mirror, reading::Marks};

/// The `[directory.ldap]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// All have the same entries. They are asked in this order until one gives a whole answer.
    pub servers: Vec<ServerUrl>,
    /// Whether `ldap://` is protected before anything is said.
    pub starttls: StartTls,
    /// What protects StartTLS and `ldaps://`; `None` if neither is in use.
    pub tls: Option<Tls>,
    /// Who we are.
    pub bind: Bind,
    /// Where the people are.
    pub base: String,
    /// Finds a person by address.
    pub filter: FilterTemplate,
    /// Finds a person by SASL login; `None`: logins are not looked up.
    pub login_filter: Option<FilterTemplate>,
    /// Whether the directory has addresses with tags.
    pub tags: Tags,
    /// By what a person is known to be flagged.
    pub marks: Marks,
    /// Where memberships in the groups of the marks stand.
    pub membership: Membership,
    /// Connections at once, to each server.
    pub max_connections: usize,
    /// A connection is replaced at this age: the library keeps a little of every search.
    pub max_connection_age: Duration,
    /// One look-up at one server, connecting included.
    pub timeout: Duration,
    /// Whether the flagged people are held in memory.
    pub mirror: mirror::Settings,
}

impl Settings {
    /// The attributes to ask of a person's entry.
    pub fn attributes(&self) -> Vec<&str> {
        let marks = &self.marks;
        let mut attributes = vec![marks.attribute.as_str()];
        attributes.extend(marks.until.as_deref());
        if marks.all_groups().next().is_some() {
            match &self.membership {
                Membership::OfPerson => attributes.push(&marks.member_of),
                by_group if by_group.is_by_login() => attributes.push(UID),
                Membership::OfGroup { .. } => {}
            }
        }
        attributes
    }
}

/// What becomes of addresses that have a tag in the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tags {
    /// They are found as they are written only.
    Ignore,
    /// They are searched, with a substring filter.
    Search,
}

/// Whether StartTLS (RFC 4511, section 4.14) comes before all else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// No.
    Off,
    /// Yes; without it there is no connection.
    Required,
}

/// Who we are for the directory.
#[derive(Clone, Debug)]
pub enum Bind {
    /// Nobody.
    Anonymous,
    /// A name and its password.
    Password {
        /// The distinguished name.
        dn: String,
        /// Never empty: servers take an empty password as anonymous (RFC 4513, section 5.1.2).
        password: SecretString,
    },
    /// Who the connection shows us to be: our Unix user, or our certificate (SASL EXTERNAL, RFC
    /// 4422, appendix A).
    External,
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("as nobody"),
            Self::Password { dn, .. } => write!(f, "as {dn:?}"),
            Self::External => f.write_str("by SASL EXTERNAL"),
        }
    }
}
