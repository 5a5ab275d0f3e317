//! What can fail between us and Postfix, by operation.

use std::{io, path::PathBuf, time::Duration};

use super::{presence::Presence, record::QueueFileError};
use crate::domain::queue_id::QueueId;

/// A failed operation on a Postfix instance.
#[derive(Debug, thiserror::Error)]
pub enum PostfixError {
    /// The program is not there or must not be run.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The pipes to a program broke.
    #[error("cannot talk to {}", program.display())]
    Talk {
        /// The program.
        program: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// A program took too long. What it was asked may still happen.
    #[error("{} did not end within {deadline:?}", program.display())]
    Overdue {
        /// The program.
        program: PathBuf,
        /// How long it had.
        deadline: Duration,
    },
    /// A program ended with an error and without having done anything.
    #[error("{} refused ({status}): {said}", program.display())]
    Refused {
        /// The program.
        program: PathBuf,
        /// Its exit status.
        status: String,
        /// The first line of what it said.
        said: String,
    },
    /// `sudo` does not let this user run the command.
    #[error("sudo does not permit this command: {said} (see config/sudoers)")]
    Forbidden {
        /// What `sudo` said.
        said: String,
    },
    /// A path in the settings is relative.
    #[error("postfix.{setting}: {} is not an absolute path", path.display())]
    RelativePath {
        /// The setting.
        setting: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// Postfix has a parameter with a value that we cannot read.
    #[error("cannot understand Postfix's {name} = {value:?}")]
    Parameter {
        /// The parameter in `main.cf`.
        name: &'static str,
        /// Its value, empty if there is none.
        value: String,
    },
    /// Short queue IDs repeat: a decision could meet another message.
    #[error(
        "Postfix makes short queue IDs, which repeat: set enable_long_queue_ids = yes in {} and \
         reload Postfix",
        main_cf.display()
    )]
    ShortQueueIds {
        /// The file to change.
        main_cf: PathBuf,
    },
    /// `postsuper -f` came with Postfix 3.5.
    #[error("Postfix {version} is too old: 3.5 or later is needed to return mail to its sender")]
    TooOld {
        /// The version that runs here.
        version: String,
    },
    /// The queues are not where they were when we asked first.
    #[error(
        "Postfix's queue_directory, hash_queue_names or hash_queue_depth has changed since the \
         start: restart this process"
    )]
    QueuesMoved,
    /// Nobody listens where Postfix's queue manager does.
    #[error("Postfix does not run: nobody answers at {}", socket.display())]
    NotRunning {
        /// The queue manager's socket.
        socket: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// Another directory stands where the hold queue was.
    #[error(
        "the hold queue is another directory than before, with none of the files: is its file system \
         mounted? Nothing is given up until a known file is there, or an operator says that they are \
         gone"
    )]
    HoldReplaced,
    /// Messages are missing from a directory in which nothing tells that they were.
    #[error(
        "{n_missing} messages under review are missing, and nothing tells that the hold queue is the \
         directory in which they were: is its file system mounted? None of them is given up until it \
         is there, or an operator says that they are gone"
    )]
    HoldUnknown {
        /// How many are missing.
        n_missing: usize,
    },
    /// More messages are missing than are left, and nothing tells why.
    #[error(
        "{n_missing} messages under review are missing from the hold queue, only {n_left} are left, \
         and no log tells why: is this the right queue, and is it mounted? None of them is given up"
    )]
    HoldEmptied {
        /// How many are missing.
        n_missing: usize,
        /// How many are there.
        n_left: usize,
    },
    /// A file system of Postfix's does not answer.
    #[error("no answer from the file system of Postfix's queue or log within {0:?}")]
    Stalled(Duration),
    /// A directory of the queue cannot be read.
    #[error("cannot look into {}", path.display())]
    Look {
        /// The directory or file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// The hold queue cannot be watched.
    #[error("cannot watch {}", path.display())]
    Watch {
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// A message cannot be read because it is not ready on hold.
    #[error("{id} cannot be read from the hold queue: {presence}")]
    NotReady {
        /// The message.
        id: QueueId,
        /// How it stands there instead.
        presence: Presence,
    },
    /// A queue file cannot be understood.
    #[error("cannot read the queue file of {id}")]
    ReadQueueFile {
        /// The message.
        id: QueueId,
        /// What is wrong with the file.
        #[source]
        cause: QueueFileError,
    },
    /// Postfix's log cannot be read.
    #[error("cannot read Postfix's log {}", path.display())]
    ReadLog {
        /// The log file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },
    /// A thread of ours ended early: the process is being stopped, or it panicked.
    #[error("the work on the queue directory was given up")]
    GivenUp,
}

impl PostfixError {
    /// Whether the same operation may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Talk { .. }
            | Self::Overdue { .. }
            | Self::Refused { .. }
            | Self::NotRunning { .. }
            | Self::Stalled(_)
            | Self::Look { .. }
            | Self::Watch { .. }
            | Self::ReadLog { .. }
            | Self::HoldReplaced
            | Self::HoldUnknown { .. }
            | Self::HoldEmptied { .. }
            | Self::GivenUp => true,
            Self::Start { .. }
            | Self::Forbidden { .. }
            | Self::RelativePath { .. }
            | Self::Parameter { .. }
            | Self::ShortQueueIds { .. }
            | Self::TooOld { .. }
            | Self::QueuesMoved => false,
            Self::NotReady { presence, .. } => *presence == Presence::NotReady,
            Self::ReadQueueFile { cause, .. } => cause.is_transient(),
        }
    }
}
