//! The catalogues against each other, and against what the pages ask of them. Never part of the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    pane::Tab,
    preferences::{KEYS, Theme},
    words::LANGUAGES,
};
use crate::{
    domain::{
        audit::AuditKind,
        decision::{Decision, Disposition},
        lifecycle::State,
    },
    store::added::How,
};

/// Calls whose first argument is an ID.
const CALLS: [&str; 4] = [".say(", ".say_of(", ".say_with(", ".count("];

/// How the IDs begin that stand in tables and matches, from where they are asked for.
const FAMILIES: [&str; 14] = [
    "column-",
    "doubt-",
    "error-",
    "fact-",
    "filter-",
    "health-",
    "lost-",
    "moment-",
    "outline-",
    "place-",
    "query-",
    "reason-",
    "standing-",
    "warn-",
];

/// The messages of a catalogue: the variables of each by its ID.
fn messages(catalogue: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut messages: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut open = None;
    for line in catalogue.lines().filter(|line| !line.starts_with('#')) {
        if let (false, Some((id, _))) = (line.starts_with([' ', '}']), line.split_once(" =")) {
            assert!(messages.insert(id, BTreeSet::new()).is_none(), "{id} twice");
            open = Some(id);
        }
        let variables = open.and_then(|id| messages.get_mut(id));
        let Some(variables) = variables else { continue };
        variables.extend(line.split('$').skip(1).map(word));
    }
    messages
}

/// The word at the beginning of a text.
fn word(text: &str) -> &str {
    let is_of_word = |sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign);
    let end = text.find(|sign| !is_of_word(sign));
    &text[..end.unwrap_or(text.len())]
}

fn english() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    messages(LANGUAGES[0].2)
}

/// The IDs that are made of words of the domain.
fn made() -> BTreeSet<String> {
    let themes = Theme::ALL.map(Theme::as_str);
    let tabs = Tab::ALL.map(Tab::as_str);
    let keys = KEYS.map(|(name, _)| name);
    let kinds = AuditKind::ALL.map(AuditKind::as_str);
    let decisions = Decision::ALL.map(Decision::as_str);
    let dispositions = Disposition::ALL.map(Disposition::as_str);
    let added = [How::Added, How::Rewritten, How::Redirected].map(How::as_str);
    let states: Vec<&str> = State::all().into_iter().map(State::as_str).collect();
    let families: [(&str, &[&str]); 9] = [
        ("theme", &themes),
        ("tab", &tabs),
        ("key", &keys),
        ("kind", &kinds),
        ("told", &decisions),
        ("moment", &dispositions),
        ("added", &added),
        ("state", &states),
        ("standing", &states),
    ];
    let ids = families
        .into_iter()
        .flat_map(|(family, words)| words.iter().map(move |word| format!("{family}-{word}")));
    ids.collect()
}

/// What the pages are written with.
fn sources() -> Vec<String> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_this = path.ends_with("catalogues.rs");
            match path.extension().and_then(|end| end.to_str()) {
                None => folders.push(path),
                Some("rs" | "html") if !is_this => texts.push(fs::read_to_string(path).unwrap()),
                Some(_) => {}
            }
        }
    }
    assert!(texts.len() > 40, "{}", texts.len());
    texts
}

/// The literals of a text that look like IDs, with what stands before each.
fn literals(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let quotes = text.match_indices('"');
    quotes.filter_map(|(at, _)| {
        let literal = word(&text[at + 1..]);
        let is_whole = text[at + 1 + literal.len()..].starts_with('"');
        (is_whole && !literal.is_empty()).then(|| (text[..at].trim_end(), literal))
    })
}

#[test]
fn every_language_has_the_same_messages_with_the_same_variables() {
    let english = english();
    assert!(english.len() > 200, "{}", english.len());
    assert!(english["decided-by"].contains("reviewer"));
    for (tag, _, catalogue) in LANGUAGES {
        let other = messages(catalogue);
        for (id, variables) in &english {
            assert_eq!(other.get(id), Some(variables), "{id} in {tag}");
        }
        assert_eq!(other.len(), english.len(), "{tag} has others");
    }
}

#[test]
fn every_message_that_is_asked_for_is_there() {
    let english = english();
    for id in made() {
        assert!(english.contains_key(id.as_str()), "{id}");
    }
    let mut n_asked = 0;
    for text in sources() {
        for (before, id) in literals(&text) {
            let is_asked = CALLS.iter().any(|call| before.ends_with(call));
            let is_of_family = FAMILIES.iter().any(|start| id.starts_with(start));
            assert!(
                !(is_asked || is_of_family) || english.contains_key(id),
                "{id}"
            );
            n_asked += usize::from(is_asked);
        }
    }
    assert!(n_asked > 100, "{n_asked}");
}

#[test]
fn every_message_is_asked_for() {
    let made = made();
    let texts = sources();
    let asked: BTreeSet<&str> = texts
        .iter()
        .flat_map(|text| literals(text))
        .map(|(_, id)| id)
        .collect();
    let mut unasked: Vec<&str> = english().into_keys().collect();
    unasked.retain(|id| !asked.contains(id) && !made.contains(*id));
    assert_eq!(unasked, [""; 0]);
}
