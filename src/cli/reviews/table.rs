//! The list of reviews as a table for people, one line per message.

use std::io::{self, Write};

use chrono::{DateTime, TimeDelta, Utc};

use super::text::size;
use crate::{
    cli::plain::{columns, cut},
    store::reviews::{Line, TWINS},
};

const TITLES: [&str; N_COLUMNS] = [
    "QUEUE ID", "STATE", "NOTE", "AGE", "SIZE", "SENDER", "TO", "SUBJECT",
];
const N_COLUMNS: usize = 8;

/// Writes the table; nothing at all without a line.
pub fn table(out: &mut impl Write, lines: &[Line], now: DateTime<Utc>) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let titles = std::iter::once(TITLES.map(str::to_owned));
    let rows: Vec<_> = titles
        .chain(lines.iter().map(|line| row(line, now)))
        .collect();
    aligned(out, [Side::Left; N_COLUMNS], &rows)
}

/// The side on which the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// For words.
    Left,
    /// For numbers.
    Right,
}

/// Writes rows with their columns below each other.
pub fn aligned<const N: usize>(
    out: &mut impl Write,
    sides: [Side; N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let width_of = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| columns(cell)).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width_of).collect();
    for row in rows {
        let padded = row.iter().zip(&widths).zip(sides);
        let padded = padded.map(|((cell, width), side)| {
            let missing = width.saturating_sub(columns(cell));
            match side {
                Side::Left => format!("{cell}{:missing$}", ""),
                Side::Right => format!("{:missing$}{cell}", ""),
            }
        });
        let line = padded.collect::<Vec<_>>().join("  ");
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn row(line: &Line, now: DateTime<Utc>) -> [String; N_COLUMNS] {
    [
        line.queue_id.to_string(),
        line.state.to_string(),
        note(line),
        age(now - line.captured_at),
        size(line.size_bytes),
        cut(&line.sender, 32),
        recipients(line),
        cut(line.subject.as_deref().unwrap_or("(no subject)"), 48),
    ]
}

/// What a reviewer must know before all else.
fn note(line: &Line) -> String {
    let twins = match line.n_twins {
        0 => None,
        1 => Some("twin".to_owned()),
        TWINS.. => Some(format!("{TWINS}+ twins")),
        more => Some(format!("{more} twins")),
    };
    let doubt = line.is_doubted.then(|| "doubt".to_owned());
    let notes: Vec<String> = doubt.into_iter().chain(twins).collect();
    notes.join(", ")
}

/// The first recipient, and how many more there are: the number is never cut off.
fn recipients(line: &Line) -> String {
    let first = line.recipients.first().map_or("", String::as_str);
    match line.n_recipients.saturating_sub(1) {
        0 => cut(first, 36),
        more => format!("{} +{more}", cut(first, 32)),
    }
}

/// An age as people say it.
pub fn age(age: TimeDelta) -> String {
    let minutes = age.num_minutes().max(0);
    match minutes {
        0 => format!("{} s", age.num_seconds().max(0)),
        1..60 => format!("{minutes} min"),
        60..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_people_say_them() {
        assert_eq!(age(TimeDelta::seconds(42)), "42 s");
        assert_eq!(age(TimeDelta::minutes(59)), "59 min");
        assert_eq!(age(TimeDelta::hours(47)), "47 h");
        assert_eq!(age(TimeDelta::hours(72)), "3 d");
    }
}
