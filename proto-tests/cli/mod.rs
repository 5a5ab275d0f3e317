//! The command line as operators and reviewers type it. Never looks into the database by itself, but
//! to see what a decision left there.

mod audit;
mod check;
mod deciding;
mod explaining;
mod explaining_people;
mod help;
mod listing;
mod migrating;
mod names;
mod office;
mod showing;
mod starting;
mod watched;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        listing::tests(trials),
        showing::tests(trials),
        deciding::tests(trials),
        names::tests(trials),
        migrating::tests(trials),
        starting::tests(trials),
        check::tests(trials),
        audit::tests(trials),
        explaining::tests(trials),
        explaining_people::tests(trials),
        watched::tests(trials),
        help::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
