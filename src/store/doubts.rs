//! Doubts about which message a queue file is: when they came up and when they were cleared. Never
//! decides whether a message may be touched; who acts looks at the file itself.

use crate::domain::{capture_id::CaptureId, instance::Instance, queue_id::QueueId};

use super::{Store, StoreError, row, within};

impl Store {
    /// Records that the queue file of a capture is not, or may not be, the captured message; another
    /// reason takes the place of the one before. Whether that is news.
    pub async fn doubt(&self, capture_id: CaptureId, reason: &str) -> Result<bool, StoreError> {
        let asked = sqlx::query_scalar!(
            "with outdated as (
                update doubt
                set cleared_at = now()
                where capture_id = $1 and cleared_at is null and reason <> $2
            )
            insert into doubt (capture_id, reason)
            values ($1, $2)
            on conflict do nothing
            returning doubt_id",
            capture_id.uuid(),
            row::text(reason),
        )
        .fetch_optional(&self.pool);
        let fresh = within(asked)
            .await
            .map_err(|cause| StoreError::Doubt { cause })?;
        Ok(fresh.is_some())
    }

    /// The queue files of held and undecided captures that are in doubt.
    pub async fn doubted(&self, instance: &Instance) -> Result<Vec<QueueId>, StoreError> {
        let asked = sqlx::query_scalar!(
            "select distinct c.queue_id
            from doubt
            join capture c using (capture_id)
            where doubt.cleared_at is null
                and c.instance = $1
                and c.state = 'held'",
            instance.as_str(),
        )
        .fetch_all(&self.pool);
        let names = within(asked).await;
        let names = names.and_then(|names| {
            let read = |name: &String| row::parsed(name, "queue_id");
            names.iter().map(read).collect()
        });
        names.map_err(|cause| StoreError::LookUp { cause })
    }

    /// Records that these queue files were found to be the captured messages. Gives those of which
    /// that was in doubt.
    pub async fn clear_doubts(&self, found: &[CaptureId]) -> Result<Vec<CaptureId>, StoreError> {
        let asked = sqlx::query_scalar!(
            "update doubt
            set cleared_at = now()
            where capture_id = any($1) and cleared_at is null
            returning capture_id",
            &row::uuids(found),
        )
        .fetch_all(&self.pool);
        let cleared = within(asked)
            .await
            .map_err(|cause| StoreError::Doubt { cause })?;
        Ok(cleared.into_iter().map(CaptureId::new).collect())
    }
}
