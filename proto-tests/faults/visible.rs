//! Looks at the house from outside, as monitoring does: who is ready, which alarms stand. Then tells
//! for each fault how soon it was seen, and how soon its end.

use std::{
    collections::BTreeMap,
    fmt::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, Utc};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{house::House, injectors::Injected};
use crate::lab::role;

const LOOK: Duration = Duration::from_millis(500);
/// Monitoring gives up as well.
const PATIENCE: Duration = Duration::from_secs(2);
/// Alarms that tell of a moment stand for a quarter of an hour, whatever is cured.
const MOMENTARY: [&str; 6] = [
    "flag_unknown",
    "capture_set_aside",
    "session_panicked",
    "queue_id_missing",
    "negotiation_failed",
    "gone",
];
/// How soon a fault that lasts must be seen, and its cure.
const RED_WITHIN: Duration = Duration::from_secs(30);
const GREEN_WITHIN: Duration = Duration::from_secs(60);

/// What was seen at one moment.
#[derive(Clone, Copy)]
struct Look {
    at: DateTime<Utc>,
    is_red: bool,
}

/// Looks until it is dropped.
pub struct Lookout {
    looks: Arc<Mutex<Vec<Look>>>,
    looking: JoinHandle<()>,
}

impl Lookout {
    /// Begins.
    pub fn begin(house: &House) -> Self {
        let looks: Arc<Mutex<Vec<Look>>> = Arc::default();
        let doors = house.roles().map(|role| role.metrics);
        let seen = looks.clone();
        let looking = tokio::spawn(async move {
            loop {
                let [one, two, three] = doors.map(is_red);
                let (one, two, three) = tokio::join!(one, two, three);
                let look = Look {
                    at: Utc::now(),
                    is_red: one || two || three,
                };
                seen.lock().unwrap().push(look);
                sleep(LOOK).await;
            }
        });
        Self { looks, looking }
    }

    /// Whether all is green now.
    pub fn is_green(&self) -> bool {
        let looks = self.looks.lock().unwrap();
        looks.last().is_some_and(|look| !look.is_red)
    }

    /// A table of the faults that were alone: how soon they were seen, and how soon their end.
    pub fn table(&self, injected: &[Injected]) -> String {
        table(&self.looks.lock().unwrap(), injected)
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

#[derive(Default)]
struct Seen {
    red: Vec<Option<Duration>>,
    green: Vec<Option<Duration>>,
}

fn worst(times: &[Option<Duration>], bound: Duration) -> String {
    let slowest = times.iter().map(|time| time.unwrap_or(Duration::MAX)).max();
    match slowest {
        None | Some(Duration::MAX) => "never".to_owned(),
        Some(time) if time > bound => format!("{:.1} s: late", time.as_secs_f64()),
        Some(time) => format!("{:.1} s", time.as_secs_f64()),
    }
}

fn table(looks: &[Look], injected: &[Injected]) -> String {
    let mut kinds: BTreeMap<String, Seen> = BTreeMap::new();
    for one in injected.iter().filter(|one| one.planned.alone) {
        let first = |is_red: bool, from: DateTime<Utc>| {
            let later = looks.iter().filter(|look| look.at >= from);
            let found = later.clone().find(|look| look.is_red == is_red)?;
            (found.at - from).to_std().ok()
        };
        let seen = kinds.entry(one.planned.fault.kind()).or_default();
        seen.red.push(first(true, one.from));
        seen.green.push(first(false, one.to));
    }
    let mut table = String::new();
    for (kind, seen) in kinds {
        let red = worst(&seen.red, RED_WITHIN);
        let green = worst(&seen.green, GREEN_WITHIN);
        writeln!(
            table,
            "  {kind:<36} red after {red:<14} green after {green}"
        )
        .unwrap();
    }
    table
}

/// Whether a process is not ready, does not answer, or has an alarm that stands.
async fn is_red(door: SocketAddr) -> bool {
    let ready = timeout(PATIENCE, role::get(door, "/readyz")).await;
    if !matches!(ready, Ok(Some((200, _)))) {
        return true;
    }
    let Ok(Some((200, figures))) = timeout(PATIENCE, role::get(door, "/metrics")).await else {
        return true;
    };
    figures.lines().any(|line| {
        let alarm = line
            .strip_prefix("mailhold_alarm{kind=\"")
            .and_then(|rest| rest.strip_suffix("\"} 1"));
        alarm.is_some_and(|kind| !MOMENTARY.contains(&kind))
    })
}

pub mod tests {
    //! What the table says of looks that are made up.

    use std::{sync::Arc, time::Duration};

    use chrono::{DateTime, TimeDelta, Utc};
    use libtest_mimic::Trial;

    use super::{
        super::{fault::Fault, injectors::Injected, plan::Planned},
        Look, table,
    };
    use crate::trials::{Trials, tests};

    pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
        tests![trials.alone:
            a_fault_that_is_seen_and_its_cure_are_told_with_their_times,
            a_fault_that_nobody_sees_and_one_that_is_seen_late_are_told,
            a_fault_among_others_is_not_told,
        ]
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    /// One fault from 100 to 140 s, while all is red between the two times.
    fn told(alone: bool, (red, green): (i64, i64)) -> String {
        let look = |second| Look {
            at: at(second),
            is_red: (red..green).contains(&second),
        };
        let looks: Vec<Look> = (0..300).map(look).collect();
        let planned = Planned {
            at: Duration::ZERO,
            lasts: Duration::from_secs(40),
            fault: Fault::DiskFull,
            alone,
        };
        let (from, to) = (at(100), at(140));
        let injected = Injected { planned, from, to };
        table(&looks, &[injected])
    }

    async fn a_fault_that_is_seen_and_its_cure_are_told_with_their_times() {
        let told = told(true, (103, 147));
        assert!(told.contains("red after 3.0 s"), "{told}");
        assert!(told.contains("green after 7.0 s"), "{told}");
    }

    async fn a_fault_that_nobody_sees_and_one_that_is_seen_late_are_told() {
        let unseen = told(true, (0, 0));
        assert!(unseen.contains("red after never"), "{unseen}");
        let late = told(true, (135, 290));
        assert!(late.contains("red after 35.0 s: late"), "{late}");
        assert!(late.contains("green after 150.0 s: late"), "{late}");
    }

    async fn a_fault_among_others_is_not_told() {
        assert_eq!(told(false, (103, 147)), "");
    }
}
