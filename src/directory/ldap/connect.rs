//! Connections to the server: made, bound, pooled, and thrown away after any doubt.

use std::error::Error as StdError;

use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult};
use ldap3::{LdapConnAsync, LdapConnSettings, LdapError};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::Settings;
use crate::directory::DirectoryError;

/// A pool for the server of these settings; connects at the first look-up.
#[expect(
    clippy::expect_used,
    reason = "a pool without timeouts of its own needs no runtime"
)]
pub(super) fn pool(settings: &Settings) -> Pool<Connector> {
    let connector = Connector {
        settings: settings.clone(),
    };
    let pool = Pool::builder(connector)
        .max_size(settings.max_connections)
        .build();
    pool.expect("a pool without timeouts")
}

/// Connects and binds. What drives the connection is a task of its own; it ends with the connection.
pub(super) async fn connect(settings: &Settings) -> Result<ldap3::Ldap, DirectoryError> {
    let lost = |cause: LdapError| unreachable(settings, cause);
    let wait = settings.timeout;
    let options = LdapConnSettings::new().set_conn_timeout(wait);
    // The library's own limit does not cover ldapi.
    let connecting = LdapConnAsync::with_settings(options, &settings.url);
    let (driver, mut ldap) = timeout(wait, connecting)
        .await
        .map_err(|_| DirectoryError::Timeout(wait))?
        .map_err(lost)?;
    tokio::spawn(async move {
        // How a connection ends is told to whoever uses it.
        let _end = driver.drive().await;
    });
    if let Some(bind) = &settings.bind {
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
    settings: &Settings,
    cause: impl Into<Box<dyn StdError + Send + Sync>>,
) -> DirectoryError {
    DirectoryError::Connect {
        server: settings.url.clone(),
        cause: cause.into(),
    }
}

/// Makes and checks the pool's connections.
pub(super) struct Connector {
    settings: Settings,
}

impl Manager for Connector {
    type Type = ldap3::Ldap;
    type Error = DirectoryError;

    async fn create(&self) -> Result<ldap3::Ldap, DirectoryError> {
        connect(&self.settings).await
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
