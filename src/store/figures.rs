//! Figures for monitoring. Never counts what is settled: that only grows.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::instance::Instance;

use super::{Store, StoreError, row, within};

/// What waits on one instance, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Captures that the worker has not seen in the hold queue.
    pub unconfirmed: Waiting,
    /// Held messages that wait for a person, since their capture.
    pub held: Waiting,
    /// Decisions that are not carried out, since they were made.
    pub decided: Waiting,
    /// Messages in review whose queue file is, by the last look at it, not the captured message.
    pub n_doubted: u64,
}

/// A count and the age of its eldest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// Since when the eldest waits.
    pub oldest: Option<DateTime<Utc>>,
}

impl Store {
    /// Decisions that are older than `patience` and that were tried in vain, were claimed that long
    /// ago, or are due for that long while nobody claims anything. What waits its turn behind others
    /// is not among them. `lease` is that of the workers.
    pub async fn stuck(
        &self,
        instance: &Instance,
        patience: Duration,
        lease: Duration,
    ) -> Result<Waiting, StoreError> {
        let asked = sqlx::query!(
            r#"select count(*) as "count!", min(created_at) as oldest
            from work
            where instance = $1
                and created_at < now() - make_interval(secs => $2)
                and (
                    last_failure is not null
                    or leased_by is not null
                        and due_at < now() + make_interval(secs => $3 - $2)
                    or due_at < now() - make_interval(secs => $2)
                        and not exists (
                            select
                            from work fresh
                            where fresh.instance = $1
                                and fresh.leased_by is not null
                                and fresh.due_at > now() + make_interval(secs => $3 - $2)
                        )
                )"#,
            instance.as_str(),
            patience.as_secs_f64(),
            lease.as_secs_f64(),
        )
        .fetch_one(&self.pool);
        let counted = within(asked)
            .await
            .map_err(|cause| StoreError::Count { cause })?;
        Ok(Waiting {
            count: row::size(counted.count),
            oldest: counted.oldest,
        })
    }

    /// What waits on all instances: held, not confirmed and not carried out.
    pub async fn figures_of_all(&self) -> Result<Figures, StoreError> {
        let asked = sqlx::query!(
            r#"select
                (select count(*) from capture where state = 'captured') as "unconfirmed!",
                (select min(captured_at) from capture where state = 'captured')
                    as unconfirmed_oldest,
                (select count(*) from capture where state = 'held') as "held!",
                (select min(captured_at) from capture where state = 'held') as held_oldest,
                (select count(*) from work) as "decided!",
                (select min(created_at) from work) as decided_oldest,
                (select count(distinct capture_id) from doubt where cleared_at is null)
                    as "doubted!""#
        )
        .fetch_one(&self.pool);
        let counted = within(asked)
            .await
            .map_err(|cause| StoreError::Count { cause })?;
        let waiting = |count, oldest| Waiting {
            count: row::size(count),
            oldest,
        };
        Ok(Figures {
            unconfirmed: waiting(counted.unconfirmed, counted.unconfirmed_oldest),
            held: waiting(counted.held, counted.held_oldest),
            decided: waiting(counted.decided, counted.decided_oldest),
            n_doubted: row::size(counted.doubted),
        })
    }

    /// Counts what waits on one instance; what is held only where it is not `known` how much. That is a statement
    /// of its own: in one with the others its plan would be made anew for each value.
    pub async fn figures(
        &self,
        instance: &Instance,
        known: Option<u64>,
    ) -> Result<Figures, StoreError> {
        let asked = sqlx::query!(
            r#"select
                unconfirmed.count as "unconfirmed!", unconfirmed.oldest as unconfirmed_oldest,
                held.oldest as held_oldest,
                decided.count as "decided!", decided.oldest as decided_oldest,
                doubted.count as "doubted!"
            from
                (
                    select count(*) as count, min(captured_at) as oldest
                    from capture
                    where instance = $1 and state = 'captured'
                ) as unconfirmed,
                -- Not together with their number, so that it is found in an index: these may be very many.
                (
                    select min(captured_at) as oldest
                    from capture
                    where instance = $1 and state = 'held'
                ) as held,
                (
                    select count(*) as count, min(created_at) as oldest
                    from work
                    where instance = $1
                ) as decided,
                (
                    select count(distinct c.capture_id) as count
                    from doubt
                    join capture c using (capture_id)
                    where doubt.cleared_at is null
                        and c.instance = $1
                        and c.state in ('captured', 'held', 'decided')
                ) as doubted"#,
            instance.as_str(),
        )
        .fetch_one(&self.pool);
        let counted = within(asked)
            .await
            .map_err(|cause| StoreError::Count { cause })?;
        let waiting = |count, oldest| Waiting {
            count: row::size(count),
            oldest,
        };
        let n_held = match (counted.held_oldest, known) {
            // What was known may be over.
            (None, _) => 0,
            (Some(_), Some(known)) => known,
            (Some(_), None) => self.n_held(instance).await?,
        };
        Ok(Figures {
            unconfirmed: waiting(counted.unconfirmed, counted.unconfirmed_oldest),
            held: Waiting {
                count: n_held,
                oldest: counted.held_oldest,
            },
            decided: waiting(counted.decided, counted.decided_oldest),
            n_doubted: row::size(counted.doubted),
        })
    }

    async fn n_held(&self, instance: &Instance) -> Result<u64, StoreError> {
        let asked = sqlx::query_scalar!(
            r#"select count(*) as "count!" from capture where instance = $1 and state = 'held'"#,
            instance.as_str(),
        )
        .fetch_one(&self.pool);
        let counted = within(asked)
            .await
            .map_err(|cause| StoreError::Count { cause })?;
        Ok(row::size(counted))
    }
}
