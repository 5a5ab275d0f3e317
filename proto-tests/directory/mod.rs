//! Look-ups of flags in a real slapd, in the test program itself. Never through Postfix or a milter.

pub mod asking;
mod flags;
mod hostile;
mod outages;
mod pool;
mod refusals;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        flags::tests(trials),
        hostile::tests(trials),
        refusals::tests(trials),
        outages::tests(trials),
        pool::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
