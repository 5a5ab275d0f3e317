//! One search: asked on a pooled connection, answered as plain values or not at all.

use std::{
    error::Error as StdError,
    panic::{AssertUnwindSafe, catch_unwind},
};

use deadpool::managed::{Pool, PoolError};
use ldap3::{ResultEntry, Scope, SearchEntry, SearchOptions};

use super::{
    Settings,
    connect::{Connector, Lent, unreachable},
};
use crate::directory::{DirectoryError, reading::Answered};

/// More entries than this for one identity is an answer that nobody can trust.
const ENTRY_LIMIT: i32 = 100;

/// One server, and the connections to it.
pub(super) struct Server {
    settings: Settings,
    pool: Pool<Connector>,
}

impl Server {
    /// Takes the settings; connects at the first search.
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            pool: super::connect::pool(settings),
        }
    }

    /// Searches; a connection that fails is thrown away, and a fresh one is tried once.
    pub(super) async fn search(
        &self,
        question: Question<'_>,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let entries = match self.try_search(question).await {
            Err(DirectoryError::Connect { .. }) => {
                // What is idle in the pool is as old as the one that failed.
                self.pool.retain(|_, _| false);
                self.try_search(question).await
            }
            answer => answer,
        };
        answered(question, entries?)
    }

    async fn try_search(&self, question: Question<'_>) -> Result<Vec<ResultEntry>, DirectoryError> {
        let pooled = self
            .pool
            .get()
            .await
            .map_err(|error| self.pool_failure(error))?;
        let mut ldap = ldap3::Ldap::clone(&pooled);
        let connection = Lent::new(pooled);
        let attribute = [question.attribute];
        let options = SearchOptions::new().sizelimit(ENTRY_LIMIT);
        let search = ldap.with_search_options(options).search(
            question.base,
            question.scope,
            question.filter,
            attribute,
        );
        let (entries, outcome) = match search.await {
            Ok(result) => (result.0, result.1),
            Err(cause) => return Err(unreachable(&self.settings, cause)),
        };
        // From here on the connection has proved to be sound: a refusal is an answer.
        connection.give_back();
        if !outcome.refs.is_empty() {
            return Err(question.unanswered("the answer is a referral, not a whole answer"));
        }
        match outcome.success() {
            Ok(_) => Ok(entries),
            Err(cause) => Err(question.unanswered(cause)),
        }
    }

    fn pool_failure(&self, error: PoolError<DirectoryError>) -> DirectoryError {
        if let PoolError::Backend(error) = error {
            return error;
        }
        unreachable(&self.settings, error.to_string())
    }
}

/// What is asked of the server.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub base: &'a str,
    pub scope: Scope,
    pub filter: &'a str,
    /// The one attribute that is wanted.
    pub attribute: &'a str,
    /// What for.
    pub kind: &'static str,
}

impl Question<'_> {
    fn unanswered(&self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DirectoryError {
        DirectoryError::LookUp {
            kind: self.kind,
            cause: cause.into(),
        }
    }
}

/// Entries as plain values. The library panics on what is no entry after RFC 4511, and the server
/// is somebody else's.
fn answered(
    question: Question<'_>,
    entries: Vec<ResultEntry>,
) -> Result<Vec<Answered>, DirectoryError> {
    let read = |entry| plain(SearchEntry::construct(entry));
    catch_unwind(AssertUnwindSafe(|| entries.into_iter().map(read).collect()))
        .map_err(|_| question.unanswered("an entry of the answer cannot be read"))
}

/// An entry with each of its values beside the name of its attribute.
pub(super) fn plain(entry: SearchEntry) -> Answered {
    let texts = entry.attrs.into_iter().flat_map(|(name, values)| {
        let values = values.into_iter().map(String::into_bytes);
        values.map(move |value| (name.clone(), value))
    });
    let bytes = entry.bin_attrs.into_iter();
    let bytes =
        bytes.flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
    Answered {
        name: entry.dn,
        values: texts.chain(bytes).collect(),
    }
}
