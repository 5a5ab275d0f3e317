//! The events of the directory and its mirror. Never a name, never an address.

use std::{error::Error, time::Duration};

use tracing::{info, warn};

use super::{super::chain::Chain, millis};

/// The directory could not be asked.
pub fn directory_unreachable(error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    warn!(
        event = "directory.unreachable",
        error = chain,
        "directory: {chain}"
    );
}

/// The people in memory are those of the directory from now on: after a `full` refresh, or a
/// `resumed` one.
pub fn mirror_ready(kind: &str, n_entries: usize, duration: Duration) {
    info!(
        event = "mirror.ready",
        kind,
        n_entries,
        duration_ms = millis(duration),
        "mirror: {n_entries} people, {kind} refresh"
    );
}

/// The mirror does not follow the directory any more, or cannot begin to.
pub fn mirror_lost(error: &str) {
    warn!(event = "mirror.lost", error, "mirror: {error}");
}

/// The directory offers no mirror; every message is looked up.
pub fn mirror_absent(reason: &str) {
    info!(event = "mirror.absent", reason, "mirror: {reason}");
}

/// One of several servers failed; the next one is asked, and this one rests for a while.
pub fn directory_server_failed(server: &str, error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    warn!(
        event = "directory.server_failed",
        server,
        error = chain,
        "directory: {server} failed, the other servers are asked: {chain}"
    );
}

/// A server that had failed answers again.
pub fn directory_server_back(server: &str) {
    info!(
        event = "directory.server_back",
        server, "directory: {server} answers again"
    );
}

/// Several entries have the login of somebody who signs in: nobody is let in. The login is not told.
pub fn sign_in_ambiguous(n_entries: usize) {
    warn!(
        event = "sign_in.ambiguous",
        n_entries, "sign-in: {n_entries} entries for one login, nobody is let in"
    );
}

/// Several entries have one name of a message, and one of them is flagged. Neither names nor
/// addresses are told; `identity` is the kind of name.
pub fn directory_ambiguous(identity: &str, n_entries: usize) {
    warn!(
        event = "directory.ambiguous",
        identity, n_entries, "directory: {n_entries} entries for one {identity}, one is flagged"
    );
}
