//! Text for people: all that is known of one review.

use std::io::{self, Write};

use chrono::{DateTime, Utc};

use super::findings;
use crate::cli::plain::plain;
use crate::{
    domain::{envelope::Path, lifecycle::State, verdict::Matched},
    store::reviews::Review,
};

/// Writes all that is known of a review, its header section at the end.
pub fn review(out: &mut impl Write, review: &Review, header: &[u8]) -> io::Result<()> {
    for (name, value) in message_facts(review)
        .into_iter()
        .chain(review_facts(review))
        .chain(findings::doubts(&review.doubts))
        .chain(findings::twins(&review.twins))
    {
        writeln!(out, "{name:<14} {}", plain(&value))?;
    }
    writeln!(out)?;
    for line in String::from_utf8_lossy(header).lines() {
        writeln!(out, "  {}", plain(line))?;
    }
    writeln!(out)
}

/// A name and what stands beside it.
pub type Fact = (&'static str, String);

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
    facts.extend(findings::added(&review.added));
    facts.extend(login.map(|login| ("Login", login.into_owned())));
    let header = &review.header;
    let decoded = [
        ("From", &header.from),
        ("To", &header.to),
        ("Subject", &header.subject),
    ];
    let decoded = decoded.map(|(name, value)| value.clone().map(|value| (name, value)));
    facts.extend(decoded.into_iter().flatten());
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
    let held = match (review.held_at, review.state) {
        (Some(at), _) => time(at),
        (None, State::Captured) => "not seen in the hold queue yet".to_owned(),
        (None, State::Held | State::Decided | State::Settled(_)) => {
            "never seen in the hold queue".to_owned()
        }
    };
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

fn because(matched: &Matched) -> String {
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

/// A time as people read it.
pub fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A size as people say it.
pub fn size(bytes: u64) -> String {
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
    fn sizes_read_as_people_say_them() {
        assert_eq!(size(999), "999 B");
        assert_eq!(size(1_572_864), "1.5 MiB");
    }
}
