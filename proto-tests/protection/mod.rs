//! The milter and the worker protect themselves: against a full disk, hostile peers, the want of
//! handles and threads, and entries that are poisoned. And the order in which nothing is lost.

mod handles;
mod hostile;
mod miltertest;
mod order;
mod order_rules;
mod outpost;
mod poison;
mod room;
mod trace;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        trace::tests::tests(trials),
        order_rules::tests::tests(trials),
        order::tests(trials),
        room::tests(trials),
        hostile::tests(trials),
        handles::tests(trials),
        poison::tests(trials),
        miltertest::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
