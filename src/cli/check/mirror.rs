//! Whether the flagged people can be held in memory: by reading all of them once. Keeps nothing, and
//! shows no more than how many they are.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use super::report::Answer;
use crate::{
    directory::{
        ldap::{self, Ldap},
        mirror::{self, Mirror, Wanted, keys::Plan},
    },
    domain::folding::Folding,
    telemetry::{AlarmKind, Alarms, Metrics, chain::Chain},
};

/// How often it is seen whether the mirror is whole.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const BY_LOOK_UPS: &str = "every message is looked up";

/// How reading everyone ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// So many entries were read.
    Whole(usize),
    /// The server has no mirror to offer, as this text says.
    Absent(String),
    /// The server did not give all, for this reason.
    Lost(String),
    /// It was not whole within this time.
    Late(Duration),
}

/// Reads everyone who is flagged at the server of the settings, for as long as `patience`.
pub async fn whole(settings: &ldap::Settings, folding: &Folding, patience: Duration) -> Answer {
    let wanted = settings.mirror.wanted;
    if wanted == Wanted::Off {
        return Answer::good(format!("directory.ldap.mirror is off: {BY_LOOK_UPS}"));
    }
    let mut settings = settings.clone();
    // What a server lacks is told where it is wanted.
    settings.mirror.wanted = Wanted::On;
    let base = settings.base.clone();
    let live = Ldap::new(settings, folding.clone());
    match Mirror::plan(&live) {
        Ok(plan) => judge(read(live, plan, &base, patience).await, wanted),
        Err(why) if wanted == Wanted::On => Answer::warning(
            format!("{}: {BY_LOOK_UPS}", Chain(&why)),
            "see docs/mirror.md for what can be mirrored, or set directory.ldap.mirror = \"auto\"",
        ),
        Err(why) => Answer::good(format!("{}: {BY_LOOK_UPS}", Chain(&why))),
    }
}

async fn read(live: Ldap, plan: Plan, base: &str, patience: Duration) -> End {
    let deadline = Instant::now() + patience;
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let mirror = Mirror::start(Arc::new(live), plan, metrics, alarms.clone());
    loop {
        if let Some(entries) = mirror.entries() {
            return End::Whole(entries.len());
        }
        match alarms.detail(AlarmKind::MirrorLost) {
            Some(detail) if detail == mirror::absence(base) => return End::Absent(detail),
            Some(detail) => return End::Lost(detail),
            None if Instant::now() >= deadline => return End::Late(patience),
            None => sleep(LOOK_AGAIN).await,
        }
    }
}

fn judge(end: End, wanted: Wanted) -> Answer {
    match (end, wanted) {
        (End::Whole(1), _) => Answer::good("1 entry was read into memory"),
        (End::Whole(count), _) => Answer::good(format!("{count} entries were read into memory")),
        (End::Absent(detail), Wanted::On) => Answer::fault(
            format!("directory.ldap.mirror is on, and {detail}"),
            "see docs/mirror.md for what a server needs, or set directory.ldap.mirror = \"auto\"",
        ),
        (End::Absent(_), Wanted::Auto | Wanted::Off) => Answer::good(format!(
            "the server offers none (no RFC 4533), and need not: {BY_LOOK_UPS}"
        )),
        (End::Lost(detail), _) => Answer::warning(
            format!("{detail}: {BY_LOOK_UPS}"),
            "see docs/mirror.md for what a server needs, or set directory.ldap.mirror = \"off\"",
        ),
        (End::Late(patience), _) => Answer::skipped(
            format!(
                "not finished within {} ms: a directory with many flagged people takes longer",
                patience.as_millis()
            ),
            "look for mirror.ready in the milter's log (docs/mirror.md)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::report::Verdict;

    #[test]
    fn what_is_not_finished_is_not_called_ok() {
        for wanted in [Wanted::Auto, Wanted::On] {
            let answer = judge(End::Late(Duration::from_secs(5)), wanted);
            assert_eq!(answer.verdict, Verdict::Skipped);
            assert!(answer.seen.contains("not finished within 5000 ms"));
        }
    }

    #[test]
    fn a_server_without_a_mirror_is_a_fault_only_where_one_is_wanted() {
        let verdict = |wanted| judge(End::Absent("none".to_owned()), wanted).verdict;
        assert_eq!(verdict(Wanted::Auto), Verdict::Good);
        assert_eq!(verdict(Wanted::On), Verdict::Fault);
    }

    #[test]
    fn a_mirror_that_was_lost_is_a_warning() {
        let answer = judge(End::Lost("cut".to_owned()), Wanted::Auto);
        assert_eq!(answer.verdict, Verdict::Warning);
    }
}
