//! Turns SIGTERM and SIGINT into a stop that every task sees, and SIGHUP into a reload.

use std::io;

use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// Catches SIGHUP from here on, for the reload to take up when it is time. Without this it would end
/// the process, so it comes before anything that takes time.
pub fn hangups(runtime: &Runtime) -> io::Result<Signal> {
    let _inside = runtime.enter();
    signal(SignalKind::hangup())
}

/// Becomes true at the first SIGTERM or SIGINT.
pub fn stop() -> io::Result<watch::Receiver<bool>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
        // The receivers must not mistake the end of this task for something else.
        stop.closed().await;
    });
    Ok(stopped)
}
