//! What is looked up for a search, as PostgreSQL's tsquery: grams that whatever matches must have. Never
//! tells what matches.

use std::collections::HashMap;

use crate::domain::{
    grams::{Mark, Sought, folded, sought},
    query::{Query, Sense, Term, Thing, What},
    scope::Scope,
};

/// Grams that are looked up at most: what they have in common is small long before.
const MOST: usize = 32;
/// How long the lists of messages are together that a look-up reads, in parts of all messages. What
/// a further gram takes away is less than the reading of its list beyond.
const LONGEST: f32 = 0.8;

/// How many of all messages have a gram, from 0 to 1, of the frequent ones.
pub(super) type Frequencies = HashMap<String, f32>;

/// What a message that matches must have: of every term all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lookup(Vec<Vec<Key>>);

/// One thing to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Gram(String),
    /// Any gram with this begin.
    Begin(String),
    /// One of these.
    Any(Vec<String>),
}

impl Lookup {
    /// `None` where nothing narrows the search down.
    pub(super) fn of(query: &Query, scope: &Scope) -> Option<Self> {
        let must = query
            .terms()
            .iter()
            .filter(|term| term.sense == Sense::Must);
        let keys = must.map(|Term { what, .. }| of_term(what));
        let keys = keys.chain([of_scope(scope).into_iter().collect()]);
        let keys: Vec<Vec<Key>> = keys.filter(|keys| !keys.is_empty()).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The grams among it.
    pub(super) fn grams(&self) -> Vec<String> {
        let keys = self.0.iter().flatten();
        let grams = keys.filter_map(|key| match key {
            Key::Gram(gram) => Some(gram.clone()),
            Key::Begin(_) | Key::Any(_) => None,
        });
        grams.collect()
    }

    /// PostgreSQL's tsquery of the keys that are worth it: the rarest of each term, then the next ones, as
    /// long as [`LONGEST`] allows.
    pub(super) fn written(mut self, frequencies: &Frequencies) -> String {
        let frequency = |key: &Key| key.frequency(frequencies);
        for keys in &mut self.0 {
            keys.sort_by(|one, other| frequency(one).total_cmp(&frequency(other)));
        }
        let mut ranked: Vec<(usize, &Key)> = self
            .0
            .iter()
            .flat_map(|keys| keys.iter().enumerate())
            .collect();
        ranked.sort_by(|(rank, key), (other_rank, other)| {
            rank.cmp(other_rank)
                .then(frequency(key).total_cmp(&frequency(other)))
        });
        let mut length = 0.0;
        let mut written: Vec<String> = Vec::new();
        for (_, key) in ranked {
            let longer = length + frequency(key);
            if written.is_empty() || longer <= LONGEST {
                length = longer;
                written.push(key.written());
            }
        }
        written.truncate(MOST);
        written.join(" & ")
    }
}

impl Key {
    /// Nothing is known of what is not a single gram: it is taken for rare.
    fn frequency(&self, frequencies: &Frequencies) -> f32 {
        match self {
            Self::Gram(gram) => frequencies.get(gram).copied().unwrap_or_default(),
            Self::Begin(_) | Self::Any(_) => 0.0,
        }
    }

    fn written(&self) -> String {
        match self {
            Self::Gram(gram) => quoted(gram),
            Self::Begin(begin) => format!("{}:*", quoted(begin)),
            Self::Any(grams) => {
                let quoted: Vec<String> = grams.iter().map(|gram| quoted(gram)).collect();
                format!("({})", quoted.join(" | "))
            }
        }
    }
}

fn of_term(what: &What) -> Vec<Key> {
    match what {
        What::Text(text)
        | What::From(text)
        | What::To(text)
        | What::Domain(text)
        | What::Subject(text) => sought(&folded(text)).into_iter().map(key).collect(),
        What::Has(thing) => vec![Key::Gram(mark(*thing).as_gram())],
        What::Larger(bytes) => vec![Key::Any(Mark::sizes_from(*bytes).collect())],
        What::Smaller(_) | What::Before(_) | What::After(_) | What::State(_) => Vec::new(),
    }
}

fn key(sought: Sought) -> Key {
    match sought {
        Sought::Gram(gram) => Key::Gram(gram),
        Sought::Begin(begin) => Key::Begin(begin),
    }
}

fn of_scope(scope: &Scope) -> Option<Key> {
    match scope {
        Scope::All => None,
        // Whoever is below an entry has it among those above.
        Scope::Unit { suffix } => Some(Key::Any(vec![Mark::Entry(suffix).as_gram()])),
        Scope::Entries(names) => {
            let names = names.iter().map(|name| Mark::Entry(name).as_gram());
            Some(Key::Any(names.collect()))
        }
    }
}

fn mark(thing: Thing) -> Mark<'static> {
    match thing {
        Thing::Attachment => Mark::Attachment,
        Thing::Html => Mark::Html,
        Thing::Image => Mark::Image,
        Thing::Doubt => Mark::Doubt,
    }
}

/// A lexeme of a tsquery, with whatever signs in it.
fn quoted(gram: &str) -> String {
    format!("'{}'", gram.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Option<String> {
        with(query, &[])
    }

    fn with(query: &str, frequent: &[(&str, f32)]) -> Option<String> {
        let frequent = frequent.iter();
        let frequencies = frequent.map(|(gram, share)| ((*gram).to_owned(), *share));
        let lookup = Lookup::of(&Query::parse(query).unwrap(), &Scope::All);
        lookup.map(|lookup| lookup.written(&frequencies.collect()))
    }

    #[test]
    fn words_are_looked_up_by_their_grams() {
        assert_eq!(of("Offer").as_deref(), Some("'fer' & 'ffe' & 'off'"));
        assert_eq!(of("契約 -offer").as_deref(), Some("'契約':*"));
        assert_eq!(of("-offer smaller:5M state:all"), None);
    }

    #[test]
    fn no_sign_ends_a_gram_early() {
        assert_eq!(
            of("o'\\:*&").as_deref(),
            Some("'''\\\\:' & ':*&' & '\\\\:*' & 'o''\\\\'")
        );
    }

    #[test]
    fn a_scope_is_any_of_its_entries() {
        let scope = Scope::entries(["UID=a, DC=x", "uid=b,dc=x"]);
        let found = Lookup::of(&Query::default(), &scope).unwrap();
        let found = found.written(&Frequencies::new());
        assert!(found.starts_with("('\u{1}entry ") && found.contains("' | '"));
    }

    #[test]
    fn of_frequent_grams_the_rarest_of_each_term_are_looked_up() {
        let frequent = [
            ("bud", 0.2),
            ("udg", 0.11),
            ("dge", 0.1),
            ("get", 0.15),
            ("ann", 0.5),
        ];
        assert_eq!(
            with("budget from:ann", &frequent).as_deref(),
            Some("'dge' & 'ann' & 'udg'")
        );
    }

    #[test]
    fn a_rare_gram_is_looked_up_whatever_else_is() {
        let frequent = [("bud", 0.7), ("udg", 0.7), ("dge", 0.7)];
        assert_eq!(with("budget", &frequent).as_deref(), Some("'get' & 'bud'"));
    }

    #[test]
    fn what_every_message_has_is_looked_up_where_nothing_else_is() {
        assert_eq!(with("tes", &[("tes", 1.0)]).as_deref(), Some("'tes'"));
    }
}
