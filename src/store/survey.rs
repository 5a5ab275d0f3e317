//! What the server says of its own settings and its clock, for `mailhold check`. Reads no table.

use chrono::{DateTime, Utc};

use super::{Store, StoreError, within};

/// Settings that decide whether a commit survives a crash, as they count for this login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The server's version.
    pub version: String,
    /// The login that asked.
    pub login: String,
    /// `on`, or a crash can destroy the database.
    pub fsync: String,
    /// `on`, or a power cut can leave half-written pages.
    pub full_page_writes: String,
    /// `off` is a commit that nobody waits for.
    pub synchronous_commit: String,
    /// The server's time when it answered.
    pub clock: DateTime<Utc>,
}

impl Store {
    /// Asks the server; every login may.
    pub async fn survey(&self) -> Result<Survey, StoreError> {
        let asked = sqlx::query!(
            r#"select
                current_setting('server_version') as "version!",
                current_user::text as "login!",
                current_setting('fsync') as "fsync!",
                current_setting('full_page_writes') as "full_page_writes!",
                current_setting('synchronous_commit') as "synchronous_commit!",
                clock_timestamp() as "clock!""#
        )
        .fetch_one(&self.pool);
        let told = within(asked)
            .await
            .map_err(|cause| StoreError::Survey { cause })?;
        Ok(Survey {
            version: told.version,
            login: told.login,
            fsync: told.fsync,
            full_page_writes: told.full_page_writes,
            synchronous_commit: told.synchronous_commit,
            clock: told.clock,
        })
    }
}
