//! What the server says of its own settings and its clock, for `mailhold check`. Reads no table.

use chrono::{DateTime, TimeDelta, Utc};

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

/// How far the server's clock is from this host's, by the times right before and after the server
/// told its own: zero where the answer's own time explains the difference.
pub fn clocks_apart(
    server: DateTime<Utc>,
    before: DateTime<Utc>,
    after: DateTime<Utc>,
) -> TimeDelta {
    if server < before {
        server - before
    } else if server > after {
        server - after
    } else {
        TimeDelta::zero()
    }
}

/// Clocks that are less than this apart do no harm: leases know the database's clock alone.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(10);

impl Store {
    /// Says how far the server's clock is from this host's, if that is too much.
    pub async fn clock_fault(&self) -> Result<Option<String>, StoreError> {
        let before = Utc::now();
        let asked = sqlx::query_scalar!(r#"select clock_timestamp() as "clock!""#);
        let told = within(asked.fetch_one(&self.pool)).await;
        let server = told.map_err(|cause| StoreError::Survey { cause })?;
        let apart = clocks_apart(server, before, Utc::now());
        Ok((apart.abs() > CLOCK_TOLERANCE).then(|| {
            let seconds = apart.num_seconds();
            format!("the database's clock is {seconds:+} s from that of this host")
        }))
    }

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
