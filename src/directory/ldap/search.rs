//! One server: questions on its pooled connections, answered as plain values or not at all.

use std::error::Error as StdError;

use deadpool::managed::{Pool, PoolError};
use ldap3::{LdapError, ResultEntry, Scope, SearchOptions};

use super::{
    Settings,
    connect::{Connector, Lent, unreachable},
    entry,
    period::Period,
    url::ServerUrl,
};
use crate::directory::{DirectoryError, reading::Answered};

/// More entries than this for one identity is an answer that nobody can trust.
pub(super) const ENTRY_LIMIT: i32 = 100;
/// RFC 4511, appendix A.2.
pub(super) const SIZE_LIMIT_EXCEEDED: u32 = 4;
const NO_SUCH_ATTRIBUTE: u32 = 16;
const NO_SUCH_OBJECT: u32 = 32;
const INSUFFICIENT_ACCESS: u32 = 50;

/// One server, and the connections to it.
pub(super) struct Server {
    pub url: ServerUrl,
    /// After a failure.
    pub rest: Period,
    /// Since the server has shown that it knows what we ask for.
    pub proof: Period,
    pool: Pool<Connector>,
}

/// What is asked of the server.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub base: &'a str,
    pub scope: Scope,
    pub filter: &'a str,
    /// The attributes that are wanted.
    pub attributes: &'a [&'a str],
    pub wanted: Wanted,
    /// What for.
    pub kind: &'static str,
}

/// How many entries make an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All there are.
    All,
    /// One of them will do.
    Any,
    /// All there are, of which there may be so many.
    Many(i32),
}

impl Server {
    /// Takes the settings; connects at the first question.
    pub(super) fn new(settings: &Settings, url: &ServerUrl) -> Self {
        Self {
            url: url.clone(),
            rest: Period::default(),
            proof: Period::default(),
            pool: super::connect::pool(settings, url),
        }
    }

    /// Searches.
    ///
    /// # Errors
    /// Anything but a whole answer.
    pub(super) async fn search(
        &self,
        question: Question<'_>,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let entries = self.twice(|| self.try_search(question)).await?;
        let entries = entries.into_iter().map(entry::read);
        let entries: Result<_, _> = entries.collect();
        entries.map_err(|error| question.unanswered(error))
    }

    /// Whether an attribute of an entry has a value (RFC 4511, section 4.10). An entry or attribute
    /// that may not be seen is an error; one without any value does not have this one.
    pub(super) async fn compare(
        &self,
        entry: &str,
        attribute: &str,
        value: &[u8],
    ) -> Result<bool, DirectoryError> {
        self.twice(|| self.try_compare(entry, attribute, value))
            .await
    }

    /// A connection that fails is thrown away, and a fresh one is tried once.
    async fn twice<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, DirectoryError>
    where
        F: Future<Output = Result<T, DirectoryError>>,
    {
        match attempt().await {
            Err(DirectoryError::Connect { .. }) => {
                // What is idle in the pool is as old as the one that failed.
                self.pool.retain(|_, _| false);
                attempt().await
            }
            answer => answer,
        }
    }

    async fn try_search(&self, question: Question<'_>) -> Result<Vec<ResultEntry>, DirectoryError> {
        let (mut ldap, connection) = self.lend().await?;
        let limit = match question.wanted {
            Wanted::All => ENTRY_LIMIT,
            Wanted::Any => 1,
            Wanted::Many(limit) => limit,
        };
        let options = SearchOptions::new().sizelimit(limit);
        let search = ldap.with_search_options(options).search(
            question.base,
            question.scope,
            question.filter,
            question.attributes,
        );
        let answer = search.await.map_err(|cause| self.unreachable(cause))?;
        let (entries, outcome) = (answer.0, answer.1);
        // From here on the connection has proved to be sound: a refusal is an answer.
        connection.give_back();
        let is_enough = question.wanted == Wanted::Any && !entries.is_empty();
        if is_enough && outcome.rc == SIZE_LIMIT_EXCEEDED {
            return Ok(entries);
        }
        if !outcome.refs.is_empty() {
            return Err(question.unanswered("the answer is a referral, not a whole answer"));
        }
        match outcome.success() {
            Ok(_) => Ok(entries),
            Err(cause) => Err(question.unanswered(cause)),
        }
    }

    async fn try_compare(
        &self,
        entry: &str,
        attribute: &str,
        value: &[u8],
    ) -> Result<bool, DirectoryError> {
        let (mut ldap, connection) = self.lend().await?;
        let answer = ldap.compare(entry, attribute, value).await;
        let answer = answer.map_err(|cause| self.unreachable(cause))?;
        connection.give_back();
        if answer.0.rc == NO_SUCH_ATTRIBUTE {
            return Ok(false);
        }
        answer.equal().map_err(|cause| DirectoryError::Group {
            group: entry.to_owned(),
            cause: cause.into(),
        })
    }

    async fn lend(&self) -> Result<(ldap3::Ldap, Lent), DirectoryError> {
        let pooled = self.pool.get().await.map_err(|error| {
            if let PoolError::Backend(error) = error {
                return error;
            }
            unreachable(&self.url, error.to_string())
        })?;
        Ok((ldap3::Ldap::clone(&pooled), Lent::new(pooled)))
    }

    fn unreachable(&self, cause: LdapError) -> DirectoryError {
        unreachable(&self.url, cause)
    }
}

impl Question<'_> {
    fn unanswered(&self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DirectoryError {
        DirectoryError::LookUp {
            kind: self.kind,
            cause: cause.into(),
        }
    }
}

/// Whether a server answered that the entry at which a search begins is not there.
pub(super) fn is_gone(error: &DirectoryError) -> bool {
    result_code(error) == Some(NO_SUCH_OBJECT)
}

/// What the server said, if it was a refused look-up.
fn result_code(error: &DirectoryError) -> Option<u32> {
    let DirectoryError::LookUp { cause, .. } = error else {
        return None;
    };
    match cause.downcast_ref() {
        Some(LdapError::LdapResult { result }) => Some(result.rc),
        _ => None,
    }
}

/// Whether a server answered that what we ask for is not there, or not for us to see.
pub(super) fn is_hidden(error: &DirectoryError) -> bool {
    result_code(error).is_some_and(|code| [NO_SUCH_OBJECT, INSUFFICIENT_ACCESS].contains(&code))
}
