//! The audit record: appends entries, alone or together with what they tell of, and reads them for
//! pages. Nothing on it is ever changed; whether it is whole is found out in `verify`.

use chrono::{DateTime, Utc};
use sqlx::types::Uuid;
use sqlx::{Postgres, Transaction};

use crate::domain::{
    audit::{AuditKind, AuditVia, Entry, Event, Seal},
    capture_id::CaptureId,
};

use super::{Cause, Store, StoreError, row, within};

mod acts;
mod key;
mod verify;

pub use key::{AuditKey, ShortKey};
pub use verify::{Fault, Head, Soundness};

/// More of a detail, or of a name that somebody typed, is cut off.
const LONGEST_CHARS: usize = 2_000;

/// An entry of the record with its seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The entry.
    pub entry: Entry,
    /// Its seal.
    pub hash: Seal,
}

impl Store {
    /// Appends an event and gives its number. Whoever does something that is on record appends first
    /// and does it then, or does both at once ([`Store::decide_on_record`]).
    pub async fn append_audit(&self, key: &AuditKey, event: &Event) -> Result<i64, StoreError> {
        let appended = async {
            let mut transaction = within(self.pool.begin()).await?;
            let seq = append(&mut transaction, key, event).await?;
            within(transaction.commit()).await?;
            Ok(seq)
        };
        appended.await.map_err(|cause| StoreError::Audit { cause })
    }

    /// What was done with one message, oldest first: the newest 1,000 entries.
    pub async fn audit_of(&self, capture_id: CaptureId) -> Result<Vec<Sealed>, StoreError> {
        let asked = sqlx::query_as!(
            AuditRow,
            "select seq, at, actor, os_user, via, kind, capture_id, client, detail, previous, hash
            from audit_event
            where capture_id = $1
            order by seq desc
            limit 1000",
            capture_id.uuid(),
        )
        .fetch_all(&self.pool);
        let mut newest = read(within(asked).await)?;
        newest.reverse();
        Ok(newest)
    }

    /// Entries for a page, newest first; those below the number `before`, if it is given.
    pub async fn audit_page(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Sealed>, StoreError> {
        let asked = sqlx::query_as!(
            AuditRow,
            "select seq, at, actor, os_user, via, kind, capture_id, client, detail, previous, hash
            from audit_event
            where seq < $1
            order by seq desc
            limit $2",
            before.unwrap_or(i64::MAX),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        read(within(asked).await)
    }

    /// The name on the record of somebody who was ever let in, with capital letters or without: both
    /// backends of the sign-in take them for the same.
    pub async fn login_on_record(&self, login: &str) -> Result<Option<String>, StoreError> {
        let asked = sqlx::query_scalar!(
            r#"select actor
            from audit_event
            where kind = 'signed_in' and lower(actor) = lower($1)
            order by actor = $1 desc
            limit 1"#,
            row::text(login),
        )
        .fetch_optional(&self.pool);
        let found = within(asked).await;
        found.map_err(|cause| StoreError::Audit { cause })
    }

    /// Entries in their order, behind the number `after`.
    pub async fn audit_after(&self, after: i64, limit: u32) -> Result<Vec<Sealed>, StoreError> {
        let asked = sqlx::query_as!(
            AuditRow,
            "select seq, at, actor, os_user, via, kind, capture_id, client, detail, previous, hash
            from audit_event
            where seq > $1
            order by seq
            limit $2",
            after,
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        read(within(asked).await)
    }
}

/// Appends within a transaction, which from here on keeps all others from appending: commit soon.
async fn append(
    transaction: &mut Transaction<'static, Postgres>,
    key: &AuditKey,
    event: &Event,
) -> Result<i64, Cause> {
    let locked = sqlx::query!(
        r#"select seq as "seq!", hash as "hash!", at as "at!" from lock_audit_head()"#
    )
    .fetch_one(&mut **transaction);
    let head = within(locked).await?;
    let entry = Entry {
        seq: head.seq + 1,
        at: head.at,
        event: kept(event),
        previous: seal(&head.hash)?,
    };
    let hash = key.seal(&entry);
    let event = &entry.event;
    let inserted = sqlx::query!(
        "insert into audit_event (
            seq, at, actor, os_user, via, kind, capture_id, client, detail, previous, hash
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        entry.seq,
        entry.at,
        event.actor,
        event.os_user,
        event.via.as_str(),
        event.kind.as_str(),
        event.capture_id.map(|id| id.uuid()),
        event.client.map(|address| address.to_string()),
        event.detail,
        &entry.previous[..],
        &hash[..],
    )
    .execute(&mut **transaction);
    within(inserted).await?;
    Ok(entry.seq)
}

/// The event as the database keeps it: what is sealed is what will be read.
fn kept(event: &Event) -> Event {
    let text = |words: &str| {
        let cut: String = words.chars().take(LONGEST_CHARS).collect();
        row::text(&cut)
    };
    Event {
        actor: text(&event.actor),
        os_user: event.os_user.as_deref().map(text),
        detail: text(&event.detail),
        ..event.clone()
    }
}

fn seal(bytes: &[u8]) -> Result<Seal, Cause> {
    let seal = bytes.try_into();
    seal.map_err(|_| Cause::Unreadable("column hash: not 32 bytes".to_owned()))
}

struct AuditRow {
    seq: i64,
    at: DateTime<Utc>,
    actor: String,
    os_user: Option<String>,
    via: String,
    kind: String,
    capture_id: Option<Uuid>,
    client: Option<String>,
    detail: String,
    previous: Vec<u8>,
    hash: Vec<u8>,
}

impl AuditRow {
    fn read(self) -> Result<Sealed, Cause> {
        let client = self.client.as_deref();
        let client = client.map(|address| row::parsed(address, "client"));
        Ok(Sealed {
            hash: seal(&self.hash)?,
            entry: Entry {
                seq: self.seq,
                at: self.at,
                event: Event {
                    via: row::parsed::<AuditVia>(&self.via, "via")?,
                    kind: row::parsed::<AuditKind>(&self.kind, "kind")?,
                    actor: self.actor,
                    os_user: self.os_user,
                    capture_id: self.capture_id.map(CaptureId::new),
                    client: client.transpose()?,
                    detail: self.detail,
                },
                previous: seal(&self.previous)?,
            },
        })
    }
}

fn read(rows: Result<Vec<AuditRow>, Cause>) -> Result<Vec<Sealed>, StoreError> {
    let read = rows.and_then(|rows| rows.into_iter().map(AuditRow::read).collect());
    read.map_err(|cause| StoreError::Audit { cause })
}
