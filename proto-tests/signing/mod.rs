//! Signing in at the review desk against a real slapd: who is let in, with which roles, and whose mail
//! they may see. Never opens a page.

pub mod house;

mod people;
mod renewing;
mod scopes;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        people::tests(trials),
        renewing::tests(trials),
        scopes::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
