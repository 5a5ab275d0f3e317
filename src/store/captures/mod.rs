//! Records captures: facts, recipients and content, in one transaction for a whole batch. Never
//! reads them back, because the milter's login cannot.

use std::io;

use bytes::Bytes;
use sqlx::types::Uuid;
use sqlx::{Postgres, Transaction};

use crate::{
    domain::{capture::Capture, capture_id::CaptureId},
    failpoint,
};

use super::{Cause, Store, StoreError, row, within};

mod columns;

use columns::{CaptureColumns, RecipientColumns};

/// The longest chunk that a row of `capture_content` takes.
pub const CHUNK_BYTES: usize = 1_048_576;
/// Content that is collected before it is sent: the most of it that is in memory at once.
const FLUSH_BYTES: usize = 4 * CHUNK_BYTES;

/// One capture with all that is recorded of it.
#[derive(Debug)]
pub struct Record<C> {
    /// The facts.
    pub capture: Capture,
    /// What the header says, for the list.
    pub header: HeaderFields,
    /// The content.
    pub content: C,
}

/// Header fields for the list, decoded, each `None` if the message has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFields {
    /// Subject.
    pub subject: Option<String>,
    /// From.
    pub from: Option<String>,
    /// To.
    pub to: Option<String>,
    /// Date, as the sender wrote it.
    pub date: Option<String>,
    /// Message-ID.
    pub message_id: Option<String>,
}

/// Content that is read once, from front to back, in chunks: best of nearly [`CHUNK_BYTES`].
pub trait Content: Send {
    /// The next chunk, or `None` at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] if it may be readable later; any other kind blames the capture.
    fn next_chunk(&mut self) -> impl Future<Output = io::Result<Option<Bytes>>> + Send;
}

/// Content that is in memory as a whole.
impl Content for Bytes {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        let length = self.len().min(CHUNK_BYTES);
        Ok((length > 0).then(|| self.split_to(length)))
    }
}

impl Store {
    /// Records captures in one transaction; those that are recorded already stay as they are.
    ///
    /// The contents are read while they are sent: a second try needs fresh ones.
    ///
    /// # Errors
    /// Nothing is recorded then. A permanent error means that one of the captures is to blame: try
    /// them one by one, and set the guilty one aside.
    pub async fn record<C: Content>(&self, records: &mut [Record<C>]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let count = records.len();
        let failed = |cause| StoreError::Record { count, cause };
        let captures = CaptureColumns::of(records);
        let recipients = RecipientColumns::of(records);

        let mut transaction = within(self.pool.begin()).await.map_err(failed)?;
        within(captures.insert(&mut transaction))
            .await
            .map_err(failed)?;
        within(recipients.insert(&mut transaction))
            .await
            .map_err(failed)?;
        let mut chunks = Chunks::default();
        for record in records {
            send_content(record, &mut chunks, &mut transaction, &failed).await?;
        }
        chunks.flush(&mut transaction).await.map_err(failed)?;
        failpoint::reach!("recorder.commit.before");
        within(transaction.commit()).await.map_err(failed)?;
        failpoint::reach!("recorder.commit.after");
        Ok(())
    }
}

/// Reads the content of one capture to its end, sending whenever enough has come together.
async fn send_content<C: Content>(
    record: &mut Record<C>,
    chunks: &mut Chunks,
    transaction: &mut Transaction<'static, Postgres>,
    failed: &impl Fn(Cause) -> StoreError,
) -> Result<(), StoreError> {
    let capture_id = record.capture.id;
    let expected_bytes = record.capture.size_bytes;
    let mut found_bytes = 0_u64;
    let mut ordinal = 0;
    loop {
        let chunk = record.content.next_chunk().await;
        let chunk = chunk.map_err(|cause| StoreError::ReadWaiting { capture_id, cause })?;
        let Some(mut chunk) = chunk else { break };
        found_bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        while !chunk.is_empty() {
            let part = chunk.split_to(chunk.len().min(CHUNK_BYTES));
            chunks.push(capture_id, ordinal, part);
            ordinal += 1;
        }
        if chunks.size_bytes >= FLUSH_BYTES {
            chunks.flush(transaction).await.map_err(failed)?;
        }
    }
    if found_bytes == expected_bytes {
        return Ok(());
    }
    Err(StoreError::ContentLength {
        capture_id,
        expected_bytes,
        found_bytes,
    })
}

/// Chunks of any captures that wait to be sent in one statement.
#[derive(Default)]
struct Chunks {
    capture_ids: Vec<Uuid>,
    ordinals: Vec<i32>,
    parts: Vec<Bytes>,
    size_bytes: usize,
}

impl Chunks {
    fn push(&mut self, capture_id: CaptureId, ordinal: i32, part: Bytes) {
        self.capture_ids.push(capture_id.uuid());
        self.ordinals.push(ordinal);
        self.size_bytes += part.len();
        self.parts.push(part);
    }

    async fn flush(
        &mut self,
        transaction: &mut Transaction<'static, Postgres>,
    ) -> Result<(), Cause> {
        let chunks = std::mem::take(self);
        if chunks.parts.is_empty() {
            return Ok(());
        }
        let parts: Vec<&[u8]> = chunks.parts.iter().map(Bytes::as_ref).collect();
        let sent = sqlx::query!(
            "insert into capture_content (capture_id, ordinal, encoding, bytes)
            select capture_id, ordinal, 'identity', bytes
            from unnest($1::uuid[], $2::int[], $3::bytea[]) as chunk (capture_id, ordinal, bytes)
            on conflict do nothing",
            &chunks.capture_ids,
            &chunks.ordinals,
            parts.as_slice() as _,
        )
        .execute(&mut **transaction);
        within(sent).await.map(drop)
    }
}
