//! Reads a query as people type it, also with the signs of a Chinese, Japanese or Korean keyboard.
//! Never guesses: what cannot be meant is a fault.

use chrono::NaiveDate;

use super::{
    Fault, FaultKind, LONGEST_QUERY, MOST_TERMS, Query, Sense, Standing, Term, Thing, What,
};
use crate::domain::grams::folded;

/// Units of a size.
pub(super) const UNITS: [(char, u64); 3] = [
    ('k', 1_024),
    ('m', 1_024 * 1_024),
    ('g', 1_024 * 1_024 * 1_024),
];

/// Characters of a term that a fault shows.
const SHOWN: usize = 80;

/// A term in its pieces.
struct Piece {
    typed: String,
    sense: Sense,
    name: Option<String>,
    value: String,
    is_open: bool,
}

pub(super) fn query(text: &str) -> Result<Query, Vec<Fault>> {
    if text.chars().count() > LONGEST_QUERY {
        return Err(vec![fault(FaultKind::TooLong, text)]);
    }
    let mut query = Query::default();
    let mut faults = Vec::new();
    let pieces = pieces(text);
    if let Some(beyond) = pieces.get(MOST_TERMS) {
        return Err(vec![fault(FaultKind::TooManyTerms, &beyond.typed)]);
    }
    for piece in &pieces {
        match term(piece) {
            Ok(term) => query.terms.push(term),
            Err(kind) => faults.push(fault(kind, &piece.typed)),
        }
    }
    match faults.is_empty() {
        true => Ok(query),
        false => Err(faults),
    }
}

/// Whether a bare word would be read as something else.
pub(super) fn means_more(word: &str) -> bool {
    word.is_empty()
        || word.starts_with(is_minus)
        || word.contains(char::is_whitespace)
        || named(word).is_some()
}

fn fault(kind: FaultKind, typed: &str) -> Fault {
    Fault {
        kind,
        term: typed.chars().take(SHOWN).collect(),
    }
}

fn is_quote(sign: char) -> bool {
    matches!(sign, '"' | '\u{201c}' | '\u{201d}' | '\u{ff02}')
}

fn is_minus(sign: char) -> bool {
    matches!(sign, '-' | '\u{ff0d}')
}

fn is_colon(sign: char) -> bool {
    matches!(sign, ':' | '\u{ff1a}')
}

/// Cuts at white space that no quotes stand round.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut is_quoted = false;
    let mut typed = String::new();
    for sign in text.chars() {
        is_quoted ^= is_quote(sign);
        if sign.is_whitespace() && !is_quoted {
            pieces.extend(piece(std::mem::take(&mut typed), false));
        } else {
            typed.push(sign);
        }
    }
    pieces.extend(piece(typed, is_quoted));
    pieces
}

fn piece(typed: String, is_open: bool) -> Option<Piece> {
    if typed.is_empty() {
        return None;
    }
    let negated = typed.strip_prefix(is_minus);
    let (sense, rest) = match negated.filter(|rest| !rest.is_empty()) {
        Some(rest) => (Sense::MustNot, rest),
        None => (Sense::Must, typed.as_str()),
    };
    let (name, value) = match named(rest) {
        Some((name, value)) => (Some(name), value),
        None => (None, rest),
    };
    Some(Piece {
        sense,
        name,
        value: value.chars().filter(|sign| !is_quote(*sign)).collect(),
        is_open,
        typed,
    })
}

/// A name of letters before a colon, in small letters, and what stands after it.
fn named(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once(is_colon)?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_name.then(|| (name.to_ascii_lowercase(), value))
}

fn term(piece: &Piece) -> Result<Term, FaultKind> {
    if piece.is_open {
        return Err(FaultKind::OpenQuote);
    }
    let value = piece.value.as_str();
    let text = || match folded(value).is_empty() {
        true => Err(FaultKind::NoValue),
        false => Ok(value.to_owned()),
    };
    let what = match piece.name.as_deref() {
        None => What::Text(text()?),
        Some("from") => What::From(text()?),
        Some("to") => What::To(text()?),
        Some("domain") => What::Domain(domain(&text()?)?),
        Some("subject") => What::Subject(text()?),
        Some("has") => What::Has(thing(&text()?)?),
        Some("larger") => What::Larger(size(&text()?)?),
        Some("smaller") => What::Smaller(size(&text()?)?),
        Some("before") => What::Before(day(&text()?)?),
        Some("after") => What::After(day(&text()?)?),
        Some("state") => What::State(standing(&text()?)?),
        Some(_) => return Err(FaultKind::UnknownTerm),
    };
    Ok(Term {
        sense: piece.sense,
        what,
    })
}

fn domain(value: &str) -> Result<String, FaultKind> {
    let bare = value.trim_start_matches(['@', '.']);
    match folded(bare).is_empty() {
        true => Err(FaultKind::NoValue),
        false => Ok(bare.to_owned()),
    }
}

fn thing(value: &str) -> Result<Thing, FaultKind> {
    let word = folded(value);
    let mut things = Thing::ALL.into_iter();
    let found = things.find(|thing| thing.as_str() == word);
    found.ok_or(FaultKind::UnknownThing)
}

fn standing(value: &str) -> Result<Standing, FaultKind> {
    let word = folded(value);
    let mut all = Standing::all().into_iter();
    let found = all.find(|standing| standing.as_str() == word);
    found.ok_or(FaultKind::UnknownState)
}

/// A number of bytes, with a unit or without: 500, 500k, 5M, 5MB, 5MiB.
fn size(value: &str) -> Result<u64, FaultKind> {
    let word = folded(value);
    let digits = word.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| FaultKind::BadSize)?;
    let unit = word.strip_prefix(digits).unwrap_or_default();
    if unit.is_empty() || unit == "b" {
        return Ok(number);
    }
    let mut units = UNITS.iter();
    let found = units.find(|(letter, _)| {
        let end = unit.strip_prefix(*letter);
        end.is_some_and(|end| matches!(end, "" | "b" | "ib"))
    });
    let (_, factor) = found.ok_or(FaultKind::BadSize)?;
    number.checked_mul(*factor).ok_or(FaultKind::BadSize)
}

/// A day as ISO 8601 writes it.
fn day(value: &str) -> Result<NaiveDate, FaultKind> {
    let word = folded(value);
    let is_iso = word.len() == 10;
    let day = NaiveDate::parse_from_str(&word, "%Y-%m-%d").ok();
    day.filter(|_| is_iso).ok_or(FaultKind::BadDate)
}
