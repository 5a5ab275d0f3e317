//! The adoption of strays: an administrator's word, and the worker's capture that follows it. The
//! database takes name and grounds of such a capture from the stray, whatever a worker says.

use std::net::IpAddr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Uuid};

use crate::domain::{capture_id::CaptureId, envelope::Path, instance::Instance, queue_id::QueueId};

use super::super::{Cause, Store, StoreError, captures::HeaderFields, row, within};

/// An administrator's word that a stray is to be reviewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Who.
    pub administrator: String,
    /// The operating-system user beside it, if there is one.
    pub os_user: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When.
    pub adopted_at: DateTime<Utc>,
    /// What the worker made of it.
    pub capture_id: Option<CaptureId>,
    /// Why the worker could not capture it when it tried last.
    pub last_failure: Option<String>,
}

/// What came of the wish to adopt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// The worker has been told.
    Accepted,
    /// Somebody was faster.
    Already,
    /// It has ended meanwhile.
    Ended,
    /// There is no such stray.
    Unknown,
    /// Several instances have one of this name.
    Ambiguous,
}

/// An adopted stray that is to be captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ward {
    /// The stray.
    pub stray_id: Uuid,
    /// The queue file's name.
    pub queue_id: QueueId,
}

/// A record of a message that is, or was, reviewed as another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Double {
    /// The record.
    pub capture_id: CaptureId,
    /// The queue file's name.
    pub queue_id: QueueId,
}

/// What the queue file of an adopted stray says.
#[derive(Clone, Debug)]
pub struct Foundling {
    /// The envelope sender after rewriting; empty for the null sender.
    pub sender: Vec<u8>,
    /// The recipients still to be served.
    pub recipients: Vec<Vec<u8>>,
    /// The SASL login.
    pub login: Option<Vec<u8>>,
    /// The client's address.
    pub client_address: Option<IpAddr>,
    /// What the header says, for the list.
    pub header: HeaderFields,
    /// Header and body, as a milter would have been shown them.
    pub content: Bytes,
}

/// Who adopts, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopter {
    /// Who; not empty.
    pub administrator: String,
    /// The operating-system user beside it, if there is one.
    pub os_user: Option<String>,
    /// Why, in the administrator's words.
    pub note: Option<String>,
}

impl Store {
    /// Adopted strays of an instance that no worker has captured yet: those that never failed first, and of each
    /// kind the eldest adoption.
    pub async fn wards(&self, instance: &Instance, limit: u32) -> Result<Vec<Ward>, StoreError> {
        let asked = sqlx::query!(
            "select s.stray_id, s.queue_id
            from adoption a
            join stray s using (stray_id)
            where a.capture_id is null
                and s.instance = $1
                and s.ended is null
            order by a.last_failure is not null, a.created_at
            limit $2",
            instance.as_str(),
            i64::from(limit),
        )
        .fetch_all(&self.pool);
        let rows = within(asked).await;
        let wards = rows.and_then(|rows| {
            let read = rows.into_iter().map(|ward| {
                Ok(Ward {
                    stray_id: ward.stray_id,
                    queue_id: row::parsed(&ward.queue_id, "queue_id")?,
                })
            });
            read.collect()
        });
        wards.map_err(|cause| StoreError::Strays { cause })
    }

