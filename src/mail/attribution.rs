//! The text of From for the list, with all authors in it that any reading knows. Never leaves one out for the
//! length of the text: rights over a message depend on each.

use std::collections::HashSet;

use super::{
    author,
    excerpt::FROM_LIMIT_BYTES,
    header::{LONGEST_FIELD, shown, unfolded},
    library::caught,
    mailboxes,
    plain::are_plain,
};
use crate::domain::{address::Address, idn};

/// More than all authors of what is captured, in bytes: From is read in four ways, none of which makes
/// more than three bytes out of one.
pub(super) const LONGEST_AUTHORS: usize = 4 * 3 * FROM_LIMIT_BYTES;

/// The mailboxes of From as one text that has all its authors.
pub(super) fn with_all_authors(from: &[String], section: &[u8]) -> Option<String> {
    let values = author::from_fields(section);
    let whole = from.join(", ");
    let is_long = whole.trim().len() > LONGEST_FIELD;
    let text = shown(&whole).map(|text| match is_long {
        true => format!("{} \u{2026}", without_torn_address(&text)),
        false => text,
    });
    match is_long || !are_plain(from, &values) {
        true => with_missing(text, &whole, values),
        false => text,
    }
}

/// A text, and behind it the authors that it lacks.
fn with_missing(text: Option<String>, whole: &str, values: Vec<Vec<u8>>) -> Option<String> {
    let mut known: HashSet<_> = text
        .iter()
        .flat_map(|text| Address::all_in(text))
        .map(one_spelling)
        .collect();
    let mut missing = String::new();
    let authors = authors(values).into_iter();
    for author in authors.chain(Address::all_in(whole)) {
        let author_shown = author.to_text();
        let is_new = known.insert(one_spelling(author));
        if is_new && missing.len() + author_shown.len() < LONGEST_AUTHORS {
            missing.push_str(if missing.is_empty() { "" } else { ", " });
            missing.push_str(&author_shown);
        }
    }
    match (text, missing.is_empty()) {
        (text, true) => text,
        (None, false) => Some(missing),
        (Some(text), false) => Some(format!("{text}, {missing}")),
    }
}

/// The authors as the milter's rules and the outline read them, whatever is shown of the fields.
fn authors(values: Vec<Vec<u8>>) -> Vec<Address> {
    let mut found = author::authors(&values, usize::MAX);
    for value in unfolded(values) {
        let read = || -> Vec<(String, String)> { mailboxes::as_written(&value).collect() };
        let read = caught(read).unwrap_or_default();
        let read = read
            .iter()
            .flat_map(|(_, address)| Address::all_in(address));
        found.extend(read);
    }
    found
}

/// An address with its domain as it is looked up, so that two spellings of it are one.
fn one_spelling(address: Address) -> (Vec<u8>, Vec<u8>) {
    let domain = idn::to_ascii(address.domain()).into_owned();
    (address.local().to_vec(), domain)
}

/// The beginning of an address may be the address of somebody else.
fn without_torn_address(text: &str) -> &str {
    match text.rsplit_once(char::is_whitespace) {
        Some((before, torn)) if torn.contains('@') => before,
        Some(_) | None => text,
    }
}
