//! What can fail in the spool, named by operation. Never decides what a sender is told.

use std::{io, path::PathBuf};

use crate::domain::capture_id::CaptureId;

/// A failed operation of the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The directory cannot be used at all: start-up.
    #[error(
        "cannot use spool directory {}: it must be a directory that belongs to the user that runs \
         the milter, with mode 0700 (install -d -m 0700 -o USER {})",
        directory.display(), directory.display()
    )]
    Open {
        /// The directory or the part of it that cannot be used.
        directory: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Another process owns the directory: start-up.
    #[error(
        "spool directory {} is in use by another process: give each milter a spool of its own",
        directory.display()
    )]
    Owned {
        /// The directory.
        directory: PathBuf,
    },
    /// Free space or free inodes are below the limit.
    #[error(
        "the file system of spool directory {} is nearly full: {free_bytes} bytes and \
         {free_inodes} inodes free",
        directory.display()
    )]
    Full {
        /// The directory.
        directory: PathBuf,
        /// Bytes that are free to us.
        free_bytes: u64,
        /// Inodes that are free to us.
        free_inodes: u64,
    },
    /// The free space cannot be told.
    #[error("cannot measure the free space of {}", directory.display())]
    Measure {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file cannot be made or written.
    #[error("cannot write spool file {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A file or directory cannot be made durable. It is never synced again.
    #[error("cannot sync {}", path.display())]
    Sync {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// Something cannot be read now; a later try may succeed.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// One capture cannot be read back. It is not offered again before the next start.
    #[error("cannot read capture {id} back from the spool")]
    Unreadable {
        /// The capture.
        id: CaptureId,
        /// What is wrong with it.
        #[source]
        cause: io::Error,
    },
    /// The facts of a capture cannot be written as JSON.
    #[error("cannot write down the facts of capture {id}")]
    Describe {
        /// The capture.
        id: CaptureId,
        /// What the serialiser said.
        #[source]
        cause: serde_json::Error,
    },
    /// The disk did not take a piece of a large content in time.
    #[error("the disk of the spool does not answer")]
    Stalled,
    /// The draft lost content in an earlier failure or cancelled write.
    #[error("the draft is incomplete after an earlier failure")]
    Incomplete,
    /// The writing thread or the runtime is gone.
    #[error("the spool has stopped")]
    Stopped,
}

impl SpoolError {
    /// Whether a later try may succeed without a person's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Full { .. }
            | Self::Measure { .. }
            | Self::Write { .. }
            | Self::Sync { .. }
            | Self::Read { .. }
            | Self::Stalled
            | Self::Incomplete => true,
            Self::Open { .. }
            | Self::Owned { .. }
            | Self::Unreadable { .. }
            | Self::Describe { .. }
            | Self::Stopped => false,
        }
    }

    /// The same failure for another capture of the same group.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Write { path, cause } => Self::Write {
                path: path.clone(),
                cause: copied(cause),
            },
            Self::Sync { path, cause } => Self::Sync {
                path: path.clone(),
                cause: copied(cause),
            },
            Self::Open { .. }
            | Self::Owned { .. }
            | Self::Full { .. }
            | Self::Measure { .. }
            | Self::Read { .. }
            | Self::Unreadable { .. }
            | Self::Describe { .. }
            | Self::Stalled
            | Self::Incomplete
            | Self::Stopped => Self::Stopped,
        }
    }
}

fn copied(cause: &io::Error) -> io::Error {
    match cause.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(cause.kind(), cause.to_string()),
    }
}
