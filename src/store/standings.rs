//! How the captures under some queue IDs stand: what the worker compares with the hold queue. Never
//! moves a state, and never asks for what is settled unless by its name.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::types::Uuid;

use crate::domain::{
    capture_id::CaptureId, instance::Instance, lifecycle::State, queue_id::QueueId,
};

use super::{Cause, Store, StoreError, row, within};

/// A capture and its state, as far as a listing of the hold queue is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The capture.
    pub capture_id: CaptureId,
    /// The queue file's name.
    pub queue_id: QueueId,
    /// When the milter saw the end of the message.
    pub captured_at: DateTime<Utc>,
    /// Where it stands.
    pub state: State,
}

/// What was confirmed lately, and up to when that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmed {
    /// Held captures that nobody has decided.
    pub held: Vec<Known>,
    /// The database's time: where the next look may begin.
    pub until: DateTime<Utc>,
}

/// How long a confirmation may take from its time stamp to its COMMIT: the statement's time limit,
/// and some more. What is committed late must not be overlooked.
const LATEST_COMMIT: TimeDelta = TimeDelta::seconds(30);

struct KnownRow {
    capture_id: Uuid,
    queue_id: String,
    captured_at: DateTime<Utc>,
    state: String,
}

impl KnownRow {
    fn read(self) -> Result<Known, Cause> {
        Ok(Known {
            capture_id: CaptureId::new(self.capture_id),
            queue_id: row::parsed(&self.queue_id, "queue_id")?,
            captured_at: self.captured_at,
            state: row::parsed(&self.state, "state")?,
        })
    }
}

fn read_all(rows: Vec<KnownRow>) -> Result<Vec<Known>, Cause> {
    rows.into_iter().map(KnownRow::read).collect()
}

impl Store {
    /// All captures under the given queue IDs, settled ones included.
    pub async fn known(
        &self,
        instance: &Instance,
        queue_ids: &[QueueId],
    ) -> Result<Vec<Known>, StoreError> {
        let asked = sqlx::query_as!(
            KnownRow,
            "select capture_id, queue_id, captured_at, state
            from capture
            where queue_id = any($2)
                and instance = $1",
            instance.as_str(),
            &row::names(queue_ids),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Decided captures that are not settled, page by page: `after` is the last one of the page before.
    /// Asked of the open work, which is little however many captures are held or were settled.
    pub async fn decided(
        &self,
        instance: &Instance,
        after: Option<CaptureId>,
        limit: u32,
    ) -> Result<Vec<Known>, StoreError> {
        let asked = sqlx::query_as!(
            KnownRow,
            "select c.capture_id, c.queue_id, c.captured_at, c.state
            from work w
            join capture c on c.capture_id = w.capture_id
            where w.instance = $1
                and w.capture_id > $2
            order by w.capture_id
            limit $3",
            instance.as_str(),
            after.map_or(Uuid::nil(), CaptureId::uuid),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Held and undecided captures that became so since `since`, and a little before: another worker
    /// may have confirmed them. `None`: none of them, but the time.
    pub async fn confirmed_since(
        &self,
        instance: &Instance,
        since: Option<DateTime<Utc>>,
    ) -> Result<Confirmed, StoreError> {
        let failed = |cause| StoreError::LookUp { cause };
        let clock = sqlx::query_scalar!(r#"select now() as "now!""#).fetch_one(&self.pool);
        let until = within(clock).await.map_err(failed)?;
        let Some(since) = since else {
            let held = Vec::new();
            return Ok(Confirmed { held, until });
        };
        let asked = sqlx::query_as!(
            KnownRow,
            "select capture_id, queue_id, captured_at, state
            from capture
            where instance = $1
                and state = 'held'
                and held_at >= $2",
            instance.as_str(),
            since - LATEST_COMMIT,
        )
        .fetch_all(&self.pool);
        let held = within(asked).await.and_then(read_all).map_err(failed)?;
        Ok(Confirmed { held, until })
    }
}
