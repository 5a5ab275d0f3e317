//! Looks flags up in an LDAP server. Connections are pooled, aged out and replaced after any fault.

use std::{
    error::Error as StdError,
    panic::{AssertUnwindSafe, catch_unwind},
};

use async_trait::async_trait;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use ldap3::{
    LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchEntry, SearchOptions,
};
use secrecy::ExposeSecret;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout},
};

pub use super::server::{Bind, Settings};
use super::{
    Directory, DirectoryError,
    reading::{self, Answered},
    survey::{Flags, Survey},
};
use crate::domain::{identity::Identity, person::Standing};

/// More entries than this for one identity is an answer that nobody can trust.
const ENTRY_LIMIT: i32 = 100;

/// The LDAP backend.
pub struct Ldap {
    settings: Settings,
    pool: Pool<Connector>,
    /// Set once the server's schema has shown the flag's attribute, or does not show anything.
    attribute_is_known: OnceCell<()>,
}

/// Whether a text is a search filter (RFC 4515).
pub fn is_filter(text: &str) -> bool {
    ldap3::parse_filter(text).is_ok()
}

impl Ldap {
    /// Makes the pool; connects at the first look-up.
    #[expect(
        clippy::expect_used,
        reason = "a pool without timeouts of its own needs no runtime"
    )]
    pub fn new(settings: Settings) -> Self {
        let connector = Connector {
            settings: settings.clone(),
        };
        let pool = Pool::builder(connector)
            .max_size(settings.max_connections)
            .build();
        Self {
            settings,
            pool: pool.expect("a pool without timeouts"),
            attribute_is_known: OnceCell::new(),
        }
    }

    /// `None` for what nobody is called: it need not be asked.
    fn filter(&self, identity: &Identity) -> Option<String> {
        let template = match identity {
            Identity::Login(_) => self.settings.login_filter.as_ref()?,
            Identity::Sender(_) => &self.settings.filter,
        };
        let value = identity.to_bytes();
        // slapd compares IA5 strings up to the first NUL only (`IA5StringNormalize` in its
        // schema_init.c): what follows would not keep an address from being somebody else's.
        (!value.contains(&0)).then(|| template.render(&value))
    }

    /// Fails while the server's schema has no such attribute: a misspelt one is answered like an
    /// absent flag, and nobody would be flagged.
    async fn check_attribute(&self) -> Result<(), DirectoryError> {
        let attribute = &self.settings.attribute;
        let entry = |base, filter, attribute| Question {
            base,
            scope: Scope::Base,
            filter,
            attribute,
            kind: "schema",
        };
        let root = entry("", "(objectClass=*)", "subschemaSubentry");
        let Some(place) = self.shown(root).await?.into_iter().next() else {
            return Ok(());
        };
        let place = String::from_utf8_lossy(&place);
        let types = entry(&place, "(objectClass=subschema)", "attributeTypes");
        let types = self.shown(types).await?;
        let is_it = |known: &Vec<u8>| reading::is_named(known, attribute);
        if types.is_empty() || types.iter().any(is_it) {
            return Ok(());
        }
        Err(DirectoryError::Attribute(attribute.clone()))
    }

    /// The values of a question that need not be answered: servers may hide their schema.
    async fn shown(&self, question: Question<'_>) -> Result<Vec<Vec<u8>>, DirectoryError> {
        let entries = match self.search(question).await {
            Err(DirectoryError::LookUp { .. }) => return Ok(Vec::new()),
            entries => entries?,
        };
        let values = entries.into_iter().flat_map(|entry| entry.values);
        Ok(values.map(|(_, value)| value).collect())
    }

    /// Searches; a connection that fails is thrown away, and a fresh one is tried once.
    async fn search(&self, question: Question<'_>) -> Result<Vec<Answered>, DirectoryError> {
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
        let connection = Lent(Some(pooled));
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

    /// The time that one question may take: its own limit, or less if the message has less left.
    async fn within<T>(
        &self,
        deadline: Instant,
        answer: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let patience = self.settings.timeout.min(left);
        if patience.is_zero() {
            // A timer may be late by a millisecond, and a look-up quicker than that.
            return Err(DirectoryError::Timeout(patience));
        }
        timeout(patience, answer)
            .await
            .unwrap_or(Err(DirectoryError::Timeout(patience)))
    }

    /// Searches the people, once it is sure that their flag would be seen.
    async fn people(
        &self,
        question: Question<'_>,
        deadline: Instant,
    ) -> Result<Vec<Answered>, DirectoryError> {
        let asking = async {
            let check = self
                .attribute_is_known
                .get_or_try_init(|| self.check_attribute());
            check.await?;
            self.search(question).await
        };
        self.within(deadline, asking).await
    }
}

/// What is asked of the server.
#[derive(Clone, Copy)]
struct Question<'a> {
    base: &'a str,
    scope: Scope,
    filter: &'a str,
    /// The one attribute that is wanted.
    attribute: &'a str,
    /// What for.
    kind: &'static str,
}

impl Question<'_> {
    fn unanswered(&self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DirectoryError {
        DirectoryError::LookUp {
            kind: self.kind,
            cause: cause.into(),
        }
    }
}

