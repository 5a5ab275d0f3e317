//! What is done and recorded in one transaction: either both or neither.

use crate::domain::{audit::Event, instance::Instance, queue_id::QueueId};

use super::{
    super::{
        Cause, Store, StoreError,
        decisions::{Answer, Ballot},
        strays::adoptions::{Adopted, Adopter},
        within,
    },
    AuditKey, append,
};

impl Store {
    /// Stores a decision together with its event if the message is held and nobody was faster. A
    /// refused one leaves no event.
    pub async fn decide_on_record(
        &self,
        ballot: &Ballot,
        key: &AuditKey,
        event: &Event,
    ) -> Result<Answer, StoreError> {
        let failed = |cause| StoreError::Decide { cause };
        let mut transaction = within(self.pool.begin()).await.map_err(failed)?;
        // The row of the message is locked before the record is, by everybody.
        let decided_at = match ballot.insert(&mut transaction).await {
            Ok(decided_at) => decided_at,
            Err(refusal) => {
                undo(transaction).await.map_err(failed)?;
                return self.refused(ballot, refusal).await;
            }
        };
        let appended = async {
            append(&mut transaction, key, event).await?;
            within(transaction.commit()).await
        };
        let appended: Result<(), Cause> = appended.await;
        appended.map_err(|cause| StoreError::Audit { cause })?;
        Ok(Answer::Accepted { decided_at })
    }

    /// Adopts the stray of this name that stands, together with its event. What is refused leaves no
    /// event.
    pub async fn adopt_on_record(
        &self,
        name: (Option<&Instance>, &QueueId),
        by: &Adopter,
        key: &AuditKey,
        event: &Event,
    ) -> Result<Adopted, StoreError> {
        let failed = |cause| StoreError::Strays { cause };
        let stray_id = match self.standing_stray(name.0, name.1).await? {
            Ok(stray_id) => stray_id,
            Err(refused) => return Ok(refused),
        };
        let mut transaction = within(self.pool.begin()).await.map_err(failed)?;
        if let Err(refusal) = by.insert(stray_id, &mut transaction).await {
            undo(transaction).await.map_err(failed)?;
            return Adopted::refused(refusal);
        }
        let appended = async {
            append(&mut transaction, key, event).await?;
            within(transaction.commit()).await
        };
        let appended: Result<(), Cause> = appended.await;
        appended.map_err(|cause| StoreError::Audit { cause })?;
        Ok(Adopted::Accepted)
    }
}

/// A refused statement has ended the transaction already; this frees its connection at once.
async fn undo(transaction: sqlx::Transaction<'static, sqlx::Postgres>) -> Result<(), Cause> {
    within(transaction.rollback()).await
}
