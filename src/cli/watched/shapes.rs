//! JSON for programs: one object per figure, times in UTC after RFC 3339.

use serde_json::{Value, json};

use super::Shown;
use crate::store::watched::Course;

/// All figures: the total first, even if it is of nothing, then rules, days and hours with a message,
/// and senders.
pub fn lines(shown: &Shown) -> Vec<Value> {
    let figures = &shown.figures;
    let since = shown.begins.first();
    let mut lines = vec![line(
        figures.total.as_ref(),
        json!({"figure": "total", "since": since}),
    )];
    for (rule, course) in &figures.rules {
        lines.push(line(Some(course), json!({"figure": "rule", "rule": rule})));
    }
    for (number, course) in &figures.spans {
        let begin = shown.begins.get(*number);
        let name = json!({"figure": "day", "began_at": begin});
        lines.push(line(Some(course), name));
    }
    for (begin, course) in &figures.hours {
        let name = json!({"figure": "hour", "began_at": begin});
        lines.push(line(Some(course), name));
    }
    for sender in &shown.senders {
        let name = json!({
            "figure": "sender", "identity": sender.identity, "entry": sender.entry,
        });
        lines.push(line(Some(&sender.course), name));
    }
    lines
}

/// A figure under its name.
fn line(course: Option<&Course>, mut name: Value) -> Value {
    let tally = course.map(|course| course.tally).unwrap_or_default();
    let figure = json!({
        "n_messages": tally.messages,
        "n_senders": tally.senders,
        "n_recipients": tally.recipients,
        "first_at": course.map(|course| course.first),
        "last_at": course.map(|course| course.last),
    });
    if let (Value::Object(name), Value::Object(figure)) = (&mut name, figure) {
        name.extend(figure);
    }
    name
}
