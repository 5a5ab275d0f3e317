//! The audit record: what people did, as facts, and the one spelling of them that is sealed. Pure: the
//! seal needs a key, and that is in the store.

use std::{fmt, net::IpAddr, str::FromStr};

use chrono::{DateTime, Utc};

use super::capture_id::CaptureId;

/// The beginning of every sealed spelling. Another spelling needs another one.
const SPELLING: &[u8] = b"mailhold audit 1";

/// By which way something was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditVia {
    /// The review desk in a browser.
    Web,
    /// The command line.
    Cli,
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditKind {
    /// Somebody signed in.
    SignedIn,
    /// Somebody tried to, and was not let in.
    SignInFailed,
    /// Somebody signed out, or a session was ended.
    SignedOut,
    /// A session has other rights than before.
    RightsChanged,
    /// Reviews were searched.
    Searched,
    /// A message was looked at.
    Viewed,
    /// A file, or a message as it was captured, was taken out.
    Downloaded,
    /// A message was decided.
    Decided,
    /// Something was not allowed, or came too late.
    Refused,
    /// Something else was done at the command line.
    Command,
    /// A stray was adopted.
    Adopted,
    /// The record itself was taken out.
    Exported,
}

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who; not empty.
    pub actor: String,
    /// The operating-system user beside it, at a command line.
    pub os_user: Option<String>,
    /// By which way.
    pub via: AuditVia,
    /// What.
    pub kind: AuditKind,
    /// With which message.
    pub capture_id: Option<CaptureId>,
    /// From where, in a browser.
    pub client: Option<IpAddr>,
    /// More of it in words: a decision, a search, the name of a file. Never content of a mail.
    pub detail: String,
}

/// A SHA-256 of the record.
pub type Seal = [u8; 32];

/// An event in its place in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number; the first one is 1, and none is left out.
    pub seq: i64,
    /// When, by the database's clock, in whole microseconds.
    pub at: DateTime<Utc>,
    /// What was done.
    pub event: Event,
    /// The seal of the entry before; zeros for the first one.
    pub previous: Seal,
}

impl Entry {
    /// The bytes that are sealed: every field with its length before it, so that no two entries are
    /// spelt alike.
    pub fn spelt(&self) -> Vec<u8> {
        let event = &self.event;
        let capture_id = event.capture_id.map(|id| id.to_string());
        let client = event.client.map(|address| address.to_string());
        let (seq, at) = (self.seq.to_string(), self.at.timestamp_micros().to_string());
        let fields = [
            Some(SPELLING),
            Some(seq.as_bytes()),
            Some(at.as_bytes()),
            Some(event.actor.as_bytes()),
            event.os_user.as_deref().map(str::as_bytes),
            Some(event.via.as_str().as_bytes()),
            Some(event.kind.as_str().as_bytes()),
            capture_id.as_deref().map(str::as_bytes),
            client.as_deref().map(str::as_bytes),
            Some(event.detail.as_bytes()),
            Some(&self.previous),
        ];
        let mut spelt = Vec::new();
        for field in fields {
            // None is another thing than an empty text.
            let length = field.map_or(-1, |field| i64::try_from(field.len()).unwrap_or(i64::MAX));
            spelt.extend(length.to_be_bytes());
            spelt.extend(field.unwrap_or_default());
        }
        spelt
    }
}

impl AuditVia {
    const ALL: [Self; 2] = [Self::Web, Self::Cli];

    /// The word used in the database and in the seal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Cli => "cli",
        }
    }
}

impl AuditKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::RightsChanged,
        Self::Searched,
        Self::Viewed,
        Self::Downloaded,
        Self::Decided,
        Self::Refused,
        Self::Command,
        Self::Adopted,
        Self::Exported,
    ];

    /// The word used in the database and in the seal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::RightsChanged => "rights_changed",
            Self::Searched => "searched",
            Self::Viewed => "viewed",
            Self::Downloaded => "downloaded",
            Self::Decided => "decided",
            Self::Refused => "refused",
            Self::Command => "command",
            Self::Adopted => "adopted",
            Self::Exported => "exported",
        }
    }
}

/// A text that the record does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a known word of the audit record")]
pub struct BadAuditWord(String);

impl FromStr for AuditVia {
    type Err = BadAuditWord;

    fn from_str(text: &str) -> Result<Self, BadAuditWord> {
        let known = Self::ALL.into_iter().find(|via| via.as_str() == text);
        known.ok_or_else(|| BadAuditWord(text.to_owned()))
    }
}

impl FromStr for AuditKind {
    type Err = BadAuditWord;

    fn from_str(text: &str) -> Result<Self, BadAuditWord> {
        let known = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| BadAuditWord(text.to_owned()))
    }
}

impl fmt::Display for AuditVia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AuditKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn entry() -> Entry {
        Entry {
            seq: 7,
            at: DateTime::UNIX_EPOCH,
            event: Event {
                actor: "rita".to_owned(),
                os_user: None,
                via: AuditVia::Web,
                kind: AuditKind::Viewed,
                capture_id: None,
                client: None,
                detail: String::new(),
            },
            previous: [0; 32],
        }
    }

    #[test]
    fn every_field_changes_what_is_sealed() {
        let changed = |change: fn(&mut Entry)| {
            let mut entry = entry();
            change(&mut entry);
            entry.spelt()
        };
        let all = [
            changed(|_| {}),
            changed(|entry| entry.seq = 8),
            changed(|entry| entry.at += chrono::TimeDelta::microseconds(1)),
            changed(|entry| entry.event.actor.push('a')),
            changed(|entry| entry.event.os_user = Some(String::new())),
            changed(|entry| entry.event.os_user = Some("rita".to_owned())),
            changed(|entry| entry.event.via = AuditVia::Cli),
            changed(|entry| entry.event.kind = AuditKind::Decided),
            changed(|entry| {
                entry.event.capture_id = "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f".parse().ok();
            }),
            changed(|entry| entry.event.client = "192.0.2.1".parse().ok()),
            changed(|entry| entry.event.detail.push('x')),
            changed(|entry| entry.previous[31] = 1),
        ];
        let n_spellings = all.iter().collect::<HashSet<_>>().len();
        assert_eq!(n_spellings, all.len());
    }

    #[test]
    fn a_text_cannot_move_into_the_field_beside_it() {
        let (mut one, mut other) = (entry(), entry());
        one.event.actor = "ritacli".to_owned();
        other.event.actor = "rita".to_owned();
        other.event.os_user = Some("cli".to_owned());
        assert_ne!(one.spelt(), other.spelt());
    }

    #[test]
    fn the_spelling_is_the_one_of_all_earlier_records() {
        let mut wanted = Vec::new();
        for (length, text) in [
            (16_i64, "mailhold audit 1"),
            (1, "7"),
            (1, "0"),
            (4, "rita"),
            (-1, ""),
            (3, "web"),
            (6, "viewed"),
            (-1, ""),
            (-1, ""),
            (0, ""),
        ] {
            wanted.extend(length.to_be_bytes());
            wanted.extend(text.as_bytes());
        }
        wanted.extend(32_i64.to_be_bytes());
        wanted.extend([0; 32]);
        assert_eq!(entry().spelt(), wanted);
    }

    #[test]
    fn every_word_reads_as_itself() {
        for kind in AuditKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        for via in AuditVia::ALL {
            assert_eq!(via.as_str().parse(), Ok(via));
        }
        assert!("view".parse::<AuditKind>().is_err());
    }
}
