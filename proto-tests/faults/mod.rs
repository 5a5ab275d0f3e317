//! Mail under load while everything breaks, and the count of what went wrong: a ledger of all that
//! was done and told outside, a snapshot of all that is found afterwards, and a checker of both.

mod canary;
mod imprint;

pub mod ledger;

pub mod deciders;
pub mod load;

pub mod snapshot;

pub mod checker;

mod parts;
mod planted;
mod small_run;
mod truth;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        parts::tests(trials),
        planted::tests(trials),
        small_run::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
