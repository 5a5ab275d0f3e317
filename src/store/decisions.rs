//! Stores what a person decided. One INSERT: the first one wins, the rest learn who won.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::{capture_id::CaptureId, decision::Decision, lifecycle::State};

use super::{Cause, Store, StoreError, row, within};

/// By which way a decision came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// The command line.
    Cli,
    /// A web page.
    Web,
    /// A program.
    Api,
    /// A page behind a link in a notice.
    Link,
}

/// A decision as it is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// The message.
    pub capture_id: CaptureId,
    /// What is decided.
    pub decision: Decision,
    /// Who decides; not empty.
    pub reviewer: String,
    /// The operating-system user beside it, if there is one.
    pub os_user: Option<String>,
    /// By which way.
    pub via: Via,
    /// Why, in the reviewer's words.
    pub note: Option<String>,
}

/// What came of a ballot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It stands; the worker has been told.
    Accepted {
        /// When it was stored.
        decided_at: DateTime<Utc>,
    },
    /// Somebody was faster.
    AlreadyDecided(Winner),
    /// The worker has not seen the message in the hold queue yet.
    NotHeldYet,
    /// The message left review without a decision.
    AlreadySettled(State),
    /// A return, and the message has the null sender: nobody would be told.
    NobodyToReturnTo,
    /// A return, and every recipient has NOTIFY=NEVER: Postfix would tell nobody.
    NobodyToBeTold,
    /// There is no such capture.
    Unknown,
}

/// The decision that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Winner {
    /// What was decided.
    pub decision: Decision,
    /// Who decided.
    pub reviewer: String,
    /// By which way.
    pub via: Via,
    /// When.
    pub decided_at: DateTime<Utc>,
    /// Where the message stands now.
    pub state: State,
}

impl Ballot {
    /// Inserts it, if the database lets it in.
    pub(super) async fn insert(
        &self,
        connection: &mut PgConnection,
    ) -> Result<DateTime<Utc>, Cause> {
        let asked = sqlx::query_scalar!(
            "insert into decision (capture_id, decision, reviewer, os_user, via, note)
            values ($1, $2, $3, $4, $5, $6)
            returning created_at",
            self.capture_id.uuid(),
            self.decision.as_str(),
            row::text(&self.reviewer),
            row::optional_text(self.os_user.as_deref()),
            self.via.as_str(),
            row::optional_text(self.note.as_deref()),
        )
        .fetch_one(connection);
        within(asked).await
    }
}

impl Store {
    /// Why a decision was refused, and who won.
    pub(super) async fn refused(
        &self,
        ballot: &Ballot,
        refusal: Cause,
    ) -> Result<Answer, StoreError> {
        let failed = |cause| StoreError::Decide { cause };
        match refusal.constraint() {
            Some("decision_of_capture") => Ok(Answer::Unknown),
            Some("decision_needs_sender") => Ok(Answer::NobodyToReturnTo),
            Some("decision_needs_notice") => Ok(Answer::NobodyToBeTold),
            Some("decision_needs_held" | "decision_stands") => {
                match self.decision_of(ballot.capture_id).await? {
                    Some(winner) => Ok(Answer::AlreadyDecided(winner)),
                    None => without_winner(refusal).map_err(failed),
                }
            }
            _ => Err(failed(refusal)),
        }
    }

    /// The decision that stands for a message. It never changes: what is read after a refusal is what
    /// caused it.
    pub async fn decision_of(&self, capture_id: CaptureId) -> Result<Option<Winner>, StoreError> {
        let failed = |cause| StoreError::Decide { cause };
        let asked = sqlx::query_as!(
            WinnerRow,
            "select d.decision, d.reviewer, d.via, d.created_at as decided_at, c.state
            from decision d
            join capture c using (capture_id)
            where d.capture_id = $1",
            capture_id.uuid(),
        )
        .fetch_optional(&self.pool);
        let found = within(asked).await.map_err(failed)?;
        found.map(WinnerRow::read).transpose().map_err(failed)
    }
}

/// The state that the database refused, as its DETAIL tells it.
fn without_winner(refusal: Cause) -> Result<Answer, Cause> {
    let state = match &refusal {
        Cause::Refused { detail, .. } => detail.as_deref().map(str::parse),
        Cause::Deadline(_) | Cause::Unreachable(_) | Cause::Unreadable(_) => None,
    };
    match state {
        Some(Ok(State::Captured)) => Ok(Answer::NotHeldYet),
        Some(Ok(settled @ State::Settled(_))) => Ok(Answer::AlreadySettled(settled)),
        Some(Ok(State::Held | State::Decided) | Err(_)) | None => Err(refusal),
    }
}

struct WinnerRow {
    decision: String,
    reviewer: String,
    via: String,
    decided_at: DateTime<Utc>,
    state: String,
}

impl WinnerRow {
    fn read(self) -> Result<Winner, Cause> {
        Ok(Winner {
            decision: row::parsed(&self.decision, "decision")?,
            reviewer: self.reviewer,
            via: row::parsed(&self.via, "via")?,
            decided_at: self.decided_at,
            state: row::parsed(&self.state, "state")?,
        })
    }
}

impl Via {
    const ALL: [Self; 4] = [Self::Cli, Self::Web, Self::Api, Self::Link];

    /// The word used in the database, in JSON and as a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cli => "cli",
            Self::Web => "web",
            Self::Api => "api",
            Self::Link => "link",
        }
    }
}

impl FromStr for Via {
    type Err = BadVia;

    fn from_str(text: &str) -> Result<Self, BadVia> {
        let known = Self::ALL.into_iter().find(|via| via.as_str() == text);
        known.ok_or_else(|| BadVia(text.to_owned()))
    }
}

/// A text that names no way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no way by which decisions come")]
pub struct BadVia(String);

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
