//! Asks Postfix to look at the queue now instead of at its next scan. Only ever an accelerator.

use std::{ffi::OsStr, os::unix::process::ExitStatusExt, process::ExitStatus};

use futures_util::{StreamExt, TryStreamExt, stream};
use nix::sys::signal::Signal;

use super::{
    Settings,
    command::{self, Bounds},
    error::PostfixError,
};
use crate::domain::queue_id::QueueId;

/// Above this many messages one scan of the deferred queue costs less than a process for each.
const ONE_BY_ONE_LIMIT: usize = 20;

/// Processes at once.
const AT_ONCE: usize = 4;

/// Has released messages tried now.
///
/// A few are flushed one by one (`postqueue -i`), which also forgives their destinations earlier
/// failures. Many, or where `postqueue` may not serve this instance for this user, by a scan of the
/// deferred queue (`postkick … qmgr D`): it takes the messages that are due, as released ones are,
/// and unlike `postqueue -f` leaves the others alone.
pub(super) async fn deliver_now(settings: &Settings, ids: &[QueueId]) -> Result<(), PostfixError> {
    if ids.is_empty() {
        return Ok(());
    }
    if ids.len() <= ONE_BY_ONE_LIMIT && flush_each(settings, ids).await.is_ok() {
        return Ok(());
    }
    kick(settings, ["public", "qmgr", "D"]).await
}

/// Has requeued messages picked up now.
pub(super) async fn pick_up_now(settings: &Settings) -> Result<(), PostfixError> {
    kick(settings, ["public", "pickup", "W"]).await
}

async fn flush_each(settings: &Settings, ids: &[QueueId]) -> Result<(), PostfixError> {
    // Made before they are streamed: a closure that borrows would keep the stream from being Send.
    let runs: Vec<_> = ids
        .iter()
        .map(|id| run(settings, "postqueue", vec!["-i", id.as_str()]))
        .collect();
    stream::iter(runs)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn kick(settings: &Settings, request: [&str; 3]) -> Result<(), PostfixError> {
    run(settings, "postkick", request.to_vec()).await
}

async fn run(settings: &Settings, name: &str, request: Vec<&str>) -> Result<(), PostfixError> {
    let program = settings.command_directory.join(name);
    let mut arguments: Vec<&OsStr> = Vec::new();
    if settings.is_other_instance() {
        arguments.extend(["-c".as_ref(), settings.config_directory.as_os_str()]);
    }
    arguments.extend(request.into_iter().map(OsStr::new));
    let bounds = Bounds {
        deadline: settings.command_timeout,
        output_bytes: 4 * 1_024,
    };
    let output = command::run(&program, &arguments, b"", bounds).await?;
    if output.status.success() || has_been_heard(output.status) {
        return Ok(());
    }
    Err(PostfixError::Refused {
        program,
        status: output.status.to_string(),
        said: output.complaint(),
    })
}

/// Whether the server hung up on `postkick` because it had heard enough.
///
/// `unix_trigger` (`src/util/unix_trigger.c`) writes the request and then a NUL on its own. The
/// server reads no further than the request; where it is the faster of the two, the NUL meets a
/// closed socket and SIGPIPE ends `postkick`. Postfix's daemons, which ignore that signal, take no
/// notice of it either. Seen in 117 of 300 calls on an idle machine.
fn has_been_heard(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGPIPE as i32)
}
