//! What the mirror needs of a server, in its own words, and why a server may not give it.

use std::{error::Error as StdError, time::Duration};

use crate::directory::DirectoryError;

/// What is mirrored.
#[derive(Clone, Debug)]
pub struct Content {
    /// Finds the entries.
    pub filter: String,
    /// Every one of them has it.
    pub flag: String,
    /// The attributes with names that mail may have.
    pub names: Vec<String>,
    /// Further attributes that count.
    pub others: Vec<String>,
}

impl Content {
    /// The attribute of the settings that a server means by this name.
    pub fn attribute(&self, told: &str) -> Option<&str> {
        self.attributes().find(|name| is_called(told, name))
    }

    /// Whether an attribute counts for what an entry is, beside its names.
    pub fn is_mark(&self, attribute: &str) -> bool {
        let mut marks = [&self.flag].into_iter().chain(&self.others);
        marks.any(|mark| mark.eq_ignore_ascii_case(attribute))
    }

    /// Whether mail may find an entry by this attribute.
    pub fn is_name(&self, attribute: &str) -> bool {
        let mut names = self.names.iter();
        names.any(|name| name.eq_ignore_ascii_case(attribute))
    }

    /// All attributes that are asked for.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let own = [&self.flag].into_iter().chain(&self.names);
        own.chain(&self.others).map(String::as_str)
    }
}

/// Whether a server means an attribute by what it tells. Options (`;lang-de`) make it no other one.
pub fn is_called(told: &str, name: &str) -> bool {
    let plain = told.split(';').next().unwrap_or(told);
    plain.eq_ignore_ascii_case(name)
}

/// Why the mirror does not follow the server.
#[derive(Debug, thiserror::Error)]
pub enum Loss {
    /// The directory cannot be asked at all.
    #[error("the mirror cannot be made")]
    Directory(#[source] DirectoryError),
    /// The connection ended.
    #[error("the connection of the mirror was lost")]
    Cut(#[source] Box<dyn StdError + Send + Sync>),
    /// The connection is there and nobody answers.
    #[error("no sign of life on the mirror's connection within {} ms", .0.as_millis())]
    Silent(Duration),
    /// Where we were is not known to the server any more (e-syncRefreshRequired).
    #[error("the server wants everything told anew")]
    Forgotten(#[source] Box<dyn StdError + Send + Sync>),
    /// The server does not speak RFC 4533 here.
    #[error(
        "the server offers no content synchronisation (RFC 4533) at {base:?}: for slapd, load \
         syncprov and add `overlay syncprov` to the database; or set directory.ldap.mirror = \"off\""
    )]
    Unsupported {
        /// Where the people are.
        base: String,
    },
    /// The server gives a part only.
    #[error(
        "the server's limits cut the mirror short: for slapd, add `limits dn.exact=\"{who}\" \
         size=unlimited time=unlimited` to the database"
    )]
    Limit {
        /// Our own name there.
        who: String,
        /// What the server said.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server refused.
    #[error("the server refused the mirror's search")]
    Refused(#[source] Box<dyn StdError + Send + Sync>),
    /// What the server told cannot be relied on.
    #[error("the mirror cannot be relied on: {0}")]
    Unreliable(String),
}

impl Loss {
    /// Whether the cause may be over in a moment, without anybody's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Directory(error) => error.is_transient(),
            Self::Cut(_) | Self::Silent(_) | Self::Forgotten(_) => true,
            Self::Unsupported { .. }
            | Self::Limit { .. }
            | Self::Refused(_)
            | Self::Unreliable(_) => false,
        }
    }

    /// Whether the set in memory cannot be relied on any more: the server is there and told
    /// something else than the mirror understood.
    pub fn discredits(&self) -> bool {
        match self {
            Self::Directory(_) | Self::Cut(_) | Self::Silent(_) | Self::Forgotten(_) => false,
            Self::Unsupported { .. }
            | Self::Limit { .. }
            | Self::Refused(_)
            | Self::Unreliable(_) => true,
        }
    }

    /// Whether the place in the server's changes is still good for a next try.
    pub fn keeps_position(&self) -> bool {
        match self {
            Self::Directory(_) | Self::Cut(_) | Self::Silent(_) => true,
            Self::Forgotten(_)
            | Self::Unsupported { .. }
            | Self::Limit { .. }
            | Self::Refused(_)
            | Self::Unreliable(_) => false,
        }
    }
}
