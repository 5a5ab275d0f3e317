//! What a real Postfix can do to a reviewed message that no other area tries: filters that give mail
//! back, milters of others, flags that change, mail that had to wait, bounces. docs/dangers.md has the
//! whole list; the list of what protects the review desk is in docs/security.md.

mod controls;
mod page;
mod waiting;
mod ways;

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::trials::Trials;

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        page::tests(trials),
        controls::tests(trials),
        ways::tests(trials),
        waiting::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}
