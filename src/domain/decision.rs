//! Decision (a person's word) and disposition (what really happened): never the same type.

use std::{fmt, str::FromStr};

/// What a reviewer chose for a held message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Let it go to its recipients.
    Release,
    /// Remove it; nobody is told.
    Discard,
    /// Give it back to its sender with a bounce.
    Return,
}

/// What became of a message that left review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// It left the hold queue for its recipients.
    Released,
    /// It was removed.
    Discarded,
    /// It was given back to its sender.
    Returned,
    /// Another hand moved it before the decision was carried out.
    Gone,
    /// Postfix never took it into its queue after the milter had captured it.
    NeverQueued,
}

/// A text that names no decision or disposition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a known word here")]
pub struct BadWord(String);

impl Decision {
    /// All decisions, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Release, Self::Discard, Self::Return];

    /// The word used in the database, in JSON and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Discard => "discard",
            Self::Return => "return",
        }
    }

    /// The disposition that this decision has when it was carried out.
    pub fn fulfilled(self) -> Disposition {
        match self {
            Self::Release => Disposition::Released,
            Self::Discard => Disposition::Discarded,
            Self::Return => Disposition::Returned,
        }
    }
}

impl Disposition {
    /// All dispositions.
    pub const ALL: [Self; 5] = [
        Self::Released,
        Self::Discarded,
        Self::Returned,
        Self::Gone,
        Self::NeverQueued,
    ];

    /// The word used in the database, in JSON and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Discarded => "discarded",
            Self::Returned => "returned",
            Self::Gone => "gone",
            Self::NeverQueued => "never_queued",
        }
    }
}

impl FromStr for Decision {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        let known = Self::ALL
            .into_iter()
            .find(|decision| decision.as_str() == text);
        known.ok_or_else(|| BadWord(text.to_owned()))
    }
}

impl FromStr for Disposition {
    type Err = BadWord;

    fn from_str(text: &str) -> Result<Self, BadWord> {
        let known = Self::ALL
            .into_iter()
            .find(|disposition| disposition.as_str() == text);
        known.ok_or_else(|| BadWord(text.to_owned()))
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
