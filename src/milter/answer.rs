//! What a session answers, and the one place where failures become a temporary refusal.

use super::tally::Capped;
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
    /// Do not come again like this: send it separately to each recipient.
    SendSeparately,
}

/// The part of an alarm that mail feels: it has no other end than mail or a probe that does not.
pub const MAIL: &str = "mail";

/// Why a message must come again later.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The directory gave no answer, and the operator wants such mail to wait.
    #[error("cannot tell whether the sender is flagged")]
    Standing(#[source] DirectoryError),
    /// The content could not be captured.
    #[error("cannot capture the message")]
    Capture(#[source] SpoolError),
    /// The sender has too many captures within an hour.
    #[error("cannot capture more of this sender's messages now")]
    SenderCap(#[source] Capped),
    /// The envelope is longer than what is kept in memory.
    #[error("the envelope is longer than {0} bytes")]
    EnvelopeTooLong(usize),
    /// The header section is longer than what is kept in memory for its From fields, or these are longer
    /// than what is read of them.
    #[error("the header, or what it says in From, is longer than {0} bytes")]
    HeaderTooLong(usize),
    /// The From fields name more mailboxes than can be looked up.
    #[error("the header names more than {0} authors")]
    TooManyAuthors(usize),
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
            Self::SenderCap(_) | Self::Deadline(_) | Self::Quarantine(_) | Self::Draining => true,
            Self::NoQueueId
            | Self::QueueId(_)
            | Self::QueueIdChanged { .. }
            | Self::EnvelopeTooLong(_)
            | Self::HeaderTooLong(_)
            | Self::TooManyAuthors(_)
            | Self::NoTransaction
            | Self::Panicked => false,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Standing(_) => "directory",
            Self::Capture(_) => "spool",
            Self::SenderCap(_) => "sender_cap",
            Self::EnvelopeTooLong(_) => "envelope",
            Self::HeaderTooLong(_) | Self::TooManyAuthors(_) => "header",
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
            Self::SenderCap(_) => Some(AlarmKind::SenderCapped),
            Self::NoQueueId | Self::QueueId(_) | Self::QueueIdChanged { .. } => {
                Some(AlarmKind::QueueIdMissing)
            }
            Self::Deadline(_)
            | Self::EnvelopeTooLong(_)
            | Self::HeaderTooLong(_)
            | Self::TooManyAuthors(_)
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
    if let IntakeError::Capture(cause) = error {
        metrics.capture_error(if matches!(cause, SpoolError::Full { .. }) {
            "full"
        } else {
            "failing"
        });
    }
    if let IntakeError::SenderCap(_) = error {
        metrics.sender_capped();
    }
    if let Some(kind) = error.alarm() {
        let detail = crate::telemetry::chain::Chain(error).to_string();
        // What else watches the disk ends its part by itself; all other kinds have no parts.
        if kind == AlarmKind::SpoolFailing {
            alarms.raise_part(kind, MAIL, &detail);
        } else {
            alarms.raise(kind, &detail);
        }
    }
    events::message_try_again(queue_id, error.reason(), error);
    Answer::TryAgain
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, path::PathBuf, time::Duration};

    use super::*;

    fn full() -> SpoolError {
        SpoolError::Full {
            directory: PathBuf::from("/spool"),
            free_bytes: 0,
            free_inodes: 0,
        }
    }

    /// The figures after a failure was answered.
    fn figures_after(error: &IntakeError) -> String {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        assert_eq!(try_again(error, None, &metrics, &alarms), Answer::TryAgain);
        metrics.to_text()
    }

    #[test]
    fn a_failure_that_needs_a_person_raises_its_alarm() {
        let timeout = DirectoryError::Timeout(Duration::from_secs(5));
        let short = "D305C34".parse::<QueueId>().unwrap_err();
        for (error, kind) in [
            (IntakeError::Standing(timeout), "directory_unreachable"),
            (IntakeError::Capture(full()), "spool_full"),
            (IntakeError::Capture(SpoolError::Stopped), "spool_failing"),
            (
                IntakeError::SenderCap(Capped(NonZeroU32::MIN)),
                "sender_capped",
            ),
            (IntakeError::NoQueueId, "queue_id_missing"),
            (IntakeError::QueueId(short), "queue_id_missing"),
        ] {
            let wanted = format!("mailhold_alarm{{kind=\"{kind}\"}} 1\n");
            assert!(figures_after(&error).contains(&wanted), "{error:?}");
        }
    }

    #[test]
    fn a_failure_that_ends_by_itself_raises_none() {
        for error in [
            IntakeError::Draining,
            IntakeError::NoTransaction,
            IntakeError::Deadline(Duration::from_secs(20)),
        ] {
            let figures = figures_after(&error);
            let alarm = figures
                .lines()
                .find(|line| line.starts_with("mailhold_alarm{") && line.ends_with(" 1"));
            assert_eq!(alarm, None, "{error:?}");
        }
    }

    #[test]
    fn a_capture_that_failed_is_counted_by_its_kind() {
        for (error, kind) in [(full(), "full"), (SpoolError::Incomplete, "failing")] {
            let wanted = format!("mailhold_capture_errors_total{{kind=\"{kind}\"}} 1\n");
            let figures = figures_after(&IntakeError::Capture(error));
            assert!(figures.contains(&wanted), "{kind}");
        }
    }
}
