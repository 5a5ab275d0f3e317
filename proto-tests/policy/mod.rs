//! What is held and what passes, from the client's SMTP session to the sink, with Postfix, slapd and
//! PostgreSQL in between.

pub mod case;
pub mod cases;
mod clock;
mod exempt;
mod groups;
pub mod house;
mod outages;
mod page;
mod sending;
mod servers;
mod site;
mod table;
mod traces;
mod watching;
mod ways;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        sending::tests(trials),
        exempt::tests(trials),
        groups::tests(trials),
        outages::tests(trials),
        servers::tests(trials),
        page::tests(trials),
        table::tests(trials),
        traces::tests(trials),
        ways::tests(trials),
        watching::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
