//! Outlines: what waits to be taken apart, and what came of it. Written once and never changed; read as
//! a whole.

use std::{fmt, str::FromStr, time::Duration};

use bytes::Bytes;
use sqlx::postgres::PgConnection;

use super::{
    Cause, Store, StoreError,
    figures::Waiting,
    listing::{self, Terms},
    row, within,
};
use crate::domain::capture_id::CaptureId;
pub use crate::mail::outline::{
    Archive, ArchiveEntry, Body, Content, ContentKind, Doubt, DoubtKind, Field, Link, Mailbox,
    Outline, Outlined, Part, Text,
};

/// A content is kept in chunks of this length.
const CHUNK_BYTES: usize = 1_024 * 1_024;

/// A message that waits to be outlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which it is.
    pub capture_id: CaptureId,
    /// How often it was taken, this time included.
    pub attempt: u32,
    /// Length of its content.
    pub size_bytes: u64,
}

/// Why a message has no outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its reader ended in the middle, twice.
    Crashed,
    /// It takes longer than a message may.
    TooSlow,
    /// It is longer than a message that is taken apart may be.
    TooLarge,
    /// There is one, which cannot be read; never a word of the database.
    Unreadable,
}

/// A text that names no failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no reason for which there is no outline")]
pub struct BadFailure(String);

impl Failure {
    /// What the database knows.
    const KEPT: [Self; 3] = [Self::Crashed, Self::TooSlow, Self::TooLarge];

    /// The word used in the database and in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crashed => "crashed",
            Self::TooSlow => "too_slow",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
        }
    }
}

impl FromStr for Failure {
    type Err = BadFailure;

    fn from_str(text: &str) -> Result<Self, BadFailure> {
        let known = Self::KEPT.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| BadFailure(text.to_owned()))
    }
}

/// What is known of a message's outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It waits to be made.
    Waits,
    /// There will be none.
    Failed(Failure),
    /// It is there.
    Made(Box<Outline>),
}

/// A part of an outline by its number.
pub fn part(outline: &Outline, number: u32) -> Option<&Part> {
    outline.parts.get(usize::try_from(number).ok()?)
}

impl Store {
    /// Takes the message that waits longest. Nobody else takes it for the time of `lease`.
    pub async fn take_outline(&self, lease: Duration) -> Result<Option<Due>, StoreError> {
        let asked = sqlx::query!(
            r#"update outline_due due
            set attempt = due.attempt + 1, due_at = now() + make_interval(secs => $1)
            from (
                select o.capture_id
                from outline_due o
                where o.due_at <= now()
                order by o.due_at
                limit 1
                for update skip locked
            ) taken
            join capture c on c.capture_id = taken.capture_id
            where due.capture_id = taken.capture_id
            returning due.capture_id, due.attempt, c.size_bytes"#,
            lease.as_secs_f64(),
        )
        .fetch_optional(&self.pool);
        let taken = within(asked)
            .await
            .map_err(|cause| StoreError::Outline { cause })?;
        Ok(taken.map(|row| Due {
            capture_id: CaptureId::new(row.capture_id),
            attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
            size_bytes: row::size(row.size_bytes),
        }))
    }

    /// Gives back what was begun in vain for no fault of the message; it is due again after `wait`.
    pub async fn put_back_outline(
        &self,
        taken: CaptureId,
        wait: Duration,
    ) -> Result<(), StoreError> {
        let asked = sqlx::query!(
            "update outline_due
            set attempt = greatest(attempt - 1, 0), due_at = now() + make_interval(secs => $2)
            where capture_id = $1",
            taken.uuid(),
            wait.as_secs_f64(),
        )
        .execute(&self.pool);
        within(asked)
            .await
            .map_err(|cause| StoreError::Outline { cause })?;
        Ok(())
    }

    /// Records an outline with its contents, all or nothing. One that is there already stays.
    pub async fn record_outline(
        &self,
        capture_id: CaptureId,
        outlined: &Outlined,
    ) -> Result<(), StoreError> {
        let failed = |cause| StoreError::Outline { cause };
        let status = match outlined.outline.is_doubtful() {
            true => "doubtful",
            false => "whole",
        };
        let document = serde_json::to_string(&outlined.outline)
            .map_err(|cause| failed(Cause::Unreadable(cause.to_string())))?;
        let recording = async {
            let mut transaction = self.pool.begin().await?;
            if insert(&mut transaction, capture_id, status, None, Some(&document)).await? {
                for content in &outlined.contents {
                    insert_content(&mut transaction, capture_id, content).await?;
                }
                // Last: until the end it keeps the message's state from moving.
                listing::insert(&mut transaction, capture_id, &Terms::of(&outlined.outline))
                    .await?;
            }
            forget_due(&mut transaction, capture_id).await?;
            transaction.commit().await
        };
        within(recording).await.map_err(failed)
    }

