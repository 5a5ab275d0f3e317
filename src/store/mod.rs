//! PostgreSQL: captures, reviews, decisions, work and settlements, and what is watched. Never speaks
//! to Postfix or the directory, never parses a message, and never changes the schema when a process
//! starts.

use std::{fmt, io, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::time::timeout;

pub mod schema;

pub mod captures;
pub mod listing;
pub mod reviews;

pub mod added;
pub mod audit;
pub mod decisions;
pub mod doubts;
pub mod settlements;
pub mod work;

pub mod outlines;

pub mod hold_queue;
pub mod sessions;
pub mod standings;
pub mod strays;

pub mod figures;
pub mod survey;
pub mod wake;
pub mod watched;

mod error;
#[cfg(test)]
mod error_tests;
mod leases;
mod row;
mod verifier;

pub use error::{Cause, StoreError};

/// How long one statement may run in the server.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server keeps a transaction whose client is silent: until then nobody else can record
/// the same captures.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait for a connection: a refused one is retried for as long.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a connection may take to show that it is fit for the next one.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one operation may take in all, for a server that is gone without a word.
const DEADLINE: Duration = Duration::from_secs(20);

/// How to reach the database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://login@host/database`.
    pub url: String,
    /// The login's password, if it has one.
    pub password: Option<SecretString>,
    /// Connections at once, without the one that listens.
    pub max_connections: u32,
}

/// Whose rights a connection uses; the application name in `pg_stat_activity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Inserts captures.
    Milter,
    /// Confirms, claims and settles.
    Worker,
    /// Reads captures and inserts outlines.
    Outline,
    /// Reads reviews and inserts decisions, for people in a browser.
    Web,
    /// The same for people at a command line.
    Reviews,
    /// Owns the schema.
    Migrate,
}

impl Role {
    /// The name that the server shows for its connections.
    pub fn application_name(self) -> &'static str {
        match self {
            Self::Milter => "mailhold milter",
            Self::Worker => "mailhold worker",
            Self::Outline => "mailhold outline",
            Self::Web => "mailhold web",
            Self::Reviews => "mailhold reviews",
            Self::Migrate => "mailhold migrate",
        }
    }

    /// Methods that the planner is to leave alone. Milter and worker look rows up by their keys, in
    /// statements that are planned once for a connection; planned while a table is small, or before
    /// PostgreSQL has looked at it, a plan that reads all of it seems as good, and stays. Compiling a
    /// statement takes longer than any of them.
    fn planning(self) -> &'static [&'static str] {
        match self {
            Self::Milter | Self::Worker => &[
                "enable_seqscan",
                "enable_bitmapscan",
                "enable_hashjoin",
                "enable_mergejoin",
                "jit",
            ],
            Self::Outline | Self::Web | Self::Reviews | Self::Migrate => &[],
        }
    }
}

/// The database as one process sees it. Clones share their connections.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: PgConnectOptions,
}

impl Store {
    /// Makes a store that connects when it is first asked, so that it may be made while PostgreSQL
    /// is away.
    pub fn connect_lazy(settings: &Settings, role: Role) -> Result<Self, StoreError> {
        let options = connect_options(settings, role)?
            .options([
                ("statement_timeout", milliseconds(STATEMENT_TIMEOUT)),
                (
                    "idle_in_transaction_session_timeout",
                    milliseconds(IDLE_IN_TRANSACTION_TIMEOUT),
                ),
            ])
            .options(role.planning().iter().map(|method| (*method, "off")));
        let pool = pool_options(settings.max_connections).connect_lazy_with(options.clone());
        Ok(Self { pool, options })
    }

    /// Compares the schema with this program and says why the database cannot be used, if it cannot.
    ///
    /// # Errors
    /// The true reason of a failed connection, which the pool hides behind its own time limit; or
    /// [`StoreError::Schema`] if `mailhold migrate` must run first.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let mut connection = connect(&self.options).await?;
        // A server that stands still in the middle must not keep the asker from looking again.
        let compared = timeout(ACQUIRE_TIMEOUT, schema::compare(&mut connection)).await;
        let compared = compared.unwrap_or_else(|_| {
            let cause = Cause::Deadline(ACQUIRE_TIMEOUT);
            Err(StoreError::CompareSchema { cause })
        });
        if compared.is_ok() {
            // It is closed in any case; this is only the polite way.
            let _impolite = timeout(RELEASE_TIMEOUT, connection.close()).await;
        }
        compared
    }

    /// Waits until all connections are given back, and closes them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Without the options: they hold the password in the clear.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.options.get_application_name();
        f.debug_struct("Store")
            .field("application_name", &name)
            .finish_non_exhaustive()
    }
}

fn connect_options(settings: &Settings, role: Role) -> Result<PgConnectOptions, StoreError> {
    // sqlx takes any scheme.
    let known = ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| settings.url.starts_with(scheme));
    if !known {
        let cause = Cause::Unreadable("it does not start with postgres://".to_owned());
        return Err(StoreError::Url { cause });
    }
    let options: PgConnectOptions = settings.url.parse().map_err(|cause| StoreError::Url {
        cause: Cause::from_sqlx(cause),
    })?;
    // What a statement does is told once, by the event of whoever asked for it.
    let options = options
        .application_name(role.application_name())
        .disable_statement_logging();
    Ok(match &settings.password {
        Some(password) => options.password(password.expose_secret()),
        None => options,
    })
}

/// One connection outside the pool, with the true reason if there is none.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let connecting = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(options));
    match connecting.await {
        Ok(connected) => connected.map_err(Cause::from_sqlx),
        Err(_) => Err(Cause::Deadline(ACQUIRE_TIMEOUT)),
    }
    .map_err(|cause| StoreError::Connect { cause })
}

fn pool_options(max_connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_release(|connection, _| Box::pin(is_clean(connection)))
}

/// A future that is dropped inside `begin` gives back a connection with an open transaction
/// (sqlx#4385): later writes would be lost. The pair is one round trip and, unlike a bare ROLLBACK,
/// leaves no warning in the server's log when all is well.
///
/// A connection that is silent is closed: it would count as used for as long as TCP tries.
async fn is_clean(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(RELEASE_TIMEOUT, connection.execute("begin; rollback")).await {
        Ok(answered) => answered.map(|_| true),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// Gives one operation its deadline.
async fn within<T>(operation: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Cause> {
    match timeout(DEADLINE, operation).await {
        Ok(answered) => answered.map_err(Cause::from_sqlx),
        Err(_) => Err(Cause::Deadline(DEADLINE)),
    }
}
