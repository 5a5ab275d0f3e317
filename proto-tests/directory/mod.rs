//! Look-ups of flags in a real slapd, in the test program itself. Never through Postfix or a milter.

mod active_directory;
pub mod asking;
mod binds;
mod ends;
mod flags;
mod groups;
mod hostile;
mod odd_answers;
mod outages;
mod pool;
mod pretender;
mod protection;
mod refusals;
mod servers;
mod tags;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        active_directory::tests(trials),
        binds::tests(trials),
        ends::tests(trials),
        flags::tests(trials),
        groups::tests(trials),
        hostile::tests(trials),
        odd_answers::tests(trials),
        refusals::tests(trials),
        servers::tests(trials),
        tags::tests(trials),
        outages::tests(trials),
        pool::tests(trials),
        protection::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
