//! The twins of a message: what the same person sent with the same content or the same Message-ID.
//! A client that heard no answer at the end of a message sends it again, and both are held.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Uuid};

use crate::domain::{
    capture_id::CaptureId, instance::Instance, lifecycle::State, queue_id::QueueId,
};

use super::super::{Cause, row, within};

/// Twins that are told of one message at most: the newest ones.
pub const TWINS: usize = 20;

/// Another message of the same person that may be the same once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Our name of it.
    pub capture_id: CaptureId,
    /// Where it is held.
    pub instance: Instance,
    /// Postfix's name of it.
    pub queue_id: QueueId,
    /// Where it stands.
    pub state: State,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// What is the same.
    pub likeness: Likeness,
}

/// What twins have in common, beside who sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Header and body, byte for byte.
    Content,
    /// The header's Message-ID alone.
    MessageId,
}

impl Likeness {
    /// The word used in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::MessageId => "message_id",
        }
    }
}

/// Twins in the order of their capture, cut at [`TWINS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Twins {
    /// The newest ones.
    pub known: Vec<Twin>,
    /// Whether there are older ones beyond them.
    pub are_cut: bool,
}

struct TwinRow {
    capture_id: Uuid,
    instance: String,
    queue_id: String,
    state: String,
    captured_at: DateTime<Utc>,
    has_same_content: bool,
}

impl Twins {
    /// The twins of a message. Two looks into an index, however many messages there are.
    pub(super) async fn of(
        connection: &mut PgConnection,
        capture_id: CaptureId,
    ) -> Result<Self, Cause> {
        let asked = sqlx::query_as!(
            TwinRow,
            r#"select
                twin.capture_id as "capture_id!", twin.instance as "instance!",
                twin.queue_id as "queue_id!", twin.state as "state!",
                twin.captured_at as "captured_at!", twin.digest = me.digest as "has_same_content!"
            from capture me
            cross join lateral (
                (
                    select c.capture_id, c.instance, c.queue_id, c.state, c.captured_at,
                        c.login, c.sender, c.digest
                    from capture c
                    where c.twin_by_message_id = me.twin_by_message_id
                        and c.message_id = me.message_id
                        and c.capture_id <> me.capture_id
                    order by c.capture_id desc
                    limit $2
                )
                union
                (
                    select c.capture_id, c.instance, c.queue_id, c.state, c.captured_at,
                        c.login, c.sender, c.digest
                    from capture c
                    where c.twin_by_digest = me.twin_by_digest
                        and c.digest = me.digest
                        and c.capture_id <> me.capture_id
                    order by c.capture_id desc
                    limit $2
                )
            ) as twin
            where me.capture_id = $1
                and twin.login is not distinct from me.login
                and (me.login is not null or twin.sender = me.sender)
            order by twin.capture_id desc
            limit $2"#,
            capture_id.uuid(),
            i64::try_from(TWINS + 1).unwrap_or(i64::MAX),
        )
        .fetch_all(connection);
        let rows = within(asked).await?;
        let are_cut = rows.len() > TWINS;
        let newest = rows.into_iter().take(TWINS).rev();
        Ok(Self {
            known: newest.map(TwinRow::read).collect::<Result<_, _>>()?,
            are_cut,
        })
    }
}

impl TwinRow {
    fn read(self) -> Result<Twin, Cause> {
        Ok(Twin {
            capture_id: CaptureId::new(self.capture_id),
            instance: row::parsed(&self.instance, "instance")?,
            queue_id: row::parsed(&self.queue_id, "queue_id")?,
            state: row::parsed(&self.state, "state")?,
            captured_at: self.captured_at,
            likeness: match self.has_same_content {
                true => Likeness::Content,
                false => Likeness::MessageId,
            },
        })
    }
}
