//! What is wrong with a query, as plain values: words for it, in the reader's language, are the desk's.

/// Something in a query that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong; it also tells the cure.
    pub kind: FaultKind,
    /// The term as it was typed, cut after 80 characters.
    pub term: String,
}

/// What is wrong with a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// There is no term of this name. Cure: one of [`super::What::NAMES`], or quotes round all of it.
    UnknownTerm,
    /// Nothing stands after the colon, or nothing that is seen. Cure: a value.
    NoValue,
    /// It is no day. Cure: one such as 2026-01-31.
    BadDate,
    /// It is no size. Cure: one such as 500K, 5M or 1G.
    BadSize,
    /// There is no such state. Cure: one of [`super::Standing::all`].
    UnknownState,
    /// Nothing of that kind can be in a message. Cure: one of [`super::Thing::ALL`].
    UnknownThing,
    /// A quote is not closed. Cure: a quote at the end.
    OpenQuote,
    /// There are too many terms. Cure: at most [`super::MOST_TERMS`].
    TooManyTerms,
    /// It is too long. Cure: at most [`super::LONGEST_QUERY`] characters.
    TooLong,
}

impl FaultKind {
    /// All of them, for whoever has words for each.
    pub const ALL: [Self; 9] = [
        Self::UnknownTerm,
        Self::NoValue,
        Self::BadDate,
        Self::BadSize,
        Self::UnknownState,
        Self::UnknownThing,
        Self::OpenQuote,
        Self::TooManyTerms,
        Self::TooLong,
    ];
}