    /// Captures an adopted stray; `false` if it does not stand any more, or another worker was
    /// faster. The database takes name and grounds from stray and adoption, whatever we say.
    pub async fn capture_ward(
        &self,
        ward: &Ward,
        capture_id: CaptureId,
        found: &Foundling,
    ) -> Result<bool, StoreError> {
        let header = &found.header;
        let fields = [
            &header.subject,
            &header.from,
            &header.to,
            &header.date,
            &header.message_id,
        ];
        let fields: Vec<_> = fields
            .into_iter()
            .map(|field| row::optional_text(field.as_deref()))
            .collect();
        let recipients: Vec<_> = found.recipients.iter().map(|one| shown(one)).collect();
        let arguments: Vec<_> = found.recipients.iter().map(|one| bracketed(one)).collect();
        let asked = sqlx::query_scalar!(
            r#"select adopt_stray(
                $1, $2, $3, $4, $5, $6, $7, $8::text::inet, $9, $10
            ) as "is_captured!""#,
            ward.stray_id,
            capture_id.uuid(),
            shown(&found.sender),
            bracketed(&found.sender),
            &recipients,
            &arguments,
            found.login.as_deref(),
            found.client_address.map(|address| address.to_string()),
            &fields as _,
            &found.content[..],
        )
        .fetch_one(&self.pool);
        within(asked)
            .await
            .map_err(|cause| StoreError::Strays { cause })
    }

    /// Ends second records of one message: a stray was adopted, and the message's own capture came late
    /// from a spool, or the other way round. One of the two is reviewed, or was; the other one, never
    /// confirmed, ends with a word about it. Returns those that ended now.
    pub async fn end_doubles(
        &self,
        instance: &Instance,
        worker: &str,
    ) -> Result<Vec<Double>, StoreError> {
        let asked = sqlx::query!(
            "with double as (
                select late.capture_id, standing.capture_id as reviewed_as
                from capture late
                join lateral (
                    select other.capture_id
                    from (
                        select capture_id, digest, state
                        from capture
                        where queue_id = late.queue_id and instance = late.instance
                        offset 0
                    ) other
                    where other.digest = late.digest
                        and other.state in ('held', 'decided', 'released', 'discarded', 'returned')
                        and exists (
                            select from adoption a
                            where a.capture_id in (late.capture_id, other.capture_id)
                        )
                        -- What was adopted after its end was on hold again: that is another review.
                        and not exists (
                            select from adoption a
                            join settlement s on s.capture_id = other.capture_id
                            where a.capture_id = late.capture_id and a.created_at > s.created_at
                        )
                    order by other.capture_id
                    limit 1
                ) standing on true
                where late.instance = $1
                    and late.state = 'captured'
                order by late.capture_id
                for no key update of late
            ),
            inserted as (
                insert into settlement (capture_id, disposition, method, worker, evidence)
                select capture_id, 'never_queued', 'none', $2,
                    'a second record: its message is capture ' || reviewed_as || ', after an adoption'
                from double
                returning capture_id
            )
            update capture
            set state = 'never_queued'
            from inserted
            where capture.capture_id = inserted.capture_id
            returning capture.capture_id, capture.queue_id",
            instance.as_str(),
            row::text(worker),
        )
        .fetch_all(&self.pool);
        let doubles = within(asked).await.and_then(|rows| {
            let read = rows.into_iter().map(|double| {
                Ok(Double {
                    capture_id: CaptureId::new(double.capture_id),
                    queue_id: row::parsed(&double.queue_id, "queue_id")?,
                })
            });
            read.collect()
        });
        doubles.map_err(|cause| StoreError::Settle { cause })
    }

    /// Notes why an adopted stray could not be captured.
    pub async fn note_ward(&self, ward: &Ward, reason: &str) -> Result<(), StoreError> {
        let asked = sqlx::query!(
            "update adoption
            set last_failure = $2
            where stray_id = $1 and capture_id is null",
            ward.stray_id,
            row::text(reason),
        )
        .execute(&self.pool);
        let noted = within(asked).await;
        noted
            .map(drop)
            .map_err(|cause| StoreError::Strays { cause })
    }

    /// The stray of this name that stands, or why there is none.
    pub(in crate::store) async fn standing_stray(
        &self,
        instance: Option<&Instance>,
        queue_id: &QueueId,
    ) -> Result<Result<Uuid, Adopted>, StoreError> {
        let asked = sqlx::query!(
            "select stray_id, ended
            from stray
            where queue_id = $1
                and ($2::text is null or instance = $2)",
            queue_id.as_str(),
            instance.map(Instance::as_str),
        )
        .fetch_all(&self.pool);
        let found = within(asked)
            .await
            .map_err(|cause| StoreError::Strays { cause })?;
        let standing: Vec<_> = found.iter().filter(|one| one.ended.is_none()).collect();
        Ok(match standing.as_slice() {
            [one] => Ok(one.stray_id),
            [] if found.is_empty() => Err(Adopted::Unknown),
            [] => Err(Adopted::Ended),
            _ => Err(Adopted::Ambiguous),
        })
    }
}

impl Adopter {
    /// Inserts the word, if the database lets it in.
    pub(in crate::store) async fn insert(
        &self,
        stray_id: Uuid,
        connection: &mut PgConnection,
    ) -> Result<(), Cause> {
        let asked = sqlx::query!(
            "insert into adoption (stray_id, administrator, os_user, note)
            values ($1, $2, $3, $4)",
            stray_id,
            row::text(&self.administrator),
            row::optional_text(self.os_user.as_deref()),
            row::optional_text(self.note.as_deref()),
        )
        .execute(connection);
        within(asked).await.map(drop)
    }
}

impl Adopted {
    pub(in crate::store) fn refused(refusal: Cause) -> Result<Self, StoreError> {
        match refusal.constraint() {
            Some("adoption_once") => Ok(Self::Already),
            Some("adoption_needs_stray") => Ok(Self::Ended),
            _ => Err(StoreError::Strays { cause: refusal }),
        }
    }
}

/// An address as the milter would have got it.
fn bracketed(address: &[u8]) -> Vec<u8> {
    [b"<", address, b">"].concat()
}

/// The same for people.
fn shown(address: &[u8]) -> String {
    let path = Path {
        argument: bracketed(address),
        ..Path::default()
    };
    row::text(&path.to_display())
}
