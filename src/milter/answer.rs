//! What a session answers, and the one place where failures become a temporary refusal.

use crate::{
    directory::DirectoryError,
    domain::queue_id::{BadQueueId, QueueId},
    spool::SpoolError,
    telemetry::{AlarmKind, Alarms, Metrics, events},
};

/// What a session says to one protocol event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Continue,
    /// No rule can match this message any more.
    Accept,
    /// The capture is durable: quarantine the message.
    Hold,
    /// Come again later.
    TryAgain,
}

/// Why a message must come again later.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The directory gave no answer, and the operator wants such mail to wait.
    #[error("cannot tell whether the sender is flagged")]
    Standing(#[source] DirectoryError),
    /// The content could not be captured.
    #[error("cannot capture the message")]
    Capture(#[source] SpoolError),
    /// Postfix named no queue file: the message could never be found again.
    #[error("the end of the message has no queue ID")]
    NoQueueId,
    /// Postfix makes short queue IDs, which repeat.
    #[error("cannot use the queue ID (is enable_long_queue_ids set?)")]
    QueueId(#[source] BadQueueId),
    /// The queue ID changed between DATA and the end of the message.
    #[error("the queue ID changed from {at_data:?} to {at_end:?}")]
    QueueIdChanged {
        /// At DATA.
        at_data: String,
        /// At the end of the message.
        at_end: String,
    },
    /// The end of the message took too long.
    #[error("no answer within {} ms", .0.as_millis())]
    Deadline(std::time::Duration),
    /// Postfix went away before it read the quarantine request.
    #[error("cannot ask for the quarantine")]
    Quarantine(#[source] indymilter::ActionError),
    /// The session has no whole message here: it began before a panic, or a stage was skipped.
    #[error("there is no whole message in this session")]
    NoTransaction,
    /// A callback of this connection panicked earlier.
    #[error("this connection panicked")]
    Panicked,
    /// The milter is stopping.
    #[error("the milter is stopping")]
    Draining,
}

impl IntakeError {
    /// Whether the same message may be taken later without a person's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Standing(error) => error.is_transient(),
            Self::Capture(error) => error.is_transient(),
            Self::Deadline(_) | Self::Quarantine(_) | Self::Draining => true,
            Self::NoQueueId
            | Self::QueueId(_)
            | Self::QueueIdChanged { .. }
            | Self::NoTransaction
            | Self::Panicked => false,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Standing(_) => "directory",
            Self::Capture(_) => "spool",
            Self::NoQueueId | Self::QueueId(_) | Self::QueueIdChanged { .. } => "queue_id",
            Self::Deadline(_) => "deadline",
            Self::Quarantine(_) => "quarantine",
            Self::NoTransaction => "no_transaction",
            Self::Panicked => "panicked",
            Self::Draining => "draining",
        }
    }

    fn alarm(&self) -> Option<AlarmKind> {
        match self {
            Self::Standing(_) => Some(AlarmKind::DirectoryUnreachable),
            Self::Capture(SpoolError::Full { .. }) => Some(AlarmKind::SpoolFull),
            Self::Capture(_) => Some(AlarmKind::SpoolFailing),
            Self::NoQueueId | Self::QueueId(_) | Self::QueueIdChanged { .. } => {
                Some(AlarmKind::QueueIdMissing)
            }
            Self::Deadline(_)
            | Self::Quarantine(_)
            | Self::NoTransaction
            | Self::Panicked
            | Self::Draining => None,
        }
    }
}

/// Tells the operator why a message must come again, and answers so.
pub fn try_again(
    error: &IntakeError,
    queue_id: Option<&QueueId>,
    metrics: &Metrics,
    alarms: &Alarms,
) -> Answer {
    metrics.verdict("try_again");
    if let Some(kind) = error.alarm() {
        alarms.raise(kind, &crate::telemetry::chain::Chain(error).to_string());
    }
    events::message_try_again(queue_id, error.reason(), error);
    Answer::TryAgain
}
