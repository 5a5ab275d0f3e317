//! The store against a real PostgreSQL. Never asks Postfix or a directory.

mod connection;
mod deciding;
pub mod fixture;

mod findings;
mod lifecycle;
mod reading;
mod recording;
mod rights;
mod schema;
mod settling;
mod strays;
mod waking;
mod watching;
mod working;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        connection::tests(trials),
        deciding::tests(trials),
        lifecycle::tests(trials),
        reading::tests(trials),
        recording::tests(trials),
        rights::tests(trials),
        schema::tests(trials),
        settling::tests(trials),
        waking::tests(trials),
        watching::tests(trials),
        findings::tests(trials),
        strays::tests(trials),
        working::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
