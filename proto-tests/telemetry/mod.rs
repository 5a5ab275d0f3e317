//! What monitoring sees of a milter and a worker: readiness, alarms, figures, log lines.

mod alarms;
mod figures;
mod lines;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        alarms::tests(trials),
        figures::tests(trials),
        lines::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
