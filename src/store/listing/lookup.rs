//! What is looked up for a search, as PostgreSQL's tsquery: grams that whatever matches must have. Never
//! tells what matches.

use crate::domain::{
    grams::{Mark, Sought, folded, sought},
    query::{Query, Sense, Term, Thing, What},
    scope::Scope,
};

/// Grams that are looked up at most: what they have in common is small long before.
const MOST: usize = 32;

/// The look-up, or `None` where nothing narrows the search down.
pub(super) fn lookup(query: &Query, scope: &Scope) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for Term { sense, what } in query.terms() {
        match sense {
            Sense::Must => all.extend(of_term(what)),
            Sense::MustNot => {}
        }
    }
    all.truncate(MOST);
    all.extend(of_scope(scope));
    (!all.is_empty()).then(|| all.join(" & "))
}

fn of_term(what: &What) -> Vec<String> {
    match what {
        What::Text(text)
        | What::From(text)
        | What::To(text)
        | What::Domain(text)
        | What::Subject(text) => sought(&folded(text)).iter().map(written).collect(),
        What::Has(thing) => vec![quoted(&mark(*thing).as_gram())],
        What::Larger(bytes) => vec![any(Mark::sizes_from(*bytes))],
        What::Smaller(_) | What::Before(_) | What::After(_) | What::State(_) => Vec::new(),
    }
}

fn of_scope(scope: &Scope) -> Option<String> {
    match scope {
        Scope::All => None,
        // Whoever is below an entry has it among those above.
        Scope::Unit { suffix } => Some(any([Mark::Entry(suffix).as_gram()].into_iter())),
        Scope::Entries(names) => {
            let names = names.iter().map(|name| Mark::Entry(name).as_gram());
            Some(any(names))
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

fn any(grams: impl Iterator<Item = String>) -> String {
    let quoted: Vec<String> = grams.map(|gram| quoted(&gram)).collect();
    format!("({})", quoted.join(" | "))
}

fn written(sought: &Sought) -> String {
    match sought {
        Sought::Gram(gram) => quoted(gram),
        Sought::Begin(begin) => format!("{}:*", quoted(begin)),
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
        lookup(&Query::parse(query).unwrap(), &Scope::All)
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
        let found = lookup(&Query::default(), &scope).unwrap();
        assert!(found.starts_with("('\u{1}entry ") && found.contains("' | '"));
    }
}
