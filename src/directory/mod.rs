//! Asks who is flagged. An error never reads as "not flagged", and no answer is
//! remembered: a changed flag acts on the next message. The mirror holds what its server keeps telling.

pub mod filter;
mod generalized_time;
mod known;
pub mod ldap;
pub mod mirror;
pub mod passwords;
pub mod reading;
pub mod sign_in;
pub mod survey;
pub mod table;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use async_trait::async_trait;
use nix::errno::Errno;
use tokio::time::Instant;

pub use self::known::{Answers, add_known, look_up};
use self::{
    mirror::{Mirror, Wanted},
    survey::Survey,
};
use crate::{
    domain::{folding::Folding, identity::Identity, person::Standing, policy::Gap},
    telemetry::{Alarms, Metrics, chain::Chain, events},
};

/// A source of flags.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Whether the person behind `identity` is flagged; an answer by `deadline` or an error.
    async fn standing(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Standing, DirectoryError>;

    /// Whether the directory can be asked at all.
    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError>;

    /// What it shows of the flags as a whole; `None` from a backend without index and account.
    async fn survey(&self, _deadline: Instant) -> Result<Option<Survey>, DirectoryError> {
        Ok(None)
    }
}

/// Which backend serves, with its settings.
#[derive(Clone, Debug)]
pub enum Settings {
    /// An LDAP server.
    Ldap(Box<ldap::Settings>),
    /// A fixed table from a file.
    Table(table::Settings),
}

/// What happens to mail while the directory cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// It is asked to come again.
    Tempfail,
    /// It is treated as a flagged person's.
    Hold,
    /// It is not reviewed.
    Pass,
}

impl Outage {
    /// How a sender counts who could not be looked up; `None`: the mail is asked to come again.
    pub fn gap(self, error: &DirectoryError) -> Option<Gap> {
        match self {
            Self::Hold => Some(Gap::Outage),
            // An answer that says "no" is no outage: a misspelt attribute must not let all pass.
            // Nor is it one of the directory if this process has no handle to ask with.
            Self::Pass if error.is_transient() && !error.is_ours() => Some(Gap::Unreviewed),
            Self::Tempfail | Self::Pass => None,
        }
    }
}

/// Why the directory gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No answer in time.
    #[error("no answer from the directory within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection, or it was lost.
    #[error("cannot reach the directory at {server}")]
    Connect {
        /// The server's URL.
        server: String,
        /// What the library or the system said.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// No connection that is protected as the settings want it.
    #[error("no protected connection to the directory at {server}: {fault}")]
    Tls {
        /// The server's URL.
        server: String,
        /// What is wrong, and where to look.
        fault: &'static str,
        /// What the library or the server said.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server refused our login.
    #[error("the directory refused the bind {who}")]
    Bind {
        /// Our own name there.
        who: String,
        /// What the server said.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server answered with an error, or with a part of the answer only.
    #[error("the directory did not answer a look-up by {kind}")]
    LookUp {
        /// The kind of identity: the address itself is not for logs.
        kind: &'static str,
        /// What the server said.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server lacks an attribute: it cannot say who is flagged.
    #[error("the directory's schema {fault} ({setting})")]
    Attribute {
        /// The setting that names it.
        setting: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// The server does not say who is in a group: nobody is known not to be.
    #[error("the directory does not show who is in the group {group:?}")]
    Group {
        /// The group's name.
        group: String,
        /// What the server said, or does not show.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// Every server failed.
    #[error("none of the directory's servers answered ({servers})")]
    AllServers {
        /// Their URLs.
        servers: String,
        /// How the last of them failed.
        #[source]
        cause: Box<DirectoryError>,
    },
    /// The table cannot be read.
    #[error("cannot read the table of flags {path}")]
    Table {
        /// The file, with the line if one is at fault.
        path: String,
        /// What is wrong.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
}

impl DirectoryError {
    /// Whether the same question may be answered later without a change of the settings.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Connect { .. } => true,
            Self::AllServers { cause, .. } => cause.is_transient(),
            Self::Tls { .. }
            | Self::Bind { .. }
            | Self::LookUp { .. }
            | Self::Attribute { .. }
            | Self::Group { .. }
            | Self::Table { .. } => false,
        }
    }

    /// Whether this process or host lacks what it takes to ask. Says nothing of the directory.
    fn is_ours(&self) -> bool {
        let lacks = [
            Errno::EMFILE,
            Errno::ENFILE,
            Errno::ENOMEM,
            Errno::ENOBUFS,
            Errno::EADDRNOTAVAIL,
        ];
        let is_lack = |error: &(dyn StdError + 'static)| {
            let code = error.downcast_ref::<io::Error>();
            let code = code.and_then(io::Error::raw_os_error);
            code.is_some_and(|code| lacks.contains(&Errno::from_raw(code)))
        };
        let mut next: Option<&(dyn StdError + 'static)> = Some(self);
        while let Some(error) = next {
            if is_lack(error) {
                return true;
            }
            next = error.source();
        }
        false
    }

    /// The label of `mailhold_directory_errors_total`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Connect { .. } => "unreachable",
            Self::AllServers { cause, .. } => cause.kind(),
            Self::Tls { .. }
            | Self::Bind { .. }
            | Self::LookUp { .. }
            | Self::Attribute { .. }
            | Self::Group { .. }
            | Self::Table { .. } => "refused",
        }
    }
}

/// Opens the backend of the settings. The LDAP server need not be there yet; the table must be.
/// `folding` says which spellings of a mailbox are the same person's.
pub fn open(settings: &Settings, folding: Folding) -> Result<Arc<dyn Directory>, DirectoryError> {
    Ok(match settings {
        Settings::Ldap(settings) => Arc::new(ldap::Ldap::new(settings.as_ref().clone(), folding)),
        Settings::Table(settings) => Arc::new(table::Table::read(settings, folding)?),
    })
}

/// As [`open`], with the people in memory where the settings and the server allow it. Needs a
/// runtime: the mirror follows its server until it is dropped.
pub fn open_mirrored(
    settings: &Settings,
    folding: Folding,
    metrics: &Metrics,
    alarms: &Alarms,
) -> Result<Arc<dyn Directory>, DirectoryError> {
    let settings = match settings {
        Settings::Ldap(ldap) if ldap.mirror.wanted != Wanted::Off => ldap,
        Settings::Ldap(_) | Settings::Table(_) => return open(settings, folding),
    };
    let live = Arc::new(ldap::Ldap::new(settings.as_ref().clone(), folding));
    match Mirror::plan(&live) {
        Ok(plan) => Ok(Arc::new(Mirror::start(
            live,
            plan,
            metrics.clone(),
            alarms.clone(),
        ))),
        Err(reason) => {
            let text = format!("{}; every message is looked up", Chain(&reason));
            events::config_warned("directory.ldap.mirror", &text);
            Ok(live)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(code: Errno) -> DirectoryError {
        let connect = DirectoryError::Connect {
            server: "ldap://directory.test".to_owned(),
            cause: Box::new(io::Error::from(code)),
        };
        DirectoryError::AllServers {
            servers: "ldap://directory.test".to_owned(),
            cause: Box::new(connect),
        }
    }

    #[test]
    fn a_want_of_handles_is_no_outage_that_lets_mail_pass() {
        for code in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM] {
            assert_eq!(Outage::Pass.gap(&connect(code)), None, "{code}");
            assert_eq!(Outage::Hold.gap(&connect(code)), Some(Gap::Outage));
        }
        let refused = connect(Errno::ECONNREFUSED);
        assert_eq!(Outage::Pass.gap(&refused), Some(Gap::Unreviewed));
    }
}
