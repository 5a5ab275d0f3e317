//! I11, as far as it is about logs and figures: no part of a message stands in them at any level, and
//! no address in a line above debug. Mail of people who are not flagged is looked at in I9.

use std::collections::HashSet;

use super::{
    super::{canary::Canary, ledger::Standing, snapshot::LogLine},
    report::Finding,
    view::View,
};

/// The levels that may name an address, for whoever looks for a fault.
const TALKATIVE: [&str; 2] = ["DEBUG", "TRACE"];

pub fn check(view: &View<'_>, finding: &mut Finding) {
    let letters = view.letters.values();
    let ours = letters.filter(|letter| letter.standing() != Standing::Unflagged);
    let mut addresses = HashSet::new();
    let mut canaries = HashSet::new();
    for letter in ours {
        canaries.insert(letter.canary);
        addresses.insert(letter.sender());
        addresses.extend(letter.recipients().iter().map(String::as_str));
    }
    let told = |text: &str| {
        let found = Canary::all_in(text.as_bytes());
        found.into_iter().find(|canary| canaries.contains(canary))
    };
    for line in &view.found.log_lines {
        let named = self::addresses(&line.text).find(|one| addresses.contains(one));
        let named = named.filter(|_| !TALKATIVE.contains(&line.level.as_str()));
        let canary = told(&line.text).map(|canary| canary.to_string());
        let leak = canary.or(named.map(str::to_owned));
        finding.examined(leak.map(|leak| example(line, &leak)));
    }
    for (role, text) in &view.found.figures {
        let named = self::addresses(text).find(|one| addresses.contains(one));
        let leak = told(text).map(|canary| canary.to_string());
        let leak = leak.or(named.map(str::to_owned));
        finding.examined(leak.map(|leak| format!("{leak} in the figures of {role}")));
    }
}

fn example(line: &LogLine, leak: &str) -> String {
    let LogLine {
        role, level, event, ..
    } = line;
    format!("{leak} in the log of {role}: {level} {event}")
}

/// All words with an `@` in a text.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "@._-+".contains(letter);
    let words = text.split(move |letter| !is_part(letter));
    words
        .filter(|word| word.contains('@'))
        .map(|word| word.trim_matches('.'))
}
