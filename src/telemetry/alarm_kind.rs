//! The kinds of alarm, and how each ends.

/// The faults that a person must hear of. The words are label values and stand in
/// docs/monitoring.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// The directory cannot be asked.
    DirectoryUnreachable,
    /// The people in memory are not those of the directory any more, or cannot be.
    MirrorLost,
    /// A flag's value is neither true nor false by the settings.
    FlagUnknown,
    /// The settings were read again, and are at fault.
    ConfigRefused,
    /// PostgreSQL cannot be reached, or refuses.
    StoreUnreachable,
    /// The spool has less free space or inodes than the limit.
    SpoolFull,
    /// A capture could not be written or synced.
    SpoolFailing,
    /// A sender has as many captures within an hour as the settings allow.
    SenderCapped,
    /// A capture was set aside: half written, or refused by the database for what it holds.
    CaptureSetAside,
    /// The header of a capture could not be read; its mail is known by its From fields as they were sent.
    HeaderUnread,
    /// A callback panicked; its connection ended with a temporary failure.
    SessionPanicked,
    /// Postfix gave no long queue ID at the end of a message.
    QueueIdMissing,
    /// Postfix does not offer what the milter needs.
    NegotiationFailed,
    /// The oldest capture in the spool has not moved on for too long.
    CaptureWaits,
    /// All seats are taken, and a connection of Postfix waits.
    ConnectionsExhausted,
    /// The process may open no more files.
    HandlesExhausted,
    /// A Postfix command failed, the hold queue cannot be read, or Postfix does not run.
    PostfixRefused,
    /// A decision has not been carried out for too long.
    DecisionWaits,
    /// The clocks of this host and of the database are apart.
    ClockApart,
    /// A queue file is not the message that was captured.
    IdentityMismatch,
    /// A message was moved by another hand than a reviewer's.
    Gone,
    /// Mail is on hold that nobody captured.
    Stray,
    /// Messages cannot be taken apart for people.
    OutlineFailing,
    /// A message waits longer for a decision than the settings allow.
    ReviewDue,
}

impl AlarmKind {
    /// All kinds.
    pub const ALL: [Self; 24] = [
        Self::DirectoryUnreachable,
        Self::MirrorLost,
        Self::FlagUnknown,
        Self::ConfigRefused,
        Self::StoreUnreachable,
        Self::SpoolFull,
        Self::SpoolFailing,
        Self::SenderCapped,
        Self::CaptureSetAside,
        Self::HeaderUnread,
        Self::SessionPanicked,
        Self::QueueIdMissing,
        Self::NegotiationFailed,
        Self::CaptureWaits,
        Self::ConnectionsExhausted,
        Self::HandlesExhausted,
        Self::PostfixRefused,
        Self::DecisionWaits,
        Self::ClockApart,
        Self::IdentityMismatch,
        Self::Gone,
        Self::Stray,
        Self::OutlineFailing,
        Self::ReviewDue,
    ];

    /// The word in logs and in the label of `mailhold_alarm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirectoryUnreachable => "directory_unreachable",
            Self::MirrorLost => "mirror_lost",
            Self::FlagUnknown => "flag_unknown",
            Self::ConfigRefused => "config_refused",
            Self::StoreUnreachable => "store_unreachable",
            Self::SpoolFull => "spool_full",
            Self::SpoolFailing => "spool_failing",
            Self::SenderCapped => "sender_capped",
            Self::CaptureSetAside => "capture_set_aside",
            Self::HeaderUnread => "header_unread",
            Self::SessionPanicked => "session_panicked",
            Self::QueueIdMissing => "queue_id_missing",
            Self::NegotiationFailed => "negotiation_failed",
            Self::CaptureWaits => "capture_waits",
            Self::ConnectionsExhausted => "connections_exhausted",
            Self::HandlesExhausted => "handles_exhausted",
            Self::PostfixRefused => "postfix_refused",
            Self::DecisionWaits => "decision_waits",
            Self::ClockApart => "clock_apart",
            Self::IdentityMismatch => "identity_mismatch",
            Self::Gone => "gone",
            Self::Stray => "stray",
            Self::OutlineFailing => "outline_failing",
            Self::ReviewDue => "review_due",
        }
    }

    /// The kind of such a word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether the process is not ready while such an alarm stands.
    pub fn is_in_the_way(self) -> bool {
        self.course() == Course::UntilCured
    }

    /// Whether its detail may be shown to every user of the host: it names servers and directories,
    /// and neither messages nor people nor values of the settings.
    pub fn is_for_everybody(self) -> bool {
        let may_name = [Self::ConfigRefused, Self::IdentityMismatch, Self::Stray];
        !may_name.contains(&self) && self.course() != Course::Momentary
    }

    pub(super) fn course(self) -> Course {
        match self {
            Self::DirectoryUnreachable
            | Self::StoreUnreachable
            | Self::SpoolFull
            | Self::SpoolFailing
            | Self::ConnectionsExhausted
            | Self::HandlesExhausted
            | Self::PostfixRefused
            | Self::OutlineFailing => Course::UntilCured,
            // Strays and doubts wait for a person; all else is confirmed and settled meanwhile.
            Self::ConfigRefused
            | Self::MirrorLost
            | Self::SenderCapped
            | Self::CaptureWaits
            | Self::DecisionWaits
            | Self::ClockApart
            | Self::IdentityMismatch
            | Self::Stray
            | Self::ReviewDue => Course::Aside,
            Self::FlagUnknown
            | Self::CaptureSetAside
            | Self::HeaderUnread
            | Self::SessionPanicked
            | Self::QueueIdMissing
            | Self::NegotiationFailed
            | Self::Gone => Course::Momentary,
        }
    }
}

/// How an alarm ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// When the fault is seen to be cured. Until then the process is not ready.
    UntilCured,
    /// When the fault is seen to be cured. Meanwhile the process does its work, and is ready.
    Aside,
    /// A quarter of an hour after it happened last.
    Momentary,
}
