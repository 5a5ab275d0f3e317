//! The milter on its wire: what Postfix may say to it, what anybody else may, and what it answers.
//! No server of the lab is needed.

pub mod child;

mod authors;
mod capturing;
pub mod desk;
mod hostile;
mod judging;
mod listening;
pub mod mail;
pub mod mta;
mod negotiating;
mod outages;
mod people;
mod queue_ids;
mod random;
mod raw;
mod reloading;
mod ruling;
mod sessions;
mod stopping;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        judging::tests(trials),
        authors::tests(trials),
        ruling::tests(trials),
        capturing::tests(trials),
        sessions::tests(trials),
        reloading::tests(trials),
        queue_ids::tests(trials),
        negotiating::tests(trials),
        outages::tests(trials),
        hostile::tests(trials),
        random::tests(trials),
        listening::tests(trials),
        stopping::tests(trials),
        child::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
