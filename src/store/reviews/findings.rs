//! What the worker found when it compared a queue file with its capture: doubts, and recipients that
//! Postfix added.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::capture_id::CaptureId;

use super::super::{
    Cause,
    added::{Added, AddedRecipient},
    row, within,
};

/// Doubts that are shown of one message, the newest ones.
const SHOWN: i64 = 20;

/// A look at a queue file that did not find the captured message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What was found instead.
    pub reason: String,
    /// When it was first seen.
    pub seen_at: DateTime<Utc>,
    /// When something else was found; `None` while the doubt stands.
    pub cleared_at: Option<DateTime<Utc>>,
}

impl Doubt {
    /// The latest doubts about a message, oldest first.
    pub(super) async fn of(
        connection: &mut PgConnection,
        capture_id: CaptureId,
    ) -> Result<Vec<Self>, Cause> {
        let asked = sqlx::query_as!(
            Doubt,
            "select reason, seen_at, cleared_at
            from doubt
            where capture_id = $1
            order by seen_at desc, doubt_id
            limit $2",
            capture_id.uuid(),
            SHOWN,
        )
        .fetch_all(connection);
        let mut doubts = within(asked).await?;
        doubts.reverse();
        Ok(doubts)
    }
}

impl Added {
    /// The recipients that Postfix added to a message.
    pub(super) async fn to(
        connection: &mut PgConnection,
        capture_id: CaptureId,
    ) -> Result<Self, Cause> {
        let asked = sqlx::query!(
            "select n_added, how, address, original
            from added_recipient
            where capture_id = $1
            order by ordinal",
            capture_id.uuid(),
        )
        .fetch_all(connection);
        let mut added = Self::default();
        for found in within(asked).await? {
            added.n_in_all = usize::try_from(found.n_added).unwrap_or_default();
            added.recipients.push(AddedRecipient {
                how: row::parsed(&found.how, "how")?,
                address: found.address,
                original: found.original,
            });
        }
        Ok(added)
    }
}
