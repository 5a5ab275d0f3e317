//! Doubts about which message a queue file is: when they came up and when they were cleared. Never
//! decides whether a message may be touched; who acts looks at the file itself.

use crate::domain::capture_id::CaptureId;

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
