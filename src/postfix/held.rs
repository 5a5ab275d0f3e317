//! A held message as it was read, with the file that it was read from. Opens nothing itself.

use super::{queue_file::QueueFile, stamp::Stamp};
use crate::domain::{capture::ContentDigest, queue_id::QueueId};

/// A held message as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What its queue file says.
    pub message: QueueFile,
    /// Its queue file when it was opened.
    pub stamp: Stamp,
}

impl Held {
    /// Whether the content is the one that was captured.
    pub fn holds(&self, captured: &ContentDigest) -> bool {
        self.message.holds(captured)
    }

    /// Whether the queue file is the one that Postfix made under this queue ID; see
    /// [`QueueFile::was_made_as`].
    pub fn was_made_as(&self, id: &QueueId) -> bool {
        self.message.was_made_as(id, self.stamp.inode)
    }
}
