//! One child that takes messages apart: started when it is needed, thrown away after any fault. Never
//! waits for it longer than a message may take.

use std::{io, path::Path, process::Stdio};

use tokio::{io::AsyncWriteExt, process, time::timeout};

use super::{Desk, frames, frames::Task};
use crate::mail::outline::Outlined;

/// Why there is no outline of a message.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mishap {
    /// The child ended, or said something that is no answer.
    #[error("the reader of messages ended in the middle of one")]
    Ended {
        /// What was seen of it.
        #[source]
        cause: io::Error,
    },
    /// It took longer than a message may.
    #[error("the reader of messages took longer than a message may take")]
    Slow,
    /// It could not be started: not the message's fault.
    #[error("cannot start the reader of messages")]
    Start {
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

/// The child of one loop.
#[derive(Default)]
pub(super) struct Child {
    running: Option<process::Child>,
}

/// An answer of many small pieces is longer than the message by their heads and by what its texts
/// need in JSON.
const ANSWER_PER_BYTE: u64 = 4;
const ANSWER_LEAST: u64 = 16 * 1_024 * 1_024;

impl Child {
    /// Has one message taken apart.
    pub(super) async fn outline(
        &mut self,
        desk: &Desk,
        message: &[u8],
    ) -> Result<Outlined, Mishap> {
        let mut child = match self.running.take() {
            Some(child) => child,
            None => start(desk).map_err(|cause| Mishap::Start { cause })?,
        };
        match timeout(desk.settings.deadline, converse(&mut child, desk, message)).await {
            Ok(Ok(outlined)) => {
                self.running = Some(child);
                Ok(outlined)
            }
            // Dropped, it is killed.
            Ok(Err(cause)) => Err(Mishap::Ended { cause }),
            Err(_) => Err(Mishap::Slow),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "mail is parsed in a process of its own, which is this very program"
)]
fn start(desk: &Desk) -> io::Result<process::Child> {
    if !Path::is_absolute(&desk.program) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    process::Command::new(&desk.program)
        .arg("outline-reader")
        .arg(desk.settings.memory_limit_bytes.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // A panic's words hold parts of the message.
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

async fn converse(child: &mut process::Child, desk: &Desk, message: &[u8]) -> io::Result<Outlined> {
    let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
    let size_bytes = u64::try_from(message.len()).unwrap_or(u64::MAX);
    let task = frames::task_line(&Task::new(&desk.settings.limits, size_bytes))?;
    let stdin = child.stdin.as_mut().ok_or_else(gone)?;
    stdin.write_all(&task).await?;
    stdin.write_all(message).await?;
    stdin.flush().await?;
    let stdout = child.stdout.as_mut().ok_or_else(gone)?;
    let limit = size_bytes.saturating_mul(ANSWER_PER_BYTE) + ANSWER_LEAST;
    frames::read_answer(stdout, limit).await
}
