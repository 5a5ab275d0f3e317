//! A message that would have been held: facts for the figures, nothing of what it says.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{instance::Instance, queue_id::QueueId, verdict::Grounds};

/// The facts of one watched message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Our own name of it: recording it twice is recording it once.
    pub id: Uuid,
    /// The Postfix instance that took it.
    pub instance: Instance,
    /// Postfix's name of it, if it was known by then.
    pub queue_id: Option<QueueId>,
    /// When its recipients, or its header, were complete.
    pub watched_at: DateTime<Utc>,
    /// The rule, and what made it match.
    pub grounds: Grounds,
    /// How many recipients it has.
    pub n_recipients: usize,
}
