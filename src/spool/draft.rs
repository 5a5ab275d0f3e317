//! The content of one message while it arrives. Never holds more of it than the memory limit.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::{Inner, error::SpoolError, large::LargeFile};
use crate::domain::capture::ContentDigest;

/// A content that is being collected. Dropping it leaves no trace.
pub struct Draft {
    spool: Arc<Inner>,
    hasher: Sha256,
    size_bytes: u64,
    /// What is not yet in the file.
    buffer: Vec<u8>,
    stage: Stage,
}

enum Stage {
    /// All of it is in the buffer.
    Memory,
    /// It begins in a file of its own.
    File(LargeFile),
    /// A write failed or was cancelled.
    Incomplete,
}

/// A content that is complete; a large one is durable.
pub(super) enum Sealed {
    Memory(Bytes),
    File(LargeFile),
}

impl Draft {
    pub(super) fn new(spool: Arc<Inner>) -> Self {
        Self {
            spool,
            hasher: Sha256::new(),
            size_bytes: 0,
            buffer: Vec::new(),
            stage: Stage::Memory,
        }
    }

    /// Adds the next bytes of the content.
    ///
    /// # Errors
    /// After an error, or when the future is dropped before it ends, the draft cannot be committed.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SpoolError> {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
        let mut rest = bytes;
        loop {
            let space = self.spool.memory_limit.saturating_sub(self.buffer.len());
            let Some((now, later)) = rest.split_at_checked(space) else {
                self.buffer.extend_from_slice(rest);
                return Ok(());
            };
            self.buffer.extend_from_slice(now);
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
            self.spill().await?;
        }
    }

    /// The length so far in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// SHA-256 of all that was written so far.
    pub fn digest(&self) -> ContentDigest {
        ContentDigest(self.hasher.clone().finalize().into())
    }

    /// Completes the content; a large one is durable afterwards, its name too.
    pub(super) async fn seal(mut self) -> Result<Sealed, SpoolError> {
        if matches!(self.stage, Stage::Memory) {
            self.buffer.shrink_to_fit();
            return Ok(Sealed::Memory(Bytes::from(self.buffer)));
        }
        self.spill().await?;
        let Stage::File(file) = self.stage else {
            return Err(SpoolError::Incomplete);
        };
        let directory = self.spool.layout.large.clone();
        off_thread(move || {
            file.sync(&directory)?;
            Ok(Sealed::File(file))
        })
        .await
    }

    /// Moves the buffer to the file. While that is on its way the draft counts as incomplete, so
    /// that a cancelled write cannot be followed by a commit.
    async fn spill(&mut self) -> Result<(), SpoolError> {
        let stage = std::mem::replace(&mut self.stage, Stage::Incomplete);
        let begun = match stage {
            Stage::Memory => None,
            Stage::File(file) => Some(file),
            Stage::Incomplete => return Err(SpoolError::Incomplete),
        };
        self.spool.room.check()?;
        let mut buffer = std::mem::take(&mut self.buffer);
        let (disk, layout) = (Arc::clone(&self.spool.disk), self.spool.layout.clone());
        let (file, buffer) = off_thread(move || {
            let mut file = match begun {
                Some(file) => file,
                None => LargeFile::create(disk, &layout)?,
            };
            file.append(&buffer)?;
            buffer.clear();
            Ok((file, buffer))
        })
        .await?;
        self.buffer = buffer;
        self.stage = Stage::File(file);
        Ok(())
    }
}

/// Runs file work where it may block.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SpoolError> + Send + 'static,
) -> Result<T, SpoolError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(_) => Err(SpoolError::Stopped),
    }
}
