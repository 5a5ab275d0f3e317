//! Reads reviews for people: the list, one review, its content. Never changes anything.

use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{
    capture::Capture,
    capture_id::CaptureId,
    decision::{Decision, Disposition},
    instance::Instance,
    lifecycle::State,
    queue_id::QueueId,
};

use super::{
    Cause, Store, StoreError, added::Added, captures::HeaderFields, decisions::Via,
    settlements::Method, within,
};

mod findings;
mod list;
mod senders;
mod show;
mod twins;

pub use findings::Doubt;
pub use list::{Filter, Glance, Line, Order, Position, RECIPIENTS};
pub use senders::Sender;
pub use twins::{Likeness, TWINS, Twin, Twins};

/// A name by which people ask for a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewKey {
    /// Our own name, which is unique.
    Capture(CaptureId),
    /// The queue file's name, on one instance or on any.
    Queue(Option<Instance>, QueueId),
}

/// A text that names no review.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a capture ID, nor a long queue ID, nor instance/queue ID")]
pub struct BadReviewKey(String);

/// All that is known of one review, without the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// What the milter saw.
    pub capture: Capture,
    /// What the header says.
    pub header: HeaderFields,
    /// Where the message stands.
    pub state: State,
    /// When the record was made.
    pub recorded_at: DateTime<Utc>,
    /// When the worker saw the message in the hold queue.
    pub held_at: Option<DateTime<Utc>>,
    /// What a person decided.
    pub decided: Option<Decided>,
    /// What the worker still has to do.
    pub pending: Option<Pending>,
    /// What became of the message.
    pub settled: Option<Settled>,
    /// When the queue file was not the captured message, oldest first.
    pub doubts: Vec<Doubt>,
    /// The recipients that Postfix added.
    pub added: Added,
    /// What the same person sent once more.
    pub twins: Twins,
}

/// The decision that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub reviewer: String,
    /// The operating-system user beside it.
    pub os_user: Option<String>,
    /// By which way.
    pub via: Via,
    /// Why.
    pub note: Option<String>,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// A decision that is not carried out yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// How often a worker has claimed it.
    pub attempt: u32,
    /// When it may be claimed (again).
    pub due_at: DateTime<Utc>,
    /// The worker that holds the lease.
    pub leased_by: Option<String>,
    /// Why the last attempt was put off.
    pub last_failure: Option<String>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What became of it.
    pub disposition: Disposition,
    /// How.
    pub method: Method,
    /// Which worker recorded it.
    pub worker: String,
    /// What proves it.
    pub evidence: String,
    /// When it was recorded.
    pub settled_at: DateTime<Utc>,
}

/// The content of one capture, chunk by chunk.
#[derive(Debug)]
pub struct RecordedContent {
    store: Store,
    capture_id: CaptureId,
    next: i32,
}

impl RecordedContent {
    /// The next chunk, at most 1 MiB, or `None` at the end.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        let asked = sqlx::query_scalar!(
            "select bytes
            from capture_content
            where capture_id = $1 and ordinal = $2",
            self.capture_id.uuid(),
            self.next,
        )
        .fetch_optional(&self.store.pool);
        let chunk = within(asked)
            .await
            .map_err(|cause| StoreError::ReadContent {
                capture_id: self.capture_id,
                cause,
            })?;
        self.next += 1;
        Ok(chunk.map(Bytes::from))
    }
}

impl Store {
    /// The captures that a name means, newest first: none, one, or several if the same queue ID was
    /// captured more than once. A requeued message answers to both of its queue IDs.
    pub async fn find(&self, key: &ReviewKey) -> Result<Vec<CaptureId>, StoreError> {
        let found = match key {
            ReviewKey::Capture(id) => self.find_capture(*id).await,
            ReviewKey::Queue(instance, queue_id) => {
                self.find_queue_id(instance.as_ref(), queue_id).await
            }
        };
        let found = found.map_err(|cause| StoreError::Review { cause })?;
        Ok(found.into_iter().map(CaptureId::new).collect())
    }

    async fn find_capture(&self, id: CaptureId) -> Result<Vec<Uuid>, Cause> {
        let asked = sqlx::query_scalar!(
            "select capture_id from capture where capture_id = $1",
            id.uuid(),
        )
        .fetch_all(&self.pool);
        within(asked).await
    }

    async fn find_queue_id(
        &self,
        instance: Option<&Instance>,
        queue_id: &QueueId,
    ) -> Result<Vec<Uuid>, Cause> {
        let asked = sqlx::query_scalar!(
            r#"select c.capture_id
            from capture c
            where c.queue_id = $1 and ($2::text is null or c.instance = $2)
            union
            select c.capture_id
            from settlement s
            join capture c using (capture_id)
            where s.new_queue_id = $1 and ($2::text is null or c.instance = $2)
            order by capture_id desc
            limit 20"#,
            queue_id.as_str(),
            instance.map(Instance::as_str),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The content of a capture, exactly the bytes that were hashed; empty if there is none.
    pub fn content(&self, capture_id: CaptureId) -> RecordedContent {
        RecordedContent {
            store: self.clone(),
            capture_id,
            next: 0,
        }
    }
}

impl FromStr for ReviewKey {
    type Err = BadReviewKey;

    fn from_str(text: &str) -> Result<Self, BadReviewKey> {
        let bad = || BadReviewKey(text.chars().take(64).collect());
        if let Ok(capture_id) = text.parse() {
            return Ok(Self::Capture(capture_id));
        }
        let (instance, name) = match text.split_once('/') {
            Some((instance, name)) => (Some(instance.parse().map_err(|_| bad())?), name),
            None => (None, text),
        };
        let queue_id = name.parse().map_err(|_| bad())?;
        Ok(Self::Queue(instance, queue_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_asked_for_by_any_of_its_names() {
        let queue_id: QueueId = "4jWkMG56f7z1j".parse().unwrap();
        assert_eq!(
            "4jWkMG56f7z1j".parse(),
            Ok(ReviewKey::Queue(None, queue_id.clone()))
        );
        assert_eq!(
            "mx1/4jWkMG56f7z1j".parse(),
            Ok(ReviewKey::Queue(Some("mx1".parse().unwrap()), queue_id))
        );
        let id = "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f";
        assert_eq!(id.parse(), Ok(ReviewKey::Capture(id.parse().unwrap())));
    }

    #[test]
    fn what_names_no_review_is_refused() {
        for text in [
            "",
            "ALL",
            "-",
            "../hold/4jWkMG56f7z1j",
            "mx1/",
            "/4jWkMG56f7z1j",
            "D305C34",
        ] {
            assert!(text.parse::<ReviewKey>().is_err(), "{text:?}");
        }
    }
}
