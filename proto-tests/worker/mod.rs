//! The worker on a real Postfix and PostgreSQL, with sudo as it is shipped. What a milter does is in
//! the tests of the whole way only.

pub mod mails;
pub mod stand_in;
pub mod workplace;

mod added;
mod flow;
mod identity;
mod other_hand;
mod requeue;
mod twins;
mod wrong_message;

pub mod commands;
mod crash;
mod database;
mod lost_answers;
mod several;
mod steps;

mod ground;
mod never_queued;
mod reconcile;
mod strays;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        added::tests(trials),
        flow::tests(trials),
        identity::tests(trials),
        other_hand::tests(trials),
        requeue::tests(trials),
        twins::tests(trials),
        wrong_message::tests(trials),
        commands::tests(trials),
        crash::tests(trials),
        steps::tests(trials),
        database::tests(trials),
        lost_answers::tests(trials),
        several::tests(trials),
        ground::tests(trials),
        reconcile::tests(trials),
        never_queued::tests(trials),
        strays::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
