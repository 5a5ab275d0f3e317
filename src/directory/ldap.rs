//! Looks flags up in an LDAP server. Connections are pooled, aged out and replaced after any fault.

use std::{error::Error as StdError, io, time::Duration};

use async_trait::async_trait;
use deadpool::managed::{Manager, Metrics, Object, Pool, PoolError, RecycleError, RecycleResult};
use ldap3::{
    LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchEntry, SearchOptions,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Directory, DirectoryError, filter::FilterTemplate};
use crate::domain::{
    identity::Identity,
    person::{Entry, FlagReading, FlagValues, Standing},
};

/// More entries than this for one identity is an answer that nobody can trust.
const ENTRY_LIMIT: i32 = 100;

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
    /// The attribute that carries the flag.
    pub attribute: String,
    /// How its values read.
    pub values: FlagValues,
    /// Connections at once.
    pub max_connections: usize,
    /// A connection is replaced at this age: the library keeps a little of every search.
    pub max_connection_age: Duration,
    /// One look-up, connecting included.
    pub timeout: Duration,
}

/// A login for the directory.
#[derive(Clone, Debug)]
pub struct Bind {
    /// The distinguished name.
    pub dn: String,
    /// Never empty: servers take an empty password as anonymous (RFC 4513, section 5.1.2).
    pub password: SecretString,
}

/// The LDAP backend.
pub struct Ldap {
    settings: Settings,
    pool: Pool<Connector>,
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
        }
    }

    fn filter(&self, identity: &Identity) -> Option<String> {
        let template = match identity {
            Identity::Login(_) => self.settings.login_filter.as_ref()?,
            Identity::Sender(_) => &self.settings.filter,
        };
        Some(template.render(&identity.to_bytes()))
    }

    /// Searches; a connection that fails is thrown away, and a fresh one is tried once.
    async fn search(
        &self,
        filter: &str,
        within: Question<'_>,
    ) -> Result<Vec<ResultEntry>, DirectoryError> {
        match self.try_search(filter, within).await {
            Err(DirectoryError::Connect { .. }) => {
                // What is idle in the pool is as old as the one that failed.
                self.pool.retain(|_, _| false);
                self.try_search(filter, within).await
            }
            answer => answer,
        }
    }

    async fn try_search(
        &self,
        filter: &str,
        question: Question<'_>,
    ) -> Result<Vec<ResultEntry>, DirectoryError> {
        let pooled = self
            .pool
            .get()
            .await
            .map_err(|error| self.pool_failure(error))?;
        let mut ldap = ldap3::Ldap::clone(&pooled);
        let connection = Lent(Some(pooled));
        let attribute = [self.settings.attribute.as_str()];
        let options = SearchOptions::new().sizelimit(ENTRY_LIMIT);
        let search = ldap.with_search_options(options).search(
            question.base,
            question.scope,
            filter,
            attribute,
        );
        let (entries, outcome) = match search.await {
            Ok(result) => (result.0, result.1),
            Err(cause) => return Err(self.connect_failure(cause)),
        };
        // From here on the connection has proved to be sound: a refusal is an answer.
        connection.give_back();
        if !outcome.refs.is_empty() {
            let cause = io::Error::other("the answer is a referral, not a whole answer");
            return Err(DirectoryError::LookUp {
                kind: question.kind,
                cause: cause.into(),
            });
        }
        match outcome.success() {
            Ok(_) => Ok(entries),
            Err(cause) => Err(DirectoryError::LookUp {
                kind: question.kind,
                cause: cause.into(),
            }),
        }
    }

    fn pool_failure(&self, error: PoolError<DirectoryError>) -> DirectoryError {
        if let PoolError::Backend(error) = error {
            return error;
        }
        let cause = error.to_string().into();
        DirectoryError::Connect {
            server: self.settings.url.clone(),
            cause,
        }
    }

    fn connect_failure(&self, cause: LdapError) -> DirectoryError {
        DirectoryError::Connect {
            server: self.settings.url.clone(),
            cause: cause.into(),
        }
    }

    /// The time that one question may take: its own limit, or less if the message has less left.
    async fn within<T>(
        &self,
        deadline: Instant,
        answer: impl Future<Output = Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        let own = Instant::now() + self.settings.timeout;
        timeout_at(own.min(deadline), answer)
            .await
            .unwrap_or(Err(DirectoryError::Timeout(self.settings.timeout)))
    }

    fn read(&self, entries: Vec<ResultEntry>) -> Standing {
        let mut flagged = None;
        for entry in entries {
            let entry = SearchEntry::construct(entry);
            for value in values_of(&entry, &self.settings.attribute) {
                let Some(reading) = self.settings.values.read(&value) else {
                    continue;
                };
                let flag = format!(
                    "{}={}",
                    self.settings.attribute,
                    String::from_utf8_lossy(&value)
                );
                let found = Entry {
                    name: entry.dn.clone(),
                    flag,
                    reading,
                };
                // A doubtful value among good ones still raises its alarm.
                if flagged.is_none() || reading == FlagReading::Doubtful {
                    flagged = Some(found);
                }
            }
        }
        flagged.map_or(Standing::NotFlagged, Standing::Flagged)
    }
}

/// What is asked of the server, beside the filter.
#[derive(Clone, Copy)]
struct Question<'a> {
    base: &'a str,
    scope: Scope,
    kind: &'static str,
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
            kind: identity.kind(),
        };
        let entries = self
            .within(deadline, self.search(&filter, question))
            .await?;
        Ok(self.read(entries))
    }

    async fn probe(&self, deadline: Instant) -> Result<(), DirectoryError> {
        let question = Question {
            base: &self.settings.base,
            scope: Scope::Base,
            kind: "probe",
        };
        self.within(deadline, self.search("(objectClass=*)", question))
            .await
            .map(drop)
    }
}

/// The values of an attribute, whatever its spelling: servers choose the case and options.
fn values_of(entry: &SearchEntry, attribute: &str) -> Vec<Vec<u8>> {
    let is_it = |name: &str| {
        name.split(';')
            .next()
            .is_some_and(|base| base.eq_ignore_ascii_case(attribute))
    };
    let texts = entry.attrs.iter().filter(|(name, _)| is_it(name));
    let texts = texts.flat_map(|(_, values)| values.iter().map(|value| value.clone().into_bytes()));
    let bytes = entry.bin_attrs.iter().filter(|(name, _)| is_it(name));
    texts
        .chain(bytes.flat_map(|(_, values)| values.iter().cloned()))
        .collect()
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

/// Makes and checks the pool's connections.
struct Connector {
    settings: Settings,
}

impl Manager for Connector {
    type Type = ldap3::Ldap;
    type Error = DirectoryError;

    async fn create(&self) -> Result<ldap3::Ldap, DirectoryError> {
        let server = || self.settings.url.clone();
        let unreachable = |cause: Box<dyn StdError + Send + Sync>| DirectoryError::Connect {
            server: server(),
            cause,
        };
        let wait = self.settings.timeout;
        let options = LdapConnSettings::new().set_conn_timeout(wait);
        // The library's own limit does not cover ldapi.
        let connecting = LdapConnAsync::with_settings(options, &self.settings.url);
        let (driver, mut ldap) = timeout(wait, connecting)
            .await
            .map_err(|_| DirectoryError::Timeout(wait))?
            .map_err(|cause| unreachable(cause.into()))?;
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
            answer
                .map_err(|cause| unreachable(cause.into()))?
                .success()
                .map_err(refused)?;
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
