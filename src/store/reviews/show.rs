//! One review with all its facts.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{
    capture::{Capture, Client},
    capture_id::CaptureId,
    envelope::{Envelope, Path},
    verdict::{Grounds, Matched},
};

use super::super::{
    Cause, Store, StoreError, added::Added, captures::HeaderFields, row, settlements::Method,
    within,
};
use super::{Decided, Doubt, Pending, Review, Settled, Twins};

impl Store {
    /// One review without its content, or `None` if there is no such capture.
    pub async fn show(&self, capture_id: CaptureId) -> Result<Option<Review>, StoreError> {
        let failed = |cause| StoreError::Review { cause };
        self.shown(capture_id).await.map_err(failed)
    }

    /// One statement after the other over one connection, which costs less than several at once over
    /// as many. Facts and recipients never change: the statements cannot tell different stories of them.
    async fn shown(&self, capture_id: CaptureId) -> Result<Option<Review>, Cause> {
        let mut connection = within(self.pool.acquire()).await?;
        let asked = sqlx::query_file_as!(
            ReviewRow,
            "src/store/reviews/show_review.sql",
            capture_id.uuid(),
        )
        .fetch_optional(&mut *connection);
        let Some(review) = within(asked).await? else {
            return Ok(None);
        };
        let asked = sqlx::query_as!(
            RecipientRow,
            "select argument, parameters, rewritten
            from capture_recipient
            where capture_id = $1
            order by ordinal",
            capture_id.uuid(),
        )
        .fetch_all(&mut *connection);
        let mut review = review.read(within(asked).await?)?;
        review.doubts = Doubt::of(&mut connection, capture_id).await?;
        review.added = Added::to(&mut connection, capture_id).await?;
        review.twins = Twins::of(&mut connection, capture_id).await?;
        Ok(Some(review))
    }
}

struct RecipientRow {
    argument: Vec<u8>,
    parameters: Vec<Vec<u8>>,
    rewritten: Option<Vec<u8>>,
}

struct ReviewRow {
    capture_id: Uuid,
    instance: String,
    queue_id: String,
    state: String,
    captured_at: DateTime<Utc>,
    held_at: Option<DateTime<Utc>>,
    recorded_at: DateTime<Utc>,
    sender_argument: Vec<u8>,
    sender_parameters: Vec<Vec<u8>>,
    sender_rewritten: Option<Vec<u8>>,
    login: Option<Vec<u8>>,
    client_address: Option<String>,
    client_name: Option<Vec<u8>>,
    client_daemon: Option<Vec<u8>>,
    rule: String,
    matched_identity_kind: String,
    matched_identity: String,
    matched_entry: String,
    matched_flag: String,
    matched_recipient: String,
    size_bytes: i64,
    digest: Vec<u8>,
    subject: Option<String>,
    header_from: Option<String>,
    header_to: Option<String>,
    header_date: Option<String>,
    message_id: Option<String>,
    decision: Option<String>,
    reviewer: Option<String>,
    os_user: Option<String>,
    via: Option<String>,
    note: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    attempt: Option<i32>,
    due_at: Option<DateTime<Utc>>,
    leased_by: Option<String>,
    last_failure: Option<String>,
    disposition: Option<String>,
    method: Option<String>,
    new_queue_id: Option<String>,
    worker: Option<String>,
    evidence: Option<String>,
    settled_at: Option<DateTime<Utc>>,
}

impl ReviewRow {
    fn read(self, recipients: Vec<RecipientRow>) -> Result<Review, Cause> {
        Ok(Review {
            state: row::parsed(&self.state, "state")?,
            recorded_at: self.recorded_at,
            held_at: self.held_at,
            decided: self.decided()?,
            pending: self.pending(),
            settled: self.settled()?,
            header: self.header(),
            capture: self.capture(recipients)?,
            doubts: Vec::new(),
            added: Added::default(),
            twins: Twins::default(),
        })
    }

    fn capture(self, recipients: Vec<RecipientRow>) -> Result<Capture, Cause> {
        Ok(Capture {
            id: CaptureId::new(self.capture_id),
            instance: row::parsed(&self.instance, "instance")?,
            queue_id: row::parsed(&self.queue_id, "queue_id")?,
            captured_at: self.captured_at,
            envelope: Envelope {
                sender: Path {
                    argument: self.sender_argument,
                    parameters: self.sender_parameters,
                    rewritten: self.sender_rewritten,
                },
                recipients: recipients.into_iter().map(RecipientRow::read).collect(),
            },
            client: Client {
                login: self.login,
                address: self
                    .client_address
                    .map(|address| row::parsed(&address, "client_address"))
                    .transpose()?,
                name: self.client_name,
                daemon: self.client_daemon,
            },
            grounds: Grounds {
                rule: self.rule,
                matched: Matched {
                    identity_kind: self.matched_identity_kind,
                    identity: self.matched_identity,
                    entry: self.matched_entry,
                    flag: self.matched_flag,
                    recipient: self.matched_recipient,
                },
            },
            size_bytes: row::size(self.size_bytes),
            digest: row::digest(&self.digest)?,
        })
    }

    fn header(&self) -> HeaderFields {
        HeaderFields {
            subject: self.subject.clone(),
            from: self.header_from.clone(),
            to: self.header_to.clone(),
            date: self.header_date.clone(),
            message_id: self.message_id.clone(),
        }
    }

    fn decided(&self) -> Result<Option<Decided>, Cause> {
        let (Some(decision), Some(reviewer), Some(via), Some(decided_at)) =
            (&self.decision, &self.reviewer, &self.via, self.decided_at)
        else {
            return Ok(None);
        };
        Ok(Some(Decided {
            decision: row::parsed(decision, "decision")?,
            reviewer: reviewer.clone(),
            os_user: self.os_user.clone(),
            via: row::parsed(via, "via")?,
            note: self.note.clone(),
            decided_at,
        }))
    }

    fn pending(&self) -> Option<Pending> {
        Some(Pending {
            attempt: u32::try_from(self.attempt?).unwrap_or_default(),
            due_at: self.due_at?,
            leased_by: self.leased_by.clone(),
            last_failure: self.last_failure.clone(),
        })
    }

    fn settled(&self) -> Result<Option<Settled>, Cause> {
        let (Some(disposition), Some(method), Some(worker), Some(evidence), Some(settled_at)) = (
            &self.disposition,
            &self.method,
            &self.worker,
            &self.evidence,
            self.settled_at,
        ) else {
            return Ok(None);
        };
        let new_queue_id = self.new_queue_id.as_deref();
        let new_queue_id = new_queue_id
            .map(|id| row::parsed(id, "new_queue_id"))
            .transpose()?;
        Ok(Some(Settled {
            disposition: row::parsed(disposition, "disposition")?,
            method: Method::from_columns(method, new_queue_id)
                .ok_or_else(|| Cause::Unreadable(format!("column method: {method:?}")))?,
            worker: worker.clone(),
            evidence: evidence.clone(),
            settled_at,
        }))
    }
}

impl RecipientRow {
    fn read(self) -> Path {
        Path {
            argument: self.argument,
            parameters: self.parameters,
            rewritten: self.rewritten,
        }
    }
}
