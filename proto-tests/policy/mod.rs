//! What is held and what passes, from the client's SMTP session to the sink, with Postfix, slapd and
//! PostgreSQL in between.

mod exempt;
pub mod house;
mod outages;
mod sending;
mod servers;
mod table;
mod traces;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        sending::tests(trials),
        exempt::tests(trials),
        outages::tests(trials),
        servers::tests(trials),
        table::tests(trials),
        traces::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
