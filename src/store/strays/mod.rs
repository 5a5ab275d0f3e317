//! Strays: mail on hold that nobody captured. Never asks for more of them than name, age and size.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, instance::Instance, queue_id::QueueId};

use super::{Cause, Store, StoreError, row, within};

pub mod adoptions;

use adoptions::Adoption;

/// What is known of mail on hold that nobody captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The queue file's name.
    pub queue_id: QueueId,
    /// When it came, as the queue ID tells.
    pub arrived_at: DateTime<Utc>,
    /// The length of its queue file in bytes.
    pub size_bytes: u64,
}

/// How a stray ends without an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrayEnd {
    /// Its capture came after all.
    Captured,
    /// Another hand moved it.
    Left,
}

impl StrayEnd {
    /// The word used in the database and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Left => "left",
        }
    }
}

/// A stray as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedStray {
    /// The Postfix instance that holds it.
    pub instance: Instance,
    /// What is known of it.
    pub stray: Stray,
    /// When a worker recorded it.
    pub found_at: DateTime<Utc>,
    /// How it ended and when: `captured`, `left` or `adopted`.
    pub ended: Option<(String, DateTime<Utc>)>,
    /// Who adopted it.
    pub adoption: Option<Adoption>,
}

impl Store {
    /// Records strays, and returns those that were not recorded before.
    pub async fn note_strays(
        &self,
        instance: &Instance,
        strays: &[Stray],
    ) -> Result<Vec<QueueId>, StoreError> {
        let names = strays.iter().map(|stray| &stray.queue_id);
        let sizes = strays.iter().map(|stray| stray.size_bytes);
        let arrived: Vec<_> = strays.iter().map(|stray| stray.arrived_at).collect();
        let asked = sqlx::query_scalar!(
            "insert into stray (instance, queue_id, arrived_at, size_bytes)
            select $1, queue_id, arrived_at, size_bytes
            from unnest($2::text[], $3::timestamptz[], $4::bigint[])
                as found (queue_id, arrived_at, size_bytes)
            on conflict do nothing
            returning queue_id",
            instance.as_str(),
            &row::names(names),
            &arrived,
            &sizes
                .map(|size| i64::try_from(size).unwrap_or(i64::MAX))
                .collect::<Vec<_>>(),
        )
        .fetch_all(&self.pool);
        read_names(within(asked).await).map_err(|cause| StoreError::Strays { cause })
    }

    /// Records how strays ended, and returns those that stood until then.
    pub async fn end_strays(
        &self,
        instance: &Instance,
        queue_ids: &[QueueId],
        end: StrayEnd,
    ) -> Result<Vec<QueueId>, StoreError> {
        let asked = sqlx::query_scalar!(
            "update stray
            set ended = $3, ended_at = now()
            where instance = $1
                and queue_id = any($2)
                and ended is null
            returning queue_id",
            instance.as_str(),
            &row::names(queue_ids),
            end.as_str(),
        )
        .fetch_all(&self.pool);
        read_names(within(asked).await).map_err(|cause| StoreError::Strays { cause })
    }

    /// The strays of an instance that stand, by queue ID, page by page.
    pub async fn standing_strays(
        &self,
        instance: &Instance,
        after: Option<&QueueId>,
        limit: u32,
    ) -> Result<Vec<QueueId>, StoreError> {
        let asked = sqlx::query_scalar!(
            "select queue_id
            from stray
            where instance = $1
                and ended is null
                and queue_id > $2
            order by queue_id
            limit $3",
            instance.as_str(),
            after.map_or("", QueueId::as_str),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        read_names(within(asked).await).map_err(|cause| StoreError::Strays { cause })
    }

    /// Strays for a list, the eldest first; with `ended` those as well that do not stand any more,
    /// the newest first.
    pub async fn strays(&self, ended: Shown, limit: u32) -> Result<Vec<RecordedStray>, StoreError> {
        let asked = sqlx::query_as!(
            RecordedRow,
            r#"select s.instance, s.queue_id, s.arrived_at, s.size_bytes, s.found_at,
                s.ended, s.ended_at,
                a.administrator as "administrator?", a.os_user, a.note,
                a.created_at as "adopted_at?", a.capture_id, a.last_failure
            from stray s
            left join adoption a using (stray_id)
            where $1 or s.ended is null
            order by case when $1 then s.found_at end desc, s.found_at, s.queue_id
            limit $2"#,
            ended == Shown::All,
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let rows = within(asked).await;
        let strays = rows.and_then(|rows| rows.into_iter().map(RecordedRow::read).collect());
        strays.map_err(|cause| StoreError::Strays { cause })
    }
}

/// Which strays a list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Those that stand.
    Standing,
    /// All.
    All,
}

struct RecordedRow {
    instance: String,
    queue_id: String,
    arrived_at: DateTime<Utc>,
    size_bytes: i64,
    found_at: DateTime<Utc>,
    ended: Option<String>,
    ended_at: Option<DateTime<Utc>>,
    administrator: Option<String>,
    os_user: Option<String>,
    note: Option<String>,
    adopted_at: Option<DateTime<Utc>>,
    capture_id: Option<Uuid>,
    last_failure: Option<String>,
}

impl RecordedRow {
    fn read(self) -> Result<RecordedStray, Cause> {
        let adoption = self.administrator.zip(self.adopted_at);
        Ok(RecordedStray {
            instance: row::parsed(&self.instance, "instance")?,
            stray: Stray {
                queue_id: row::parsed(&self.queue_id, "queue_id")?,
                arrived_at: self.arrived_at,
                size_bytes: row::size(self.size_bytes),
            },
            found_at: self.found_at,
            ended: self.ended.zip(self.ended_at),
            adoption: adoption.map(|(administrator, adopted_at)| Adoption {
                administrator,
                os_user: self.os_user,
                note: self.note,
                adopted_at,
                capture_id: self.capture_id.map(CaptureId::new),
                last_failure: self.last_failure,
            }),
        })
    }
}

fn read_names(names: Result<Vec<String>, Cause>) -> Result<Vec<QueueId>, Cause> {
    let read = names?.into_iter();
    read.map(|name| row::parsed(&name, "queue_id")).collect()
}
