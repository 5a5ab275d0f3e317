//! Failure seen from outside: each fault turns `/readyz` or an alarm red within half a minute, also
//! while no mail comes, and green within a minute of its cure, with no hand on the machine.

mod asking;
mod milter;
pub mod proxy;
mod signs;

mod database;
mod directory;
mod milters;
mod spool;
mod workers;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        milters::tests(trials),
        workers::tests(trials),
        database::tests(trials),
        directory::tests(trials),
        spool::tests(trials),
        asking::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