#[async_trait]
impl Directory for Ldap {
    async fn standing(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Standing, DirectoryError> {
        let Some(filter) = self.filter(identity) else {
            return Ok(Standing::NotFlagged);
        };
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Subtree,
            filter: &filter,
            attribute: &self.settings.attribute,
            kind: identity.kind(),
        };
        let entries = self.people(question, deadline).await?;
        Ok(reading::standing(&self.settings.values, entries))
    }

    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError> {
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Base,
            filter: "(objectClass=*)",
            attribute: &self.settings.attribute,
            kind: "probe",
        };
        self.people(question, deadline).await.map(drop)
    }

    async fn survey(&self, deadline: Instant) -> Result<Option<Survey>, DirectoryError> {
        let attribute = &self.settings.attribute;
        let present = format!("({attribute}=*)");
        let question = |base, filter, attribute| Question {
            base,
            scope: Scope::Subtree,
            filter,
            attribute,
            kind: "survey",
        };
        let begin = Instant::now();
        let people = question(&self.settings.base, &present, attribute);
        let flags = match self.people(people, deadline).await {
            Err(DirectoryError::LookUp { cause, .. }) if is_size_limit(&*cause) => {
                Flags::MoreThan(ENTRY_LIMIT.unsigned_abs() as usize)
            }
            // Without the right to read it, an entry is found and shown without its flag.
            found => Flags::Counted(found?.iter().filter(|one| !one.values.is_empty()).count()),
        };
        let took = begin.elapsed();
        let indexes = self.shown(question("cn=config", "(olcDbIndex=*)", "olcDbIndex"));
        let indexes = self.within(deadline, indexes).await?;
        let indexes = indexes
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned());
        Ok(Some(Survey {
            flags,
            took,
            indexes: indexes.collect(),
        }))
    }
}

/// Whether the server has more to give than was asked for (RFC 4511, section 4.1.9).
fn is_size_limit(cause: &(dyn StdError + Send + Sync + 'static)) -> bool {
    const SIZE_LIMIT_EXCEEDED: u32 = 4;
    matches!(
        cause.downcast_ref(),
        Some(LdapError::LdapResult { result }) if result.rc == SIZE_LIMIT_EXCEEDED
    )
}

/// Entries as plain values. The library panics on what is no entry after RFC 4511, and the server
/// is somebody else's.
fn answered(
    question: Question<'_>,
    entries: Vec<ResultEntry>,
) -> Result<Vec<Answered>, DirectoryError> {
    let read = |entry| {
        let entry = SearchEntry::construct(entry);
        let texts = entry.attrs.into_iter().flat_map(|(name, values)| {
            let values = values.into_iter().map(String::into_bytes);
            values.map(move |value| (name.clone(), value))
        });
        let bytes = entry.bin_attrs.into_iter();
        let bytes = bytes
            .flat_map(|(name, values)| values.into_iter().map(move |value| (name.clone(), value)));
        Answered {
            name: entry.dn,
            values: texts.chain(bytes).collect(),
        }
    };
    catch_unwind(AssertUnwindSafe(|| entries.into_iter().map(read).collect()))
        .map_err(|_| question.unanswered("an entry of the answer cannot be read"))
}

/// A connection in use. It goes back to the pool only after a whole answer: one that was cut off by
/// a deadline may be dead without knowing.
struct Lent(Option<Object<Connector>>);

impl Lent {
    fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(doubtful) = self.0.take() {
            drop(Object::take(doubtful));
        }
    }
}

fn unreachable(
    settings: &Settings,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> DirectoryError {
    DirectoryError::Connect {
        server: settings.url.clone(),
        cause: cause.into(),
    }
}

/// Makes and checks the pool's connections.
struct Connector {
    settings: Settings,
}

impl Manager for Connector {
    type Type = ldap3::Ldap;
    type Error = DirectoryError;

    async fn create(&self) -> Result<ldap3::Ldap, DirectoryError> {
        let lost = |cause: LdapError| unreachable(&self.settings, cause);
        let wait = self.settings.timeout;
        let options = LdapConnSettings::new().set_conn_timeout(wait);
        // The library's own limit does not cover ldapi.
        let connecting = LdapConnAsync::with_settings(options, &self.settings.url);
        let (driver, mut ldap) = timeout(wait, connecting)
            .await
            .map_err(|_| DirectoryError::Timeout(wait))?
            .map_err(lost)?;
        tokio::spawn(async move {
            // How a connection ends is told to whoever uses it.
            let _end = driver.drive().await;
        });
        if let Some(bind) = &self.settings.bind {
            let refused = |cause: LdapError| DirectoryError::Bind {
                bind_dn: bind.dn.clone(),
                cause: cause.into(),
            };
            let binding = ldap.simple_bind(&bind.dn, bind.password.expose_secret());
            let answer = timeout(wait, binding)
                .await
                .map_err(|_| DirectoryError::Timeout(wait))?;
            answer.map_err(lost)?.success().map_err(refused)?;
        }
        Ok(ldap)
    }

    async fn recycle(
        &self,
        ldap: &mut ldap3::Ldap,
        metrics: &Metrics,
    ) -> RecycleResult<DirectoryError> {
        if ldap.is_closed() {
            return Err(RecycleError::message("closed by the server"));
        }
        if metrics.age() >= self.settings.max_connection_age {
            return Err(RecycleError::message("too old"));
        }
        Ok(())
    }
}
