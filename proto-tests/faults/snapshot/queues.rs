//! What is in Postfix's queues: by mailhold's own reader of queue files, and by the bytes as they are.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    io::Cursor,
    os::unix::fs::MetadataExt,
    path::Path,
};

use mailhold::{domain::queue_id::QueueId, postfix::queue_file};
use serde::{Deserialize, Serialize};

use super::super::canary::Canary;
use crate::lab::program::text;

/// In the order in which a message moves on, so that none slips through.
const QUEUES: [&str; 6] = [
    "maildrop", "incoming", "hold", "deferred", "active", "corrupt",
];
/// Far above every field that is sent.
const FIELD_LIMIT: usize = 60_000;
/// The bits of a queue file that is whole, or marked as expired.
const MODE: u32 = 0o7777;

/// One file in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFile {
    /// The queue, such as `hold`.
    pub queue: String,
    /// Its name, which is the queue ID but in `maildrop`.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// Whose parts are in its bytes.
    pub canaries: BTreeSet<Canary>,
    /// The digest of its content as the worker reads it; nothing where it cannot.
    pub digest: Option<String>,
    /// The envelope sender as the worker reads it; empty for a bounce.
    pub sender: Option<String>,
    /// The recipients still to be served as the worker reads them.
    pub recipients: Vec<String>,
}

impl QueueFile {
    /// Whether it is a message of Postfix's own to a sender.
    pub fn is_bounce(&self) -> bool {
        self.sender.as_deref() == Some("")
    }

    /// Whether it is a message and not the beginning of one.
    pub fn is_whole(&self) -> bool {
        self.mode & 0o700 == 0o700
    }
}

/// All files in all queues of one instance.
pub fn read(queue_directory: &Path) -> Vec<QueueFile> {
    let mut found = Vec::new();
    for queue in QUEUES {
        let mut directories = vec![queue_directory.join(queue)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(entry.path());
                } else {
                    found.extend(file(queue, &entry));
                }
            }
        }
    }
    found
}

/// Nothing where it has moved on meanwhile.
fn file(queue: &str, entry: &DirEntry) -> Option<QueueFile> {
    let mode = entry.metadata().ok()?.mode() & MODE;
    let bytes = fs::read(entry.path()).ok()?;
    let name = entry.file_name().to_string_lossy().into_owned();
    let id: Option<QueueId> = name.parse().ok();
    let message =
        id.and_then(|id| queue_file::QueueFile::read(Cursor::new(&bytes), &id, FIELD_LIMIT).ok());
    let recipients = message.iter().flat_map(|message| &message.recipients);
    Some(QueueFile {
        queue: queue.to_owned(),
        name,
        mode,
        canaries: Canary::all_in(&bytes),
        recipients: recipients.map(|one| text(&one.address)).collect(),
        sender: message.as_ref().map(|message| text(&message.sender)),
        digest: message.map(|message| message.digest.to_string()),
    })
}
