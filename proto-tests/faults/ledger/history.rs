//! The entries of a ledger. An outcome that nobody heard is *unknown*: both ends are possible then,
//! and each must be whole.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::super::{canary::Canary, imprint::Imprint};

/// All that the world outside did and was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Messages; the number of each is its place.
    pub submissions: Vec<Submission>,
    /// Decisions that were tried.
    pub ballots: Vec<Ballot>,
    /// What an operator did.
    pub by_hand: Vec<ByHand>,
    /// What let Postfix deliver twice.
    pub disturbances: Vec<Disturbance>,
    /// Faults that came alone, so that their effect can be told.
    pub alone: Vec<Alone>,
}

/// One message as one client submitted it once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Submission {
    /// Its place in the history.
    pub number: usize,
    /// In every part of it; the same in all submissions of one message.
    pub canary: Canary,
    /// The earlier submission of the same message, after a refusal or an unknown end.
    pub again_after: Option<usize>,
    /// The envelope sender.
    pub sender: String,
    /// What the directory says of the sender.
    pub standing: Standing,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// By which way.
    pub way: Way,
    /// The content that was sent, with CRLF.
    pub imprint: Imprint,
    /// Before its first byte was sent.
    pub begun_at: DateTime<Utc>,
    /// What the client was told.
    pub outcome: Outcome,
    /// When it was told.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What the directory says of a sender while a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Standing {
    /// Mail must be held.
    Flagged,
    /// Mail must not be touched.
    Unflagged,
    /// The flag is being changed: either is right, but not a part of both.
    Changing,
}

/// By which way a message comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Way {
    /// SMTP without a login.
    Smtp,
    /// The submission service, with a login.
    Login,
    /// A local program.
    Sendmail,
}

/// What a client was told of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Postfix has it. By `sendmail` nobody tells the queue ID.
    Accepted {
        /// The one of `queued as …`.
        queue_id: Option<String>,
    },
    /// Postfix said no; a code of 4xx means: come again.
    Refused {
        /// The three digits.
        code: u16,
        /// What was said.
        text: String,
    },
    /// The connection ended before the closing dot was sent: Postfix cannot have it.
    NotSent(String),
    /// The connection ended after the closing dot, or the run ended meanwhile: Postfix may have it.
    Unknown(String),
}

/// One try to decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ballot {
    /// Its place in the history.
    pub number: usize,
    /// The capture.
    pub capture_id: String,
    /// `release`, `discard` or `return`.
    pub decision: String,
    /// Who decided.
    pub reviewer: String,
    /// Before it was sent.
    pub begun_at: DateTime<Utc>,
    /// What the decider was told.
    pub heard: Heard,
    /// When it was told.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What a decider was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heard {
    /// The decision stands.
    Acknowledged,
    /// Somebody was faster: this decision by this reviewer stands.
    LostTo {
        /// What was decided instead.
        decision: String,
        /// By whom.
        reviewer: String,
    },
    /// It cannot be decided, and nothing was stored.
    Refused(String),
    /// The connection failed: the decision may stand.
    Unknown(String),
}

/// What an operator can do with `postsuper`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Act {
    /// `-h`.
    Hold,
    /// `-H`.
    Release,
    /// `-d`.
    Remove,
    /// `-r`.
    Requeue,
    /// `-e`.
    Expire,
    /// `-f`.
    Return,
}

/// One act by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// The message.
    pub queue_id: String,
    /// What was done.
    pub act: Act,
    /// Before the command ran.
    pub at: DateTime<Utc>,
    /// Whether `postsuper` said that it did it; `None` while nobody knows.
    pub was_done: Option<bool>,
}

/// A time in which Postfix may deliver a message and not know that it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// What it was.
    pub trouble: Trouble,
    /// Before it began.
    pub from: DateTime<Utc>,
    /// After it ended.
    pub to: DateTime<Utc>,
}

/// A fault while nothing else was at fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alone {
    /// What it is called.
    pub fault: String,
    /// What monitoring must see of it: any of these.
    pub signs: Vec<String>,
    /// When it began.
    pub from: DateTime<Utc>,
    /// When it was cured.
    pub to: DateTime<Utc>,
}

/// What lets Postfix deliver twice: the receiver has the message, and its answer is not noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trouble {
    /// The connection to the receiver was cut, stalled or refused.
    SinkCut,
    /// Postfix was stopped.
    PostfixStopped,
}

impl Act {
    /// The option of `postsuper`.
    pub fn option(self) -> &'static str {
        match self {
            Self::Hold => "-h",
            Self::Release => "-H",
            Self::Remove => "-d",
            Self::Requeue => "-r",
            Self::Expire => "-e",
            Self::Return => "-f",
        }
    }
}

impl ByHand {
    /// Whether it may have had an effect.
    pub fn may_count(&self) -> bool {
        self.was_done != Some(false)
    }
}

impl Outcome {
    /// Whether Postfix said that it has the message.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted { .. })
    }

    /// What the client was told that it is called.
    pub fn queue_id(&self) -> Option<&str> {
        match self {
            Self::Accepted { queue_id } => queue_id.as_deref(),
            Self::Refused { .. } | Self::NotSent(_) | Self::Unknown(_) => None,
        }
    }
}
