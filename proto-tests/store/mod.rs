//! The store against a real PostgreSQL. Never asks Postfix or a directory.

mod connection;
mod deciding;
pub mod fixture;

mod findings;
mod lifecycle;
mod listing;
mod reading;
mod record;
mod recording;
mod rights;
mod schema;
mod sessions;
mod settling;
mod strays;
mod tampering;
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
        listing::tests(trials),
        reading::tests(trials),
        recording::tests(trials),
        record::tests(trials),
        rights::tests(trials),
        schema::tests(trials),
        sessions::tests(trials),
        settling::tests(trials),
        tampering::tests(trials),
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
