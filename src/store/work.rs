//! What the worker asks for: unconfirmed captures, held ones, and claims. Never touches content and
//! holds no transaction open while Postfix works.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{
    capture::ContentDigest, capture_id::CaptureId, decision::Decision, instance::Instance,
    queue_id::QueueId,
};

pub use super::leases::Lease;
use super::{Cause, Store, StoreError, row, within};

/// What identifies the queue file of a capture that is not settled yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The capture.
    pub capture_id: CaptureId,
    /// The queue file's name.
    pub queue_id: QueueId,
    /// When the milter saw the end of the message.
    pub captured_at: DateTime<Utc>,
    /// What the queue file must hold.
    pub digest: ContentDigest,
    /// How long that is, in bytes.
    pub size_bytes: u64,
}

/// A decision that this worker is to carry out before its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// What [`Store::settle`] and [`Store::postpone`] ask for.
    pub lease: Lease,
    /// What was decided.
    pub decision: Decision,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// When an earlier attempt set out to run a command ([`Store::begin`]); `None` if none did.
    pub begun_at: Option<DateTime<Utc>>,
    /// Whether an earlier look doubted that the queue file is the captured message.
    pub is_doubted: bool,
    /// The message that it is about.
    pub standing: Standing,
}

struct StandingRow {
    capture_id: Uuid,
    queue_id: String,
    captured_at: DateTime<Utc>,
    digest: Vec<u8>,
    size_bytes: i64,
}

impl StandingRow {
    fn read(self) -> Result<Standing, Cause> {
        Ok(Standing {
            capture_id: CaptureId::new(self.capture_id),
            queue_id: row::parsed(&self.queue_id, "queue_id")?,
            captured_at: self.captured_at,
            digest: row::digest(&self.digest)?,
            size_bytes: row::size(self.size_bytes),
        })
    }
}

fn read_all(rows: Vec<StandingRow>) -> Result<Vec<Standing>, Cause> {
    rows.into_iter().map(StandingRow::read).collect()
}

