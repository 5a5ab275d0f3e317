//! Times and ages for people. Times are in UTC and say so: reviewers may sit in several countries.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::words::Words;

/// A time for programs (RFC 3339).
pub fn for_programs(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time for people.
pub fn for_people(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// When a message that waits is due.
pub struct Due {
    /// In words.
    pub text: String,
    /// Whether it has waited for too long.
    pub is_late: bool,
}

impl Due {
    /// Of a message of this age that may wait for so long.
    pub fn of(words: &Words, due_after: TimeDelta, waited: TimeDelta) -> Self {
        let left = due_after - waited;
        let is_late = left <= TimeDelta::zero();
        Self {
            text: match is_late {
                true => words.say("due-late"),
                false => words.say_of("due-soon", age(words, left)),
            },
            is_late,
        }
    }
}

/// How long ago something was, in its largest unit.
pub fn age(words: &Words, age: TimeDelta) -> String {
    let seconds = u64::try_from(age.num_seconds()).unwrap_or_default();
    match seconds {
        0..60 => words.count("age-seconds", seconds),
        60..3_600 => words.count("age-minutes", seconds / 60),
        3_600..86_400 => words.count("age-hours", seconds / 3_600),
        _ => words.count("age-days", seconds / 86_400),
    }
}
