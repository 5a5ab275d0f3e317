//! Who signs in at the review desk: identified by a password, and looked up again without one, so that
//! a change of rights counts at once. Wrong is not away: `None` is a refusal, an error is no answer.

use std::{error::Error as StdError, path::PathBuf, sync::Arc};

use secrecy::SecretString;
use tokio::{
    sync::Semaphore,
    task,
    time::{Instant, timeout_at},
};

use super::{DirectoryError, ldap, passwords};
use crate::domain::{
    folding::Folding,
    person::Group,
    rights::{DeskRole, Principal},
};

use super::filter::FilterTemplate;
pub use super::ldap::sign_in::LdapSignIn;

/// Passwords that are hashed at once: each takes a core and 19 MiB for some time.
const HASHED_AT_ONCE: usize = 2;
/// A longer login is nobody's.
const LONGEST_LOGIN_BYTES: usize = 256;
/// A longer password is nobody's.
const LONGEST_PASSWORD_BYTES: usize = 1_024;

/// `[web.sign_in]`
#[derive(Clone, Debug)]
pub enum Settings {
    /// By the directory.
    Ldap(Box<LdapSettings>),
    /// By a file.
    File(PathBuf),
}

/// How people are found, and what they may do, by the directory.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// The servers, and how to reach them.
    pub directory: ldap::Settings,
    /// Finds the person who signs in.
    pub filter: FilterTemplate,
    /// The groups whose members have a role.
    pub groups: Vec<(DeskRole, Group)>,
    /// Whose mail a reviewer sees.
    pub scope: ScopeRule,
}

/// How the directory tells whose mail a reviewer sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScopeRule {
    /// Everybody's.
    All,
    /// What is below the entry in which the reviewer's is.
    Place,
    /// The entries with the same value of an attribute, such as `departmentNumber`.
    Attribute(String),
    /// The entries that name the reviewer's in the attribute `manager`.
    Manager,
}

/// Why it is not known whether somebody may sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The directory gave no answer.
    #[error("cannot ask the directory who signs in")]
    Directory(#[source] DirectoryError),
    /// The file cannot be read, or a line of it.
    #[error("cannot read the password file {path}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// Too many sign in at once, or this host has no thread left.
    #[error("cannot compare a password in time")]
    Busy,
}

impl SignInError {
    /// Whether trying again may help, without a change of the settings.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Directory(cause) => cause.is_transient(),
            Self::File { .. } => false,
            Self::Busy => true,
        }
    }
}

/// What lets people in. Clones share connections and limits.
#[derive(Clone)]
pub struct SignIn(Arc<Backend>);

enum Backend {
    Ldap(Box<LdapSignIn>),
    File {
        path: PathBuf,
        folding: Folding,
        hashing: Arc<Semaphore>,
    },
}

impl SignIn {
    /// Takes the settings; asks nobody yet. `folding` says which spellings are the same person's.
    pub fn new(settings: &Settings, folding: Folding) -> Self {
        Self(Arc::new(match settings {
            Settings::Ldap(settings) => {
                let ldap = LdapSignIn::new(settings.as_ref().clone(), folding);
                Backend::Ldap(Box::new(ldap))
            }
            Settings::File(path) => Backend::File {
                path: path.clone(),
                folding,
                hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            },
        }))
    }

    /// The person of a login and password; `None` if there is no such person or this is not the
    /// password. A person without a role is told, too: nothing is allowed to one.
    ///
    /// # Errors
    /// It is not known: nobody can be asked, or not by `deadline`.
    pub async fn identify(
        &self,
        login: &str,
        password: &SecretString,
        deadline: Instant,
    ) -> Result<Option<Principal>, SignInError> {
        if !is_login(login) || !is_password(password) {
            return Ok(None);
        }
        match &*self.0 {
            Backend::Ldap(ldap) => ldap
                .identify(login, password, deadline)
                .await
                .map_err(SignInError::Directory),
            Backend::File { hashing, .. } => {
                let permit = timeout_at(deadline, Arc::clone(hashing).acquire_owned()).await;
                let permit = permit
                    .map_err(|_| SignInError::Busy)?
                    .map_err(|_| SignInError::Busy)?;
                let (login, password) = (login.to_owned(), password.clone());
                self.in_file(move |path, folding| {
                    // Until it is hashed, though nobody may wait for it any more.
                    let _permit = permit;
                    passwords::identify(path, folding, &login, &password)
                })
                .await
            }
        }
    }

    /// The same person as the directory has them now, without a password; `None` if the entry is gone,
    /// or does not match the filter any more: no rights.
    ///
    /// # Errors
    /// It is not known: nobody can be asked, or not by `deadline`.
    pub async fn renew(
        &self,
        principal: &Principal,
        deadline: Instant,
    ) -> Result<Option<Principal>, SignInError> {
        match &*self.0 {
            Backend::Ldap(ldap) => ldap
                .renew(principal, deadline)
                .await
                .map_err(SignInError::Directory),
            Backend::File { .. } => {
                let login = principal.login.clone();
                self.in_file(move |path, folding| passwords::renew(path, folding, &login))
                    .await
            }
        }
    }

    /// Whether people could sign in now.
    pub async fn probe(&self, deadline: Instant) -> Result<(), SignInError> {
        match &*self.0 {
            Backend::Ldap(ldap) => ldap.probe(deadline).await.map_err(SignInError::Directory),
            Backend::File { .. } => {
                let probe = |path: &PathBuf, _: &Folding| passwords::probe(path).map(|()| None);
                self.in_file(probe).await.map(drop)
            }
        }
    }

    /// Reads the file on a thread that may wait. Not cut off by a deadline: hashing cannot be.
    async fn in_file(
        &self,
        read: impl FnOnce(&PathBuf, &Folding) -> Result<Option<Principal>, passwords::Fault>
        + Send
        + 'static,
    ) -> Result<Option<Principal>, SignInError> {
        let backend = Arc::clone(&self.0);
        let read = task::spawn_blocking(move || match &*backend {
            Backend::File { path, folding, .. } => {
                read(path, folding).map_err(|cause| SignInError::File {
                    path: path.display().to_string(),
                    cause,
                })
            }
            Backend::Ldap(_) => Ok(None),
        });
        read.await.map_err(|_| SignInError::Busy)?
    }
}

/// A control character is in nobody's login, and servers may stop comparing at one.
fn is_login(login: &str) -> bool {
    !login.is_empty() && login.len() <= LONGEST_LOGIN_BYTES && !login.contains(char::is_control)
}

/// Servers take an empty password for a wish to be nobody, and say yes (RFC 4513, section 5.1.2).
fn is_password(password: &SecretString) -> bool {
    use secrecy::ExposeSecret as _;
    let password = password.expose_secret();
    !password.is_empty() && password.len() <= LONGEST_PASSWORD_BYTES && !password.contains('\0')
}