impl Store {
    /// The unconfirmed captures among the given queue files.
    pub async fn captured(
        &self,
        instance: &Instance,
        queue_ids: &[QueueId],
    ) -> Result<Vec<Standing>, StoreError> {
        let asked = sqlx::query_as!(
            StandingRow,
            "select capture_id, queue_id, captured_at, digest, size_bytes
            from capture
            where instance = $1
                and queue_id = any($2)
                and state = 'captured'
            order by capture_id",
            instance.as_str(),
            &row::names(queue_ids),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Unconfirmed captures, oldest first, page by page: `after` is the last one of the page before.
    pub async fn unconfirmed(
        &self,
        instance: &Instance,
        after: Option<CaptureId>,
        limit: u32,
    ) -> Result<Vec<Standing>, StoreError> {
        let asked = sqlx::query_as!(
            StandingRow,
            "select capture_id, queue_id, captured_at, digest, size_bytes
            from capture
            where instance = $1
                and state = 'captured'
                and capture_id > $2
            order by capture_id
            limit $3",
            instance.as_str(),
            after.map_or(Uuid::nil(), CaptureId::uuid),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Held captures that nobody has decided, by queue ID, page by page: `after` is the last one of
    /// the page before. Those whose file has left the hold queue were moved by another hand.
    pub async fn held(
        &self,
        instance: &Instance,
        after: Option<&QueueId>,
        limit: u32,
    ) -> Result<Vec<Standing>, StoreError> {
        let asked = sqlx::query_as!(
            StandingRow,
            "select capture_id, queue_id, captured_at, digest, size_bytes
            from capture
            where instance = $1
                and state in ('held', 'decided')
                and state = 'held'
                and queue_id > $2
            order by queue_id
            limit $3",
            instance.as_str(),
            after.map_or("", QueueId::as_str),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// The held and undecided captures among the given queue files.
    pub async fn held_among(
        &self,
        instance: &Instance,
        queue_ids: &[QueueId],
    ) -> Result<Vec<Standing>, StoreError> {
        let asked = sqlx::query_as!(
            StandingRow,
            "select capture_id, queue_id, captured_at, digest, size_bytes
            from capture
            where instance = $1
                and queue_id = any($2)
                and state = 'held'",
            instance.as_str(),
            &row::names(queue_ids),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await.and_then(read_all);
        found.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Moves captures to `held` and returns those that moved: not those that had left `captured`
    /// already, nor a second one whose queue file is under review as another capture. Doubts about
    /// them are over.
    pub async fn confirm(&self, seen: &[CaptureId]) -> Result<Vec<CaptureId>, StoreError> {
        // `offset 0`: looked up by the key. The indexes of single states are small at first, and a
        // plan that reads all of one seems as good then, and stays.
        let asked = sqlx::query_scalar!(
            "with seen as (
                select capture_id, instance, queue_id, state
                from capture
                where capture_id = any($1)
                order by capture_id
                for no key update
            ),
            candidate as (
                select distinct on (instance, queue_id) capture_id
                from seen
                where state = 'captured'
                    and not exists (
                        select
                        from (
                            select state
                            from capture
                            where queue_id = seen.queue_id and instance = seen.instance
                            offset 0
                        ) other
                        where other.state in ('held', 'decided')
                    )
                order by instance, queue_id, capture_id
            ),
            cleared as (
                update doubt
                set cleared_at = now()
                where capture_id = any($1) and cleared_at is null
            )
            update capture
            set state = 'held'
            from candidate
            where capture.capture_id = candidate.capture_id
            returning capture.capture_id",
            &row::uuids(seen),
        )
        .fetch_all(&self.pool);
        let moved = within(asked)
            .await
            .map_err(|cause| StoreError::Confirm { cause })?;
        Ok(moved.into_iter().map(CaptureId::new).collect())
    }

    /// Claims decisions that are due, oldest first, for as long as `lease`. A worker that does not
    /// settle or postpone in time loses them to whoever claims next.
    pub async fn claim(
        &self,
        instance: &Instance,
        worker: &str,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<Claimed>, StoreError> {
        let asked = sqlx::query_as!(
            ClaimedRow,
            r#"with due as (
                select decision_id
                from work
                where instance = $1 and due_at <= now()
                order by due_at
                limit $4
                for update skip locked
            ),
            claimed as (
                update work
                set due_at = now() + make_interval(secs => $3),
                    attempt = attempt + 1,
                    leased_by = $2
                from due
                where work.decision_id = due.decision_id
                returning work.decision_id, work.attempt, work.begun_at
            )
            select
                claimed.decision_id, claimed.attempt, claimed.begun_at, d.decision, d.created_at as decided_at,
                c.capture_id, c.queue_id, c.captured_at, c.digest, c.size_bytes,
                exists (
                    select from doubt where doubt.capture_id = c.capture_id and doubt.cleared_at is null
                ) as "is_doubted!"
            from claimed
            join decision d on d.decision_id = claimed.decision_id
            join capture c on c.capture_id = d.capture_id
            order by d.created_at"#,
            instance.as_str(),
            row::text(worker),
            lease.as_secs_f64(),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let claimed = within(asked)
            .await
            .and_then(|rows| rows.into_iter().map(ClaimedRow::read).collect());
        claimed.map_err(|cause| StoreError::Claim { cause })
    }
}

struct ClaimedRow {
    decision_id: Uuid,
    attempt: i32,
    decision: String,
    decided_at: DateTime<Utc>,
    begun_at: Option<DateTime<Utc>>,
    capture_id: Uuid,
    queue_id: String,
    captured_at: DateTime<Utc>,
    digest: Vec<u8>,
    size_bytes: i64,
    is_doubted: bool,
}

impl ClaimedRow {
    fn read(self) -> Result<Claimed, Cause> {
        Ok(Claimed {
            lease: Lease::new(self.decision_id, self.attempt),
            decision: row::parsed(&self.decision, "decision")?,
            decided_at: self.decided_at,
            begun_at: self.begun_at,
            is_doubted: self.is_doubted,
            standing: Standing {
                capture_id: CaptureId::new(self.capture_id),
                queue_id: row::parsed(&self.queue_id, "queue_id")?,
                captured_at: self.captured_at,
                digest: row::digest(&self.digest)?,
                size_bytes: row::size(self.size_bytes),
            },
        })
    }
}
