//! Recipients that Postfix added to those the client named: aliases, copies, redirections. Tells the
//! worker what the client named, and records what it found. Never changes either.

use std::{collections::HashMap, str::FromStr};

use sqlx::types::Uuid;

use crate::domain::{capture_id::CaptureId, envelope::Path};

use super::{Store, StoreError, row, within};

/// Recipients recorded of one message. An alias can stand for thousands.
pub const RECORDED: usize = 100;

/// How a recipient that the client did not name came into the queue file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Beside those that were named, such as by `recipient_bcc_maps`.
    Added,
    /// In the place of one that was named, such as by `virtual_alias_maps`.
    Rewritten,
    /// In the place of all, by `REDIRECT` of an access table or of header checks.
    Redirected,
}

/// A word that tells of no way into the queue file.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no way in which a recipient is added")]
pub struct BadHow(String);

/// One recipient of the queue file that the client did not name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedRecipient {
    /// How it came there.
    pub how: How,
    /// The address without quotes, as Postfix keeps it.
    pub address: Vec<u8>,
    /// What it was made of, where that is told and is another address.
    pub original: Option<Vec<u8>>,
}

/// What Postfix added to one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// In the order of the queue file; of those on record the first [`RECORDED`].
    pub recipients: Vec<AddedRecipient>,
    /// How many there are in all.
    pub n_in_all: usize,
}

impl How {
    /// The word used in the database and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Rewritten => "rewritten",
            Self::Redirected => "redirected",
        }
    }
}

impl FromStr for How {
    type Err = BadHow;

    fn from_str(word: &str) -> Result<Self, BadHow> {
        match word {
            "added" => Ok(Self::Added),
            "rewritten" => Ok(Self::Rewritten),
            "redirected" => Ok(Self::Redirected),
            other => Err(BadHow(other.to_owned())),
        }
    }
}

impl Store {
    /// The recipients that the clients named, of captures that are not confirmed yet: the worker may
    /// read no others.
    pub async fn named_recipients(
        &self,
        captures: &[CaptureId],
    ) -> Result<HashMap<CaptureId, Vec<Path>>, StoreError> {
        let asked = sqlx::query!(
            r#"select capture_id as "capture_id!", argument as "argument!", rewritten
            from recipients_to_confirm($1)"#,
            &row::uuids(captures),
        )
        .fetch_all(&self.pool);
        let rows = within(asked)
            .await
            .map_err(|cause| StoreError::LookUp { cause })?;
        let mut named: HashMap<CaptureId, Vec<Path>> = HashMap::new();
        for row in rows {
            let paths = named.entry(CaptureId::new(row.capture_id)).or_default();
            paths.push(Path {
                argument: row.argument,
                parameters: Vec::new(),
                rewritten: row.rewritten,
            });
        }
        Ok(named)
    }

    /// Records what Postfix added; what is on record already stays as it is.
    pub async fn note_added(&self, found: &[(CaptureId, Added)]) -> Result<(), StoreError> {
        let mut columns = Columns::default();
        for (capture_id, added) in found {
            columns.push(*capture_id, added);
        }
        let asked = sqlx::query!(
            "insert into added_recipient (capture_id, ordinal, n_added, how, address, original)
            select capture_id, ordinal, n_added, how, address, original
            from unnest($1::uuid[], $2::int[], $3::int[], $4::text[], $5::bytea[], $6::bytea[])
                as found (capture_id, ordinal, n_added, how, address, original)
            on conflict do nothing",
            &columns.capture_ids,
            &columns.ordinals,
            &columns.counts,
            &columns.hows,
            &columns.addresses,
            &columns.originals as _,
        )
        .execute(&self.pool);
        let noted = within(asked).await;
        noted
            .map(drop)
            .map_err(|cause| StoreError::Confirm { cause })
    }
}

#[derive(Default)]
struct Columns {
    capture_ids: Vec<Uuid>,
    ordinals: Vec<i32>,
    counts: Vec<i32>,
    hows: Vec<String>,
    addresses: Vec<Vec<u8>>,
    originals: Vec<Option<Vec<u8>>>,
}

impl Columns {
    fn push(&mut self, capture_id: CaptureId, added: &Added) {
        for (recipient, ordinal) in added.recipients.iter().take(RECORDED).zip(0..) {
            self.capture_ids.push(capture_id.uuid());
            self.ordinals.push(ordinal);
            self.counts
                .push(i32::try_from(added.n_in_all).unwrap_or(i32::MAX));
            self.hows.push(recipient.how.as_str().to_owned());
            self.addresses.push(recipient.address.clone());
            self.originals.push(recipient.original.clone());
        }
    }
}
