//! I15: a fault that came alone is seen from outside within 30 s, and its cure within 60 s. What it is
//! seen by must be its own: a red look before it, or one for another reason, tells nothing of it.

use std::{fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    super::{ledger::Alone, snapshot::Look},
    report::Finding,
    view::View,
};

/// How soon a fault that lasts must be seen, and its cure.
const RED_WITHIN: TimeDelta = TimeDelta::seconds(30);
const GREEN_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// Of a look that is older nobody knows whether all was green when the fault began.
const FRESH: TimeDelta = TimeDelta::seconds(10);

/// How soon a fault and its cure were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// After its begin, and after its end; `None` is never.
    Judged {
        red: Option<Duration>,
        green: Option<Duration>,
    },
    /// Why nobody can tell.
    Unjudged(&'static str),
}

pub fn check(view: &View<'_>, finding: &mut Finding) {
    finding.is_void = view.history.alone.is_empty();
    for alone in &view.history.alone {
        let seen = seen(&view.found.looks, alone);
        match seen {
            Seen::Unjudged(why) => finding.unjudged.push(format!("{}: {why}", alone.fault)),
            Seen::Judged { red, green } => {
                let in_time = is_within(red, RED_WITHIN) && is_within(green, GREEN_WITHIN);
                let from = alone.from;
                let wrong = format!("{} at {from}: {seen}", alone.fault);
                finding.examined((!in_time).then_some(wrong));
            }
        }
    }
}

/// How soon a fault and its cure were seen by these looks, which are in order.
pub fn seen(looks: &[Look], alone: &Alone) -> Seen {
    let Alone {
        signs, from, to, ..
    } = alone;
    let before = looks.iter().rfind(|look| look.to <= *from);
    match before {
        Some(look) if *from - look.to > FRESH => return Seen::Unjudged("nobody looked before it"),
        Some(look) if !look.signs.is_empty() => {
            return Seen::Unjudged("all was not green before it");
        }
        Some(_) => {}
        None => return Seen::Unjudged("nobody looked before it"),
    }
    let meanwhile = |look: &&Look| look.from >= *from && look.from < *to;
    let mut shown = looks.iter().filter(meanwhile);
    let red = shown.find(|look| look.signs.iter().any(|sign| signs.contains(sign)));
    if red.is_none() && *to - *from < RED_WITHIN {
        return Seen::Unjudged("it ended before it had to be seen");
    }
    let mut later = looks.iter().filter(|look| look.from >= *to);
    let green = later.find(|look| look.signs.is_empty());
    let after = |look: Option<&Look>, since: &DateTime<Utc>| (look?.to - since).to_std().ok();
    Seen::Judged {
        red: after(red, from),
        green: after(green, to),
    }
}

fn is_within(time: Option<Duration>, bound: TimeDelta) -> bool {
    time.is_some_and(|time| TimeDelta::from_std(time).is_ok_and(|time| time <= bound))
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |time: Option<Duration>, bound| match time {
            None => "never".to_owned(),
            Some(time) if is_within(Some(time), bound) => format!("{:.1} s", time.as_secs_f64()),
            Some(time) => format!("{:.1} s: late", time.as_secs_f64()),
        };
        match self {
            Self::Unjudged(why) => write!(f, "not judged: {why}"),
            Self::Judged { red, green } => {
                let (red, green) = (told(*red, RED_WITHIN), told(*green, GREEN_WITHIN));
                write!(f, "red after {red:<14} green after {green}")
            }
        }
    }
}
