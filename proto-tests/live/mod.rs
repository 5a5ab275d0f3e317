//! `mailhold check --live` and `--print-postfix` against the servers of the lab: each check where
//! it fails, and the whole where all is well. Never changes a server that others use.

mod host;
pub mod house;
mod milters;
mod postfix;
mod printing;
mod servers;
mod services;
mod sockets;
mod sudo;
mod whole;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        whole::tests(trials),
        postfix::tests(trials),
        milters::tests(trials),
        services::tests(trials),
        sockets::tests(trials),
        sudo::tests(trials),
        servers::tests(trials),
        host::tests(trials),
        printing::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
