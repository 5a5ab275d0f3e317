//! What a reviewer must beware of before deciding.

use std::collections::HashSet;

use super::{Known, Warning};
use crate::{
    store::outlines::{DoubtKind, Mailbox, Outline, Standing},
    web::{
        clock,
        view::{self, Piece},
        words::Words,
    },
};

/// No detail is longer, in bytes.
const DETAIL_LONGEST: usize = 200;

/// All warnings, the gravest first.
pub fn of(words: &Words, known: &Known<'_>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for doubt in known
        .review
        .doubts
        .iter()
        .filter(|doubt| doubt.cleared_at.is_none())
    {
        warnings.push(Warning {
            kind: "bad",
            text: words.say_of("warn-queue-file", clock::for_people(doubt.seen_at)),
            detail: cut(&doubt.reason),
        });
    }
    if let Standing::Made(outline) = known.outline {
        warnings.extend(senders(words, known, outline));
        warnings.extend(doubts(words, outline));
        warnings.extend(links(words, outline));
    }
    let twins = &known.review.twins.known;
    if !twins.is_empty() {
        let count = u64::try_from(twins.len()).unwrap_or_default();
        let names: Vec<&str> = twins.iter().map(|twin| twin.queue_id.as_str()).collect();
        warnings.push(Warning {
            kind: "warn",
            text: words.count("warn-twins", count),
            detail: cut(&names.join(" ")),
        });
    }
    warnings.sort_by_key(|warning| warning.kind != "bad");
    warnings
}

/// Whoever is shown as the sender is not who sent it, or not who gets the answer.
fn senders(words: &Words, known: &Known<'_>, outline: &Outline) -> Vec<Warning> {
    let envelope = known.review.capture.envelope.sender.to_display();
    let list = |mailboxes: &[Mailbox]| -> Vec<String> {
        let addresses = mailboxes
            .iter()
            .map(|mailbox| mailbox.address.to_lowercase());
        addresses.collect()
    };
    let (from, sender, reply_to) = (
        list(&outline.from),
        list(&outline.sender),
        list(&outline.reply_to),
    );
    let authors: HashSet<&String> = from.iter().collect();
    let warn = |id: &str, detail: String| Warning {
        kind: "warn",
        text: words.say(id),
        detail: cut(&detail),
    };
    let mut warnings = Vec::new();
    if from.is_empty() {
        warnings.push(warn("warn-no-from", String::new()));
    }
    if from.len() > 1 {
        warnings.push(warn("warn-several-from", from.join(" ")));
    }
    if envelope != "<>" && !from.is_empty() && !from.contains(&envelope.to_lowercase()) {
        let detail = format!("{} ≠ {envelope}", from.join(" "));
        warnings.push(warn("warn-from-differs", detail));
    }
    if sender.iter().any(|one| !authors.contains(one)) {
        warnings.push(warn("warn-sender-differs", sender.join(" ")));
    }
    if reply_to.iter().any(|one| !authors.contains(one)) {
        warnings.push(warn("warn-reply-to-differs", reply_to.join(" ")));
    }
    // A name that looks like an address, and another address behind it.
    let poses = outline.from.iter().find(|mailbox| {
        let name = mailbox.name.to_lowercase();
        name.contains('@') && !name.contains(&mailbox.address.to_lowercase())
    });
    if let Some(mailbox) = poses {
        let detail = format!("{} ≠ {}", mailbox.name, mailbox.address);
        warnings.push(warn("warn-name-poses", detail));
    }
    warnings
}

fn doubts(words: &Words, outline: &Outline) -> Vec<Warning> {
    let mut told: Vec<(DoubtKind, &str)> = Vec::new();
    for doubt in &outline.doubts {
        if !told.contains(&(doubt.kind, &doubt.detail)) {
            told.push((doubt.kind, &doubt.detail));
        }
    }
    told.iter()
        .map(|(kind, detail)| Warning {
            kind: if kind.is_structural() { "bad" } else { "warn" },
            text: words.say(message(*kind)),
            detail: cut(detail),
        })
        .collect()
}

fn message(kind: DoubtKind) -> &'static str {
    match kind {
        DoubtKind::BoundaryOutOfPlace => "doubt-boundary-out-of-place",
        DoubtKind::TwoParameters => "doubt-two-parameters",
        DoubtKind::NoBoundary => "doubt-no-boundary",
        DoubtKind::Unclosed => "doubt-unclosed",
        DoubtKind::TwoFields => "doubt-two-fields",
        DoubtKind::BadHeader => "doubt-bad-header",
        DoubtKind::TooDeep => "doubt-too-deep",
        DoubtKind::TooManyParts => "doubt-too-many-parts",
        DoubtKind::TwoReadings => "doubt-two-readings",
        DoubtKind::BadEncoding => "doubt-bad-encoding",
        DoubtKind::UnknownCharset => "doubt-unknown-charset",
        DoubtKind::BadText => "doubt-bad-text",
        DoubtKind::Nul => "doubt-nul",
        DoubtKind::Unopened => "doubt-unopened",
        DoubtKind::Encrypted => "doubt-encrypted",
        DoubtKind::TextDiffersFromHtml => "doubt-text-differs-from-html",
        DoubtKind::OtherType => "doubt-other-type",
        DoubtKind::HiddenText => "doubt-hidden-text",
    }
}

fn links(words: &Words, outline: &Outline) -> Vec<Warning> {
    let mismatched = outline.links.iter().filter(|link| link.is_mismatch);
    mismatched
        .take(5)
        .map(|link| Warning {
            kind: "bad",
            text: words.say("warn-link"),
            detail: cut(&format!(
                "{} → {}",
                link.text,
                link.host.as_deref().unwrap_or(&link.target)
            )),
        })
        .collect()
}

fn cut(text: &str) -> Vec<Piece> {
    let end = text.floor_char_boundary(DETAIL_LONGEST);
    let mut cut = text.get(..end).unwrap_or_default().to_owned();
    if end < text.len() {
        cut.push('…');
    }
    view::pieces(&cut)
}
