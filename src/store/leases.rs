//! Claimed decisions while they are claimed: begun, taken back, put off. Every statement is fenced by
//! the claim's number; none waits for Postfix.

use std::time::Duration;

use sqlx::types::Uuid;

use super::{Store, StoreError, row, within};
use crate::domain::instance::Instance;

/// Proof that a decision was claimed. It is void as soon as another worker claims the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lease {
    decision_id: Uuid,
    attempt: i32,
}

impl Lease {
    /// How often the decision was claimed, this time included.
    pub fn attempt(self) -> u32 {
        u32::try_from(self.attempt).unwrap_or_default()
    }

    pub(super) fn new(decision_id: Uuid, attempt: i32) -> Self {
        Self {
            decision_id,
            attempt,
        }
    }

    pub(super) fn decision_id(self) -> Uuid {
        self.decision_id
    }

    pub(super) fn fence(self) -> i32 {
        self.attempt
    }
}

impl Store {
    /// Notes that commands for claimed decisions are about to run, and returns the leases that hold
    /// for at least `margin` more by the database's clock. Only these may be acted on: another
    /// worker may have the rest before the command is over.
    pub async fn begin(
        &self,
        leases: &[Lease],
        margin: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        let (decision_ids, attempts) = columns(leases);
        let asked = sqlx::query_as!(
            Lease,
            "update work
            set begun_at = coalesce(work.begun_at, now())
            from unnest($1::uuid[], $2::int[]) as lease (decision_id, attempt)
            where work.decision_id = lease.decision_id
                and work.attempt = lease.attempt
                and work.due_at >= now() + make_interval(secs => $3)
            returning work.decision_id, work.attempt",
            &decision_ids,
            &attempts,
            margin.as_secs_f64(),
        )
        .fetch_all(&self.pool);
        within(asked)
            .await
            .map_err(|cause| StoreError::Begin { cause })
    }

    /// Takes [`Store::begin`] back: it is certain that the command was not run.
    pub async fn withdraw(&self, leases: &[Lease]) -> Result<(), StoreError> {
        let (decision_ids, attempts) = columns(leases);
        let asked = sqlx::query!(
            "update work
            set begun_at = null
            from unnest($1::uuid[], $2::int[]) as lease (decision_id, attempt)
            where work.decision_id = lease.decision_id and work.attempt = lease.attempt",
            &decision_ids,
            &attempts,
        )
        .execute(&self.pool);
        let withdrawn = within(asked).await;
        withdrawn
            .map(drop)
            .map_err(|cause| StoreError::Begin { cause })
    }

    /// Makes due what is due later than `longest` from now, and returns how many those were. No lease
    /// and no pause is that long: the server's clock was set back, and they would wait as long as that.
    pub async fn make_due(
        &self,
        instance: &Instance,
        longest: Duration,
    ) -> Result<u64, StoreError> {
        let asked = sqlx::query!(
            "update work
            set due_at = now()
            where instance = $1 and due_at > now() + make_interval(secs => $2)",
            instance.as_str(),
            longest.as_secs_f64(),
        )
        .execute(&self.pool);
        let made = within(asked).await;
        made.map(|made| made.rows_affected())
            .map_err(|cause| StoreError::Postpone { cause })
    }

    /// Gives claimed decisions back, to be claimed again after `pause`, and returns those whose
    /// lease still held.
    pub async fn postpone(
        &self,
        leases: &[Lease],
        pause: Duration,
        reason: &str,
    ) -> Result<Vec<Lease>, StoreError> {
        let (decision_ids, attempts) = columns(leases);
        let asked = sqlx::query_as!(
            Lease,
            "update work
            set due_at = now() + make_interval(secs => $3),
                leased_by = null,
                last_failure = $4
            from unnest($1::uuid[], $2::int[]) as lease (decision_id, attempt)
            where work.decision_id = lease.decision_id and work.attempt = lease.attempt
            returning work.decision_id, work.attempt",
            &decision_ids,
            &attempts,
            pause.as_secs_f64(),
            row::text(reason),
        )
        .fetch_all(&self.pool);
        within(asked)
            .await
            .map_err(|cause| StoreError::Postpone { cause })
    }
}

fn columns(leases: &[Lease]) -> (Vec<Uuid>, Vec<i32>) {
    leases
        .iter()
        .map(|lease| (lease.decision_id, lease.attempt))
        .unzip()
}
