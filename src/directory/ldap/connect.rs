//! Connections to one server: made, protected, bound, pooled, and thrown away after any doubt.

use std::{error::Error as StdError, pin::pin};

use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use futures_util::{FutureExt, future::BoxFuture};
use ldap3::{LdapConnAsync, LdapConnSettings, LdapError};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{Bind, Settings, StartTls, tls, url::ServerUrl};
use crate::directory::DirectoryError;

/// A pool for one server of these settings; connects at the first look-up.
#[expect(
    clippy::expect_used,
    reason = "a pool without timeouts of its own needs no runtime"
)]
pub(super) fn pool(settings: &Settings, server: &ServerUrl) -> Pool<Connector> {
    let connector = Connector {
        settings: settings.clone(),
        server: server.clone(),
    };
    let pool = Pool::builder(connector)
        .max_size(settings.max_connections)
        .build();
    pool.expect("a pool without timeouts")
}

/// What moves a connection's bytes, to its end.
pub(super) type Driving = BoxFuture<'static, Result<(), LdapError>>;

/// Connects to one server, protects the connection and binds. What drives the connection is a task
/// of its own; it ends with the connection.
pub(in crate::directory) async fn connect(
    settings: &Settings,
    server: &ServerUrl,
) -> Result<ldap3::Ldap, DirectoryError> {
    let (driving, ldap) = open(settings, server).await?;
    tokio::spawn(driving);
    Ok(ldap)
}

/// As [`connect`], for whoever drives the connection himself.
pub(super) async fn open(
    settings: &Settings,
    server: &ServerUrl,
) -> Result<(Driving, ldap3::Ldap), DirectoryError> {
    let wait = settings.timeout;
    let options = LdapConnSettings::new()
        .set_conn_timeout(wait)
        .set_starttls(settings.starttls == StartTls::Required);
    let options = match &settings.tls {
        Some(tls) => options.set_config(tls.config()),
        None => options,
    };
    // The library's own limit does not cover ldapi.
    let connecting = LdapConnAsync::with_settings(options, server.as_str());
    let (driver, mut ldap) = timeout(wait, connecting)
        .await
        .map_err(|_| DirectoryError::Timeout(wait))?
        .map_err(|cause| unprotected(server, cause))?;
    let mut driving = driver.drive().boxed();
    {
        let mut binding = pin!(bind(settings, server, &mut ldap));
        tokio::select! {
            biased;
            bound = &mut binding => bound?,
            // What came before the end may be an answer still.
            end = &mut driving => match (binding.await, end) {
                // A server that does not like our certificate says so after the handshake.
                (Err(DirectoryError::Connect { .. }), Err(end)) => {
                    return Err(unprotected(server, end));
                }
                (bound, _) => bound?,
            },
        }
    }
    Ok((driving, ldap))
}

async fn bind(
    settings: &Settings,
    server: &ServerUrl,
    ldap: &mut ldap3::Ldap,
) -> Result<(), DirectoryError> {
    let wait = settings.timeout;
    let binding = async {
        match &settings.bind {
            Bind::Anonymous => Ok(None),
            Bind::Password { dn, password } => {
                let answer = ldap.simple_bind(dn, password.expose_secret());
                answer.await.map(Some)
            }
            Bind::External => ldap.sasl_external_bind().await.map(Some),
        }
    };
    let answer = timeout(wait, binding)
        .await
        .map_err(|_| DirectoryError::Timeout(wait))?
        .map_err(|cause| unreachable(server, cause))?;
    let refused = |cause: LdapError| DirectoryError::Bind {
        who: settings.bind.to_string(),
        cause: cause.into(),
    };
    match answer {
        Some(answer) => answer.success().map(drop).map_err(refused),
        None => Ok(()),
    }
}

/// A connection in use. It goes back to the pool only after a whole answer: one that was cut off by
/// a deadline may be dead without knowing.
pub(super) struct Lent(Option<Object<Connector>>);

impl Lent {
    /// Takes a connection of the pool into use.
    pub(super) fn new(connection: Object<Connector>) -> Self {
        Self(Some(connection))
    }

    /// The answer was whole.
    pub(super) fn give_back(mut self) {
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

/// No connection to the server, or it was lost.
pub(super) fn unreachable(
    server: &ServerUrl,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> DirectoryError {
    DirectoryError::Connect {
        server: server.to_string(),
        cause: cause.into(),
    }
}

/// No connection, or none that is protected as it must be.
fn unprotected(server: &ServerUrl, cause: LdapError) -> DirectoryError {
    let fault = if matches!(cause, LdapError::LdapResult { .. }) {
        // Nothing but StartTLS was asked for.
        Some("the server refuses StartTLS")
    } else {
        tls::fault(&cause)
    };
    match fault {
        Some(fault) => DirectoryError::Tls {
            server: server.to_string(),
            fault,
            cause: cause.into(),
        },
        None => unreachable(server, cause),
    }
}

/// Makes and checks the pool's connections.
pub(super) struct Connector {
    settings: Settings,
    server: ServerUrl,
}

impl Manager for Connector {
    type Type = ldap3::Ldap;
    type Error = DirectoryError;

    async fn create(&self) -> Result<ldap3::Ldap, DirectoryError> {
        connect(&self.settings, &self.server).await
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
