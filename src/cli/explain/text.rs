//! An explanation for people: the verdict first, then each step on the way to it.

use std::io::{self, Write};

use super::inquiry::{End, Explanation, HeaderFrom, Place, Ruled, Submitted};
use crate::{
    cli::plain::plain,
    domain::{
        person::{Entry, Flag, FlagReading},
        policy::{Action, Known, Matching, Policy, Rule, ToWhom, Who},
        verdict::{Freedom, Verdict},
    },
};

/// Writes all of it.
pub fn write(out: &mut impl Write, explained: &Explanation, policy: &Policy) -> io::Result<()> {
    let (word, meaning) = end(&explained.end);
    line(out, "verdict", &format!("{word}: {meaning}"))?;
    line(out, "submitted", submitted(explained.submitted))?;
    if explained.submitted == Submitted::No {
        return Ok(());
    }
    let mut steps: Vec<String> = explained.evidence.known.iter().flat_map(person).collect();
    steps.extend(from_step(explained.from));
    if let Some(failure) = &explained.failure {
        steps.push(format!("the directory could not be asked: {failure}"));
    }
    if steps.is_empty() {
        steps.push("nobody: the null sender without a login".to_owned());
    }
    lines(out, "sent by", &steps)?;
    let places = explained.recipients.iter();
    let places: Vec<String> = places
        .map(|(name, at)| format!("{name} is {}", place(*at)))
        .collect();
    lines(out, "sent to", &places)?;
    let rules = policy.rules.iter().zip(&explained.rules);
    let rules: Vec<String> = rules.map(|(rule, ruled)| ruled_line(rule, ruled)).collect();
    lines(out, "rules", &rules)
}

fn line(out: &mut impl Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "{name:<10} {}", plain(text))
}

fn lines(out: &mut impl Write, name: &str, texts: &[String]) -> io::Result<()> {
    for (index, text) in texts.iter().enumerate() {
        line(out, if index == 0 { name } else { "" }, text)?;
    }
    Ok(())
}

fn end(end: &End) -> (&'static str, String) {
    let by = |rule: &str| match rule {
        "directory-outage" => {
            "the directory cannot be asked, and directory.outage says hold".into()
        }
        rule => format!("rule {rule:?} matches"),
    };
    match end {
        End::TryAgain(why) => (
            "TRY AGAIN",
            format!("the sender is asked to come again: {why}"),
        ),
        End::Verdict(Verdict::Hold(grounds)) => ("HOLD", by(&grounds.rule)),
        End::Verdict(Verdict::Watch(grounds)) => (
            "WATCH",
            format!("{}; it goes on and is recorded", by(&grounds.rule)),
        ),
        End::Verdict(Verdict::Refuse(grounds)) => {
            let why = "but it also goes to a protected correspondent: to be sent separately";
            ("REFUSE", format!("{}, {why}", by(&grounds.rule)))
        }
        End::Verdict(Verdict::Pass(grounds)) => ("PASS", passed(&grounds.rule)),
        End::Verdict(Verdict::Free(freedom)) => ("ACCEPT", free(*freedom).to_owned()),
    }
}

fn passed(rule: &str) -> String {
    match rule {
        "internal-only" => "no rule matches; all recipients are internal".to_owned(),
        "no-rule" => "no rule matches".to_owned(),
        rule => format!("rule {rule:?} lets it pass"),
    }
}

fn free(freedom: Freedom) -> &'static str {
    match freedom {
        Freedom::Unflagged => "no rule holds it; counted, and no other trace is left",
        Freedom::Exempt => "no recipient counts; counted, and no other trace is left",
        Freedom::Protected => "protected correspondence; counted, and no other trace is left",
        Freedom::Unreviewed => "the directory cannot be asked, and directory.outage says pass",
        Freedom::Incoming => "it comes in, nobody of the house sends it",
    }
}

fn submitted(submitted: Submitted) -> &'static str {
    match submitted {
        Submitted::ByListener => "yes: by a listener where all mail is submitted",
        Submitted::ByLogin => "yes: with a login",
        Submitted::ByNetwork => "yes: from a network of policy.submitted_networks",
        Submitted::InDoubt => "taken so: no --client or no policy.submitted_networks to tell",
        Submitted::No => "no: neither a login nor a network of policy.submitted_networks",
    }
}

/// One line for the identity, with its entry or entries.
fn person(known: &Known) -> Vec<String> {
    let name = known.identity.to_string();
    if known.standing.entries.is_empty() {
        return vec![format!("{name}: no entry")];
    }
    let entries = known.standing.entries.iter();
    entries
        .map(|entry| format!("{name}: {}", entry_text(entry)))
        .collect()
}

fn entry_text(entry: &Entry) -> String {
    let flag = match &entry.flag {
        Flag::Absent => "not flagged".to_owned(),
        Flag::Lowered(shown) => format!("not flagged, {shown}"),
        Flag::Raised {
            shown,
            reading: FlagReading::Known,
        } => format!("flagged, {shown}"),
        Flag::Raised {
            shown,
            reading: FlagReading::Doubtful,
        } => format!("flagged, because {shown} is neither true nor false"),
        Flag::Expired { shown, until } => {
            format!(
                "not flagged any more: {shown} until {}",
                until.format("%Y-%m-%d %H:%M UTC")
            )
        }
    };
    let groups = entry
        .groups
        .iter()
        .map(|group| format!(", member of {}", group.as_str()));
    format!("{flag} in {}{}", entry.name, groups.collect::<String>())
}

fn from_step(from: HeaderFrom) -> Option<String> {
    match from {
        HeaderFrom::NotAsked => None,
        HeaderFrom::Read => Some("(header From as in the message given)".to_owned()),
        HeaderFrom::TakenAsSender => {
            Some("(header From taken to be the envelope sender: no --eml)".to_owned())
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Internal => "internal",
        Place::External => "external",
        Place::Exempt => "exempt, and does not count",
        Place::Protected => "a protected correspondent",
    }
}

fn ruled_line(rule: &Rule, ruled: &Ruled) -> String {
    let why = if ruled.decided {
        "matches and decides".to_owned()
    } else {
        let mut misses = Vec::new();
        if ruled.who != Matching::Yes {
            misses.push("who sends");
        }
        if ruled.to != Matching::Yes {
            misses.push("who receives");
        }
        if ruled.when != Matching::Yes {
            misses.push("the time");
        }
        match misses.as_slice() {
            [] => "would match, but comes too late".to_owned(),
            misses => format!("does not match: {}", misses.join(", ")),
        }
    };
    format!("{} ({}) {why}", rule.name, summary(rule))
}

fn summary(rule: &Rule) -> String {
    let who = match &rule.who {
        Who::Flagged => "flagged",
        Who::Listed(_) => "listed",
        Who::Group(_) => "group",
        Who::Anyone => "anyone",
    };
    let to = match &rule.to {
        ToWhom::External => "external",
        ToWhom::Any => "any",
        ToWhom::Listed(_) => "listed",
    };
    let action = match rule.action {
        Action::Hold | Action::Pass | Action::Watch => rule.action.as_str(),
    };
    let when = if rule.when.is_always() {
        ""
    } else {
        " at its hours"
    };
    format!("{who} to {to}{when}: {action}")
}