    /// Records that there will be no outline of a message.
    pub async fn record_no_outline(
        &self,
        capture_id: CaptureId,
        failure: Failure,
    ) -> Result<(), StoreError> {
        let recording = async {
            let mut transaction = self.pool.begin().await?;
            let reason = Some(failure.as_str());
            if insert(&mut transaction, capture_id, "failed", reason, None).await? {
                listing::insert(&mut transaction, capture_id, &Terms::default()).await?;
            }
            forget_due(&mut transaction, capture_id).await?;
            transaction.commit().await
        };
        within(recording)
            .await
            .map_err(|cause| StoreError::Outline { cause })
    }

    /// What is known of a message's outline. One that cannot be read is as good as none: the message
    /// stays one that can be read raw and decided.
    pub async fn outline(&self, capture_id: CaptureId) -> Result<Standing, StoreError> {
        let failed = |cause| StoreError::Outline { cause };
        let asked = sqlx::query!(
            "select reason, document from outline where capture_id = $1",
            capture_id.uuid(),
        )
        .fetch_optional(&self.pool);
        let Some(found) = within(asked).await.map_err(failed)? else {
            return Ok(Standing::Waits);
        };
        if let Some(reason) = found.reason {
            let failure = reason.parse().unwrap_or(Failure::Unreadable);
            return Ok(Standing::Failed(failure));
        }
        let document = found.document.unwrap_or_default();
        // Why it cannot be read is not told: that may have words out of the message.
        Ok(match serde_json::from_str(&document) {
            Ok(outline) => Standing::Made(Box::new(outline)),
            Err(_) => Standing::Failed(Failure::Unreadable),
        })
    }

    /// One chunk of a content that is kept beside an outline, at most 1 MiB; `None` at the end.
    pub async fn outline_chunk(
        &self,
        capture_id: CaptureId,
        part: u32,
        kind: ContentKind,
        ordinal: i32,
    ) -> Result<Option<Bytes>, StoreError> {
        let asked = sqlx::query_scalar!(
            "select bytes
            from outline_content
            where capture_id = $1 and part = $2 and kind = $3 and ordinal = $4",
            capture_id.uuid(),
            part_number(part),
            word(kind),
            ordinal,
        )
        .fetch_optional(&self.pool);
        let chunk = within(asked)
            .await
            .map_err(|cause| StoreError::Outline { cause })?;
        Ok(chunk.map(Bytes::from))
    }

    /// How many messages wait to be outlined, and since when.
    pub async fn outlines_due(&self) -> Result<Waiting, StoreError> {
        let asked = sqlx::query!(
            r#"select count(*) as "count!", min(created_at) as oldest from outline_due"#
        )
        .fetch_one(&self.pool);
        let row = within(asked)
            .await
            .map_err(|cause| StoreError::Outline { cause })?;
        Ok(Waiting {
            count: u64::try_from(row.count).unwrap_or_default(),
            oldest: row.oldest,
        })
    }
}

/// Whether there was none yet.
async fn insert(
    connection: &mut PgConnection,
    capture_id: CaptureId,
    status: &str,
    reason: Option<&str>,
    document: Option<&str>,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        "insert into outline (capture_id, status, reason, document)
        values ($1, $2, $3, $4)
        on conflict do nothing",
        capture_id.uuid(),
        status,
        reason,
        document,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

async fn insert_content(
    connection: &mut PgConnection,
    capture_id: CaptureId,
    content: &Content,
) -> Result<(), sqlx::Error> {
    for (chunk, ordinal) in content.bytes.chunks(CHUNK_BYTES).zip(0..) {
        sqlx::query!(
            "insert into outline_content (capture_id, part, kind, ordinal, bytes)
            values ($1, $2, $3, $4, $5)",
            capture_id.uuid(),
            part_number(content.part),
            word(content.kind),
            ordinal,
            chunk,
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn forget_due(
    connection: &mut PgConnection,
    capture_id: CaptureId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from outline_due where capture_id = $1",
        capture_id.uuid(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn part_number(part: u32) -> i32 {
    i32::try_from(part).unwrap_or(i32::MAX)
}

fn word(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::File => "file",
        ContentKind::Page => "page",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
