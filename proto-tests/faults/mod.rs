//! Mail under load while everything breaks, and the count of what went wrong: a ledger of all that
//! was done and told outside, a snapshot of all that is found afterwards, and a checker of both.

mod canary;
mod imprint;

pub mod ledger;

pub mod deciders;
pub mod load;

pub mod snapshot;

pub mod checker;

mod fault;
pub mod plan;

mod disk;
mod house;
mod kept;
mod points;
mod proxy;
mod proxy_tests;
mod settings;

mod injectors;

mod quiet;
mod run;
mod told;
mod visible;

mod command;

mod deaths;
mod parts;
mod planted;
mod small_run;
mod truth;

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;

pub use self::command::command;
use self::run::Order;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

/// What every run of all tests plays.
const SHORT: Duration = Duration::from_secs(120);

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        parts::tests(trials),
        planted::tests(trials),
        small_run::tests(trials),
        plan::tests::tests(trials),
        proxy_tests::tests(trials),
        deaths::tests(trials),
        injectors::seats::tests::tests(trials),
        // Last: it wants the machine for itself.
        tests![trials.exclusive: two_minutes_of_faults_break_no_promise],
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn two_minutes_of_faults_break_no_promise(lab: &Lab) {
    let order = Order {
        seed: command::any_seed(),
        length: SHORT,
    };
    let is_clean = command::play(&lab.tools, order).await;
    assert!(is_clean, "{}", command::replay(order));
}
