//! Search for reviewers, fast however many messages there are: any part of a word in any script, within
//! what a reviewer may see. Never reads a message.
//!
//! A message can be searched once it is outlined. The list without terms shows it before.

use crate::domain::{
    lifecycle::State,
    query::{Query, is_waiting},
    scope::Scope,
};

use super::{
    Store, StoreError,
    reviews::{Filter, Line, Order, Position},
};

mod conditions;
mod lookup;
mod terms;
mod unlisted;
mod ways;

pub use terms::{Terms, insert};

/// Up to here matches are counted.
pub const COUNTED: u64 = 10_000;

/// What is searched for, by whom, and which page of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What was asked for.
    pub query: Query,
    /// What the reviewer may see.
    pub scope: Scope,
    /// Which come first.
    pub order: Order,
    /// The last one of the page before.
    pub after: Option<Position>,
    /// The longest page.
    pub limit: u32,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its lines. Fewer than asked for do not mean the end: what has just left its state is left out.
    pub lines: Vec<Line>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Position>,
    /// Whether more may come: of what waits to be outlined not all was looked through.
    pub is_cut: bool,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// So many, and perhaps more: not all was looked through.
    AtLeast(u64),
    /// More than so many.
    MoreThan(u64),
}

impl Search {
    /// The first page of 50, in the usual order: whoever waits longest comes first, and of what is over
    /// the latest.
    pub fn new(query: Query, scope: Scope) -> Self {
        let waits = query.states().iter().all(|state| is_waiting(*state));
        Self {
            order: match waits {
                true => Order::OldestFirst,
                false => Order::NewestFirst,
            },
            query,
            scope,
            after: None,
            limit: 50,
        }
    }

    /// Whether anything is asked for but states.
    fn is_plain(&self) -> bool {
        !self.query.has_terms() && self.scope == Scope::All
    }
}

/// Whether nothing can be in a scope.
fn is_empty(scope: &Scope) -> bool {
    match scope {
        Scope::All => false,
        Scope::Unit { suffix } => suffix.is_empty(),
        Scope::Entries(names) => names.is_empty(),
    }
}

impl Count {
    /// Together with so many others.
    fn and(self, others: Self) -> Self {
        let (one, other) = match (self, others) {
            (Self::MoreThan(_), _) | (_, Self::MoreThan(_)) => return Self::MoreThan(COUNTED),
            (Self::Exact(one) | Self::AtLeast(one), Self::Exact(other) | Self::AtLeast(other)) => {
                (one, other)
            }
        };
        let is_exact = matches!((self, others), (Self::Exact(_), Self::Exact(_)));
        match one + other {
            sum if sum > COUNTED => Self::MoreThan(COUNTED),
            sum if is_exact => Self::Exact(sum),
            sum => Self::AtLeast(sum),
        }
    }

    fn of(found: i64) -> Self {
        match u64::try_from(found).unwrap_or_default() {
            found if found > COUNTED => Self::MoreThan(COUNTED),
            found => Self::Exact(found),
        }
    }
}

impl Store {
    /// One page of what matches.
    pub async fn search(&self, search: &Search) -> Result<Found, StoreError> {
        let failed = |cause| StoreError::Search { cause };
        if is_empty(&search.scope) {
            return Ok(Found::none());
        }
        let states = search.query.states();
        if search.is_plain() {
            let lines = self.list(&filter(search, &states)).await?;
            return Ok(Found::page(lines, search.limit));
        }
        let (mut places, mut is_cut) = (Vec::new(), false);
        let has_terms = search.query.has_terms();
        if !has_terms {
            // First: what is outlined meanwhile is found twice, and not missed.
            let looked = self.unlisted(search).await.map_err(failed)?;
            (places, is_cut) = (looked.places, looked.is_cut);
        }
        places.extend(self.places(search).await.map_err(failed)?);
        if !has_terms {
            put_in_order(&mut places, search);
        }
        let next = next_page(&places, search.limit);
        let mut lines = self.lines(&places).await.map_err(failed)?;
        lines.retain(|line| states.contains(&line.state));
        Ok(Found {
            lines,
            next,
            is_cut,
        })
    }

    /// How many match, counted up to [`COUNTED`]. What is not outlined yet is not among them where
    /// there are terms.
    pub async fn count(&self, search: &Search) -> Result<Count, StoreError> {
        let failed = |cause| StoreError::Search { cause };
        if is_empty(&search.scope) {
            return Ok(Count::Exact(0));
        }
        let most = i64::try_from(COUNTED).unwrap_or(i64::MAX);
        let counted = if search.is_plain() {
            let states = conditions::words(&search.query.states());
            self.in_states(&states, most).await.map(Count::of)
        } else if search.query.has_terms() {
            self.number(search, most).await.map(Count::of)
        } else {
            let asked = (self.number(search, most), self.n_unlisted_of(search));
            let found = tokio::try_join!(asked.0, asked.1);
            found.map(|(listed, unlisted)| Count::of(listed).and(unlisted))
        };
        counted.map_err(failed)
    }
}

impl Found {
    /// Nothing at all.
    pub fn none() -> Self {
        Self {
            lines: Vec::new(),
            next: None,
            is_cut: false,
        }
    }

    fn page(lines: Vec<Line>, limit: u32) -> Self {
        let places: Vec<Position> = lines.iter().map(Line::position).collect();
        Self {
            next: next_page(&places, limit),
            lines,
            is_cut: false,
        }
    }
}

fn next_page(places: &[Position], limit: u32) -> Option<Position> {
    let is_full = u32::try_from(places.len()).is_ok_and(|found| found >= limit);
    places.last().copied().filter(|_| is_full)
}

fn put_in_order(places: &mut Vec<Position>, search: &Search) {
    places.sort_by_key(|place| (place.captured_at, place.capture_id.uuid()));
    places.dedup();
    match search.order {
        Order::OldestFirst => {}
        Order::NewestFirst => places.reverse(),
    }
    places.truncate(usize::try_from(search.limit).unwrap_or(usize::MAX));
}

fn filter(search: &Search, states: &[State]) -> Filter {
    Filter {
        states: states.to_vec(),
        instance: None,
        order: search.order,
        after: search.after,
        limit: search.limit,
    }
}
