//! Whether Postfix runs, by its queue manager's socket. Says nothing there, and starts no process: of
//! the services that can be reached without a request, this one runs already.

use std::{io, path::Path, time::Duration};

use tokio::{net::UnixStream, time::timeout};

use super::error::PostfixError;

/// The service's class is in its directory: `qmgr` is no private one in `master.cf`.
const SOCKET: &str = "public/qmgr";

/// A socket of this host is there at once or not at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Connects and hangs up. A request of no length asks the queue manager for nothing
/// (`qmgr_trigger_event` in `src/qmgr/qmgr.c`).
pub(super) async fn check(queue_directory: &Path) -> Result<(), PostfixError> {
    let socket = queue_directory.join(SOCKET);
    let connected = timeout(PATIENCE, UnixStream::connect(&socket)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    connected
        .map(drop)
        .map_err(|cause| PostfixError::NotRunning { socket, cause })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_socket_that_a_dead_queue_manager_left_does_not_count() {
        let queue = tempfile::tempdir().unwrap();
        assert!(check(queue.path()).await.is_err(), "there is none");
        fs::create_dir(queue.path().join("public")).unwrap();
        let listener = UnixListener::bind(queue.path().join(SOCKET)).unwrap();
        check(queue.path()).await.unwrap();
        drop(listener);
        assert!(queue.path().join(SOCKET).exists());
        let error = check(queue.path()).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
    }
}
