//! Which incarnation of a process dies, or fails to sync, at which place. The same seed gives the
//! same answer.

use crate::lab::chance::Chance;

use super::kept::Points;

/// Places of the worker.
const WORKER: [&str; 8] = [
    "worker.claimed",
    "worker.begin.before",
    "worker.begin.after",
    "worker.command.before",
    "worker.command.after",
    "worker.proven",
    "worker.settle.before",
    "worker.settle.after",
];
/// Places of the milter and its recorder.
const MILTER: [&str; 3] = [
    "milter.captured",
    "recorder.commit.before",
    "recorder.commit.after",
];

/// The first incarnation has none; every other one has one, which it may not live to see.
pub fn of(role: &str, name: &str, seed: u64) -> Points {
    let is_milter = role == "milter";
    let name = name.bytes().fold(seed, |mixed, byte| {
        mixed.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    Box::new(move |incarnation| {
        let mut chance = Chance::new(name.wrapping_add(incarnation as u64));
        if incarnation == 0 || chance.percent(25) {
            return None;
        }
        let skipped = chance.below(8);
        if is_milter && chance.percent(40) {
            let failures = 1 + chance.below(3);
            return Some(format!(
                "spool.sync={skipped}*off->{failures}*return(error)->off"
            ));
        }
        let place = if is_milter {
            chance.pick(&MILTER)
        } else {
            chance.pick(&WORKER)
        };
        Some(format!("{place}={skipped}*off->1*return(abort)"))
    })
}
