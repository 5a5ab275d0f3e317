//! The flagged people in memory, as a real slapd tells them.

mod changes;
pub mod house;
mod limits;
mod load;
mod outages;
mod servers;
mod unsure;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = changes::tests(trials);
    tests.extend(outages::tests(trials));
    tests.extend(limits::tests(trials));
    tests.extend(load::tests(trials));
    tests.extend(servers::tests(trials));
    tests.extend(unsure::tests(trials));
    tests
}
