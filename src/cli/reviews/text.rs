//! Text for people: a table of reviews, and all that is known of one.

use std::io::{self, Write};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    domain::envelope::Path,
    store::reviews::{Line, Review},
};

/// Writes the list, one line per message.
pub fn table(out: &mut impl Write, lines: &[Line], now: DateTime<Utc>) -> io::Result<()> {
    if lines.is_empty() {
        return writeln!(out, "Nothing waits for a decision.");
    }
    let row = |line: &Line| {
        let more = line.n_recipients.saturating_sub(1);
        let first = line.first_recipient.clone().unwrap_or_default();
        let to = if more == 0 {
            first
        } else {
            format!("{first} (+{more})")
        };
        [
            line.queue_id.to_string(),
            line.state.to_string(),
            age(now - line.captured_at),
            size(line.size_bytes),
            cut(&line.sender, 32),
            cut(&to, 36),
            cut(line.subject.as_deref().unwrap_or("(no subject)"), 48),
        ]
    };
    let titles = [
        "QUEUE ID", "STATE", "AGE", "SIZE", "SENDER", "TO", "SUBJECT",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 7]> = std::iter::once(titles)
        .chain(lines.iter().map(row))
        .collect();
    let widths: Vec<usize> = (0..7)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

/// Writes all that is known of a review, its header section at the end.
pub fn review(out: &mut impl Write, review: &Review, header: &[u8]) -> io::Result<()> {
    for (name, value) in message_facts(review)
        .into_iter()
        .chain(review_facts(review))
    {
        writeln!(out, "{name:<14} {}", plain(&value))?;
    }
    writeln!(out)?;
    for line in String::from_utf8_lossy(header).lines() {
        writeln!(out, "  {}", plain(line))?;
    }
    writeln!(out)
}

type Fact = (&'static str, String);

/// What the milter saw.
fn message_facts(review: &Review) -> Vec<Fact> {
    let capture = &review.capture;
    let client = &capture.client;
    let client_name = client
        .name
        .as_deref()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    let address = client
        .address
        .map(|address| format!("{client_name} [{address}]"));
    let login = client.login.as_deref().map(String::from_utf8_lossy);
    let recipients = capture.envelope.recipients.iter();
    let mut facts = vec![
        (
            "Queue ID",
            format!("{} on {}", capture.queue_id, capture.instance),
        ),
        ("Capture", capture.id.to_string()),
        ("Captured", time(capture.captured_at)),
        ("Sender", path(&capture.envelope.sender)),
    ];
    facts.extend(recipients.map(|recipient| ("Recipient", path(recipient))));
    facts.extend(login.map(|login| ("Login", login.into_owned())));
    facts.extend([
        ("Client", address.unwrap_or_else(|| "unknown".to_owned())),
        ("Held by rule", capture.grounds.rule.clone()),
        ("Because", because(&capture.grounds.matched)),
        (
            "Size",
            format!(
                "{} ({} bytes)",
                size(capture.size_bytes),
                capture.size_bytes
            ),
        ),
        ("SHA-256", capture.digest.to_string()),
    ]);
    facts
}

/// Where the message stands, and what people and the worker did.
fn review_facts(review: &Review) -> Vec<Fact> {
    let held = review
        .held_at
        .map_or_else(|| "not seen in the hold queue yet".to_owned(), time);
    let mut facts = vec![("State", review.state.to_string()), ("Held", held)];
    if let Some(decided) = &review.decided {
        let user = decided.os_user.as_deref().unwrap_or("unknown");
        let when = time(decided.decided_at);
        let by = format!(
            "{} by {} (system user {user})",
            decided.decision, decided.reviewer
        );
        facts.push(("Decision", format!("{by} at {when}")));
        facts.extend(decided.note.clone().map(|note| ("Note", note)));
    }
    let failure = review
        .pending
        .as_ref()
        .and_then(|pending| pending.last_failure.clone());
    facts.extend(failure.map(|failure| ("Waits because", failure)));
    if let Some(settled) = &review.settled {
        let new = settled
            .method
            .new_queue_id()
            .map(|id| format!(" as {id}"))
            .unwrap_or_default();
        let what = format!(
            "{}{new} at {}",
            settled.disposition,
            time(settled.settled_at)
        );
        facts.push(("Disposition", format!("{what}: {}", settled.evidence)));
    }
    facts
}

fn because(matched: &crate::domain::verdict::Matched) -> String {
    if matched.identity.is_empty() {
        return format!(
            "the directory could not be asked, and {} is external",
            matched.recipient
        );
    }
    format!(
        "{} {} is flagged ({}) in {}, and {} is external",
        matched.identity_kind, matched.identity, matched.flag, matched.entry, matched.recipient
    )
}

fn path(path: &Path) -> String {
    let parameters: Vec<_> = path
        .parameters
        .iter()
        .map(|parameter| String::from_utf8_lossy(parameter))
        .collect();
    format!("{} {}", path.to_display(), parameters.join(" "))
        .trim_end()
        .to_owned()
}

/// A terminal obeys control characters: those of a mail are shown, not sent. Right-to-left marks
/// and the like can make a name look like another one.
fn plain(text: &str) -> String {
    let harmful = |sign: char| {
        (sign.is_control() && sign != '\t')
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars()
        .map(|sign| if harmful(sign) { '\u{fffd}' } else { sign })
        .collect()
}

fn cut(text: &str, width: usize) -> String {
    let text = plain(text);
    if text.chars().count() <= width {
        return text;
    }
    text.chars().take(width - 1).chain(['\u{2026}']).collect()
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn age(age: TimeDelta) -> String {
    let minutes = age.num_minutes().max(0);
    match minutes {
        0 => format!("{} s", age.num_seconds().max(0)),
        1..60 => format!("{minutes} min"),
        60..2_880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1_440),
    }
}

fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_cannot_steer_the_terminal() {
        assert_eq!(
            plain("a\x1b[31mb\u{202e}c\0"),
            "a\u{fffd}[31mb\u{fffd}c\u{fffd}"
        );
    }

    #[test]
    fn ages_and_sizes_read_as_people_say_them() {
        assert_eq!(age(TimeDelta::seconds(42)), "42 s");
        assert_eq!(age(TimeDelta::minutes(59)), "59 min");
        assert_eq!(age(TimeDelta::hours(47)), "47 h");
        assert_eq!(age(TimeDelta::hours(72)), "3 d");
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_572_864), "1.5 MiB");
    }
}
