//! Who sent each of a few messages, as far as rights depend on it.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, envelope::Path, verdict::Matched};

use super::super::{Store, StoreError, row, within};
use super::Position;

/// Who sent one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Which message.
    pub capture_id: CaptureId,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// The envelope sender.
    pub path: Path,
    /// The SASL login.
    pub login: Option<Vec<u8>>,
    /// The header field From.
    pub header_from: Option<String>,
    /// Identity and entry for which it is held; the rest of it is empty.
    pub matched: Matched,
}

impl Sender {
    /// The message's place in a list.
    pub fn position(&self) -> Position {
        Position {
            captured_at: self.captured_at,
            capture_id: self.capture_id,
        }
    }
}

struct SenderRow {
    capture_id: Uuid,
    captured_at: DateTime<Utc>,
    sender_argument: Vec<u8>,
    sender_rewritten: Option<Vec<u8>>,
    login: Option<Vec<u8>>,
    header_from: Option<String>,
    matched_identity_kind: String,
    matched_identity: String,
    matched_entry: String,
}

impl Store {
    /// Who sent these messages; those that there are.
    pub async fn senders(&self, ids: &[CaptureId]) -> Result<Vec<Sender>, StoreError> {
        let asked = sqlx::query_as!(
            SenderRow,
            "select capture_id, captured_at, sender_argument, sender_rewritten, login, header_from,
                matched_identity_kind, matched_identity, matched_entry
            from capture
            where capture_id = any($1)",
            &row::uuids(ids),
        )
        .fetch_all(&self.pool);
        let found = within(asked).await;
        let found = found.map_err(|cause| StoreError::Review { cause })?;
        Ok(found.into_iter().map(SenderRow::read).collect())
    }
}

impl SenderRow {
    fn read(self) -> Sender {
        Sender {
            capture_id: CaptureId::new(self.capture_id),
            captured_at: self.captured_at,
            path: Path {
                argument: self.sender_argument,
                rewritten: self.sender_rewritten,
                ..Path::default()
            },
            login: self.login,
            header_from: self.header_from,
            matched: Matched {
                identity_kind: self.matched_identity_kind,
                identity: self.matched_identity,
                entry: self.matched_entry,
                ..Matched::default()
            },
        }
    }
}
