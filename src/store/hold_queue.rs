//! Which directory the hold queue of an instance was when nothing was missing from it. Never looks
//! at the directory, and never judges it.

use crate::domain::instance::Instance;

use super::{Store, StoreError, within};

impl Store {
    /// The directory that was recorded last; empty if an operator lets any other take its place.
    pub async fn hold_directory(&self, instance: &Instance) -> Result<Option<String>, StoreError> {
        let asked = sqlx::query_scalar!(
            "select directory
            from hold_queue
            where instance = $1",
            instance.as_str(),
        )
        .fetch_optional(&self.pool);
        let found = within(asked).await;
        found.map_err(|cause| StoreError::HoldDirectory { cause })
    }

    /// Records a directory in the place of the one before.
    pub async fn note_hold_directory(
        &self,
        instance: &Instance,
        directory: &str,
    ) -> Result<(), StoreError> {
        let asked = sqlx::query!(
            "insert into hold_queue (instance, directory)
            values ($1, $2)
            on conflict (instance) do update set directory = excluded.directory",
            instance.as_str(),
            directory,
        )
        .execute(&self.pool);
        let recorded = within(asked).await;
        recorded.map_err(|cause| StoreError::HoldDirectory { cause })?;
        Ok(())
    }
}
