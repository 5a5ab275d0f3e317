//! Moves the page's rule with days and hours to the time of the test.

use toml::{Table, Value};

use crate::lab::program::Program;

/// The clock on the wall, as a program of the lab reads it.
pub struct Now {
    /// From 0, a Monday.
    day: usize,
    hour: usize,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Now {
    /// Looks at it.
    pub async fn look() -> Self {
        let date = Program::new("date", "/bin/date").arguments(["+%u %H"]);
        let text = date.run(b"").await;
        let (day, hour) = text.trim().split_once(' ').unwrap();
        Self {
            day: day.parse::<usize>().unwrap() - 1,
            hour: hour.parse().unwrap(),
        }
    }

    /// The page's rule with days and hours, moved to now; beside it one of the other hours and one of
    /// the other days, each for a domain of its own. A run may last for hours, and over midnight.
    pub fn place(&self, rules: Vec<Value>) -> Vec<Value> {
        let mut placed = Vec::new();
        for rule in rules {
            let Value::Table(rule) = rule else {
                unreachable!("a rule is a table")
            };
            if !rule.contains_key("hours") {
                placed.push(Value::Table(rule));
                continue;
            }
            let [from, to] = [self.hour + 22, self.hour + 3].map(|hour| hour % 24);
            let (around, apart) = (hours(from, to), hours(to, from));
            let far = [2, 3, 4, 5].map(|days| DAYS[(self.day + days) % 7]);
            let near = [6, 0, 1].map(|days| DAYS[(self.day + days) % 7]);
            placed.push(timed(&rule, "", &near, &around));
            placed.push(timed(&rule, "hour", &near, &apart));
            placed.push(timed(&rule, "day", &far, &around));
        }
        placed
    }
}

fn hours(from: usize, to: usize) -> String {
    format!("{from:02}:00-{to:02}:00")
}

/// A rule at these days and hours; `part` is put before its name and before its recipients' domain.
fn timed(rule: &Table, part: &str, days: &[&str], hours: &str) -> Value {
    let mut rule = rule.clone();
    let days = days.iter().map(|day| Value::from(*day));
    rule.insert("days".to_owned(), Value::Array(days.collect()));
    rule.insert("hours".to_owned(), hours.into());
    if !part.is_empty() {
        let name = format!("{part}.{}", rule["name"].as_str().unwrap());
        rule.insert("name".to_owned(), name.into());
        let domain = rule["recipients"][0].as_str().unwrap();
        let domain = format!("@{part}.{}", domain.trim_start_matches('@'));
        let recipients = Value::Array(vec![domain.into()]);
        rule.insert("recipients".to_owned(), recipients);
    }
    Value::Table(rule)
}
