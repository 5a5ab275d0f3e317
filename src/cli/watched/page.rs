//! The figures as tables for people, in this host's time.

use std::{
    io::{self, Write},
    time::Duration,
};

use chrono::{DateTime, Local, Utc};

use super::{
    super::{
        plain::cut,
        reviews::table::{Side, aligned},
    },
    Shown,
};
use crate::store::watched::{Course, Sender, Tally};

/// Writes the page; one paragraph if nothing was watched.
pub fn page(out: &mut impl Write, shown: &Shown) -> io::Result<()> {
    let span = spelt(shown.span);
    let Some(total) = shown.figures.total else {
        return writeln!(
            out,
            "In the last {span} no message was watched.\n\
             A message is watched if it would have been held and policy.mode, or the verdict of the \
             rule that matches, is \"watch\"."
        );
    };
    let Tally {
        messages, senders, ..
    } = total.tally;
    writeln!(
        out,
        "In the last {span} {} of {} would have been held.\n",
        counted(messages, "message"),
        counted(senders, "sender"),
    )?;
    rules(out, shown)?;
    writeln!(out)?;
    days(out, shown)?;
    let busiest = shown.figures.hours.iter();
    let busiest = busiest.max_by_key(|(begin, course)| (course.tally.messages, *begin));
    if let Some((begin, course)) = busiest {
        let messages = counted(course.tally.messages, "message");
        writeln!(out, "\nBusiest hour: {} with {messages}.", minute(*begin))?;
    }
    if !shown.senders.is_empty() {
        writeln!(out)?;
        senders_table(out, &shown.senders)?;
    }
    Ok(())
}

fn rules(out: &mut impl Write, shown: &Shown) -> io::Result<()> {
    const TITLES: [&str; 6] = ["RULE", "MESSAGES", "SENDERS", "RECIPIENTS", "FIRST", "LAST"];
    let mut rows = vec![TITLES.map(str::to_owned)];
    for (rule, course) in &shown.figures.rules {
        let [messages, senders, recipients] = numbers(course.tally);
        let (first, last) = (minute(course.first), minute(course.last));
        rows.push([cut(rule, 40), messages, senders, recipients, first, last]);
    }
    let [left, right] = [Side::Left, Side::Right];
    aligned(out, [left, right, right, right, left, left], &rows)
}

/// Every day from the first one with a message on: a day without work is worth knowing.
fn days(out: &mut impl Write, shown: &Shown) -> io::Result<()> {
    const TITLES: [&str; 4] = ["DAY", "MESSAGES", "SENDERS", "RECIPIENTS"];
    let spans = &shown.figures.spans;
    let first = spans.keys().next().copied().unwrap_or_default();
    let mut rows = vec![TITLES.map(str::to_owned)];
    for (number, begin) in shown.begins.iter().enumerate().skip(first) {
        let tally = spans.get(&number).map(|course| course.tally);
        let [messages, senders, recipients] = numbers(tally.unwrap_or_default());
        let day = begin.with_timezone(&Local).format("%a %F").to_string();
        rows.push([day, messages, senders, recipients]);
    }
    let [left, right] = [Side::Left, Side::Right];
    aligned(out, [left, right, right, right], &rows)
}

fn senders_table(out: &mut impl Write, senders: &[Sender]) -> io::Result<()> {
    const TITLES: [&str; 4] = ["SENDER", "MESSAGES", "RECIPIENTS", "LAST"];
    let mut rows = vec![TITLES.map(str::to_owned)];
    for sender in senders {
        let Course { tally, last, .. } = sender.course;
        let [messages, _, recipients] = numbers(tally);
        let name = match sender.identity.as_str() {
            "" => "(not known)".to_owned(),
            identity => cut(identity, 48),
        };
        rows.push([name, messages, recipients, minute(last)]);
    }
    let [left, right] = [Side::Left, Side::Right];
    aligned(out, [left, right, right, left], &rows)
}

fn numbers(tally: Tally) -> [String; 3] {
    [tally.messages, tally.senders, tally.recipients].map(|number| number.to_string())
}

fn minute(at: DateTime<Utc>) -> String {
    at.with_timezone(&Local).format("%a %F %H:%M").to_string()
}

fn counted(number: u64, noun: &str) -> String {
    match number {
        1 => format!("1 {noun}"),
        _ => format!("{number} {noun}s"),
    }
}

/// A span in the largest unit that it is whole in.
fn spelt(span: Duration) -> String {
    let seconds = span.as_secs();
    for (unit, noun) in [(86_400, "day"), (3_600, "hour"), (60, "minute")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return match seconds / unit {
                1 => noun.to_owned(),
                number => counted(number, noun),
            };
        }
    }
    counted(seconds, "second")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        let told = |seconds| spelt(Duration::from_secs(seconds));
        assert_eq!(told(7 * 86_400), "7 days");
        assert_eq!(told(86_400), "day");
        assert_eq!(told(36 * 3_600), "36 hours");
        assert_eq!(told(90), "90 seconds");
    }
}
