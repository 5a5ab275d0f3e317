//! What reviewers ask for: words, phrases and terms such as `to:`, `has:` or `state:`, as they are typed
//! and as they stand in an address. Never looks anything up.

use std::fmt;

use chrono::NaiveDate;

use super::lifecycle::State;

mod fault;
mod parse;
#[cfg(test)]
mod tests;

pub use fault::{Fault, FaultKind};

/// The longest query in characters.
pub const LONGEST_QUERY: usize = 1_000;
/// The most terms of a query.
pub const MOST_TERMS: usize = 32;

/// What is asked for: all that every one of its terms is true of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    terms: Vec<Term>,
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether it must be true or must not.
    pub sense: Sense,
    /// What is to be true.
    pub what: What,
}

/// How a term is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// It must be true.
    Must,
    /// It must not: written with `-` before it.
    MustNot,
}

/// What a term says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Subject, an address, a name beside it or the name of an attachment has this part.
    Text(String),
    /// An address or name of the sender has it.
    From(String),
    /// An address or name of a recipient has it.
    To(String),
    /// The sender or a recipient is of this domain, or of one below it.
    Domain(String),
    /// The subject has it.
    Subject(String),
    /// There is such a thing in it.
    Has(Thing),
    /// It is as large, in bytes, or larger.
    Larger(u64),
    /// It is smaller.
    Smaller(u64),
    /// It was captured before the begin of this day (UTC).
    Before(NaiveDate),
    /// It was captured on this day (UTC) or later.
    After(NaiveDate),
    /// It stands in one of these states.
    State(Standing),
}

/// What a message may have in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A file.
    Attachment,
    /// A part in HTML.
    Html,
    /// An image.
    Image,
    /// A structure that programs read in different ways.
    Doubt,
}

/// States as they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Held or about to be: what a query means that names no state.
    Waiting,
    /// Any.
    All,
    /// This one.
    In(State),
}

impl Query {
    /// What was typed.
    ///
    /// # Errors
    /// Everything in it that cannot be meant.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        parse::query(text)
    }

    /// Its terms in order.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether it narrows the list by anything but states.
    pub fn has_terms(&self) -> bool {
        let mut terms = self.terms.iter();
        terms.any(|term| !matches!(term.what, What::State(_)))
    }

    /// The states that it is about, in the order of the life cycle: what waits unless it names others.
    pub fn states(&self) -> Vec<State> {
        let named = |sense| {
            let of_sense = self.terms.iter().filter(move |term| term.sense == sense);
            of_sense.filter_map(|term| match term.what {
                What::State(standing) => Some(standing),
                What::Text(_)
                | What::From(_)
                | What::To(_)
                | What::Domain(_)
                | What::Subject(_)
                | What::Has(_)
                | What::Larger(_)
                | What::Smaller(_)
                | What::Before(_)
                | What::After(_) => None,
            })
        };
        let mut wanted: Vec<Standing> = named(Sense::Must).collect();
        if wanted.is_empty() {
            let is_any_refused = named(Sense::MustNot).next().is_some();
            wanted.push(match is_any_refused {
                true => Standing::All,
                false => Standing::Waiting,
            });
        }
        let has = |state: &State| {
            wanted.iter().any(|standing| standing.has(*state))
                && !named(Sense::MustNot).any(|standing| standing.has(*state))
        };
        State::all().into_iter().filter(has).collect()
    }

    /// The same with this term at its end, unless it is there.
    pub fn with(&self, term: Term) -> Self {
        let mut query = self.without(&term);
        query.terms.push(term);
        query
    }

    /// The same without this term.
    pub fn without(&self, term: &Term) -> Self {
        let terms = self.terms.iter().filter(|other| *other != term);
        Self {
            terms: terms.cloned().collect(),
        }
    }
}

impl Standing {
    /// Whether it means this state too.
    pub fn has(self, state: State) -> bool {
        match self {
            Self::Waiting => is_waiting(state),
            Self::All => true,
            Self::In(wanted) => wanted == state,
        }
    }

    /// All that may be asked for.
    pub fn all() -> Vec<Self> {
        let single = State::all().into_iter().map(Self::In);
        [Self::Waiting, Self::All]
            .into_iter()
            .chain(single)
            .collect()
    }

    /// The word of the query language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::All => "all",
            Self::In(state) => state.as_str(),
        }
    }
}

/// Whether a person can decide on it now or soon.
pub fn is_waiting(state: State) -> bool {
    match state {
        State::Captured | State::Held => true,
        State::Decided | State::Settled(_) => false,
    }
}

impl Thing {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Attachment, Self::Html, Self::Image, Self::Doubt];

    /// The word of the query language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::Html => "html",
            Self::Image => "image",
            Self::Doubt => "doubt",
        }
    }
}

impl What {
    /// The names of all terms, for whoever lists them.
    pub const NAMES: [&str; 10] = [
        "from", "to", "domain", "subject", "has", "larger", "smaller", "before", "after", "state",
    ];

    fn name(&self) -> Option<&'static str> {
        match self {
            Self::Text(_) => None,
            Self::From(_) => Some("from"),
            Self::To(_) => Some("to"),
            Self::Domain(_) => Some("domain"),
            Self::Subject(_) => Some("subject"),
            Self::Has(_) => Some("has"),
            Self::Larger(_) => Some("larger"),
            Self::Smaller(_) => Some("smaller"),
            Self::Before(_) => Some("before"),
            Self::After(_) => Some("after"),
            Self::State(_) => Some("state"),
        }
    }

    fn value(&self) -> String {
        match self {
            Self::Text(text)
            | Self::From(text)
            | Self::To(text)
            | Self::Domain(text)
            | Self::Subject(text) => text.clone(),
            Self::Has(thing) => thing.as_str().to_owned(),
            Self::Larger(bytes) | Self::Smaller(bytes) => size(*bytes),
            Self::Before(day) | Self::After(day) => day.format("%Y-%m-%d").to_string(),
            Self::State(standing) => standing.as_str().to_owned(),
        }
    }
}

/// The largest unit that a size is whole in.
fn size(bytes: u64) -> String {
    let units = parse::UNITS.iter().rev();
    let mut fitting = units.filter(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match fitting.next() {
        Some((letter, unit)) => format!("{}{}", bytes / unit, letter.to_ascii_uppercase()),
        None => bytes.to_string(),
    }
}

/// As it can be typed again.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, term) in self.terms.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{term}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sense {
            Sense::Must => {}
            Sense::MustNot => f.write_str("-")?,
        }
        let value = self.what.value();
        let must_be_quoted = match self.what.name() {
            Some(name) => {
                write!(f, "{name}:")?;
                value.contains(char::is_whitespace)
            }
            None => parse::means_more(&value),
        };
        match must_be_quoted {
            true => write!(f, "\"{value}\""),
            false => f.write_str(&value),
        }
    }
}
