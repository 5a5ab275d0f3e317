//! The conditions of a search in SQL, true of exactly what matches. Every value is bound.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::{Postgres, QueryBuilder};

use crate::domain::{
    grams::folded,
    lifecycle::State,
    query::{Query, Sense, Term, Thing, What, is_waiting},
    scope::Scope,
};

use super::Search;

/// Which of the two tables a search reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// What can still be decided.
    Waiting,
    /// All that is listed.
    All,
}

impl Table {
    /// The smallest one that has all that is asked for.
    pub(super) fn of(states: &[State]) -> Self {
        match states.iter().all(|state| is_waiting(*state)) {
            true => Self::Waiting,
            false => Self::All,
        }
    }

    /// Whether every message of the table is in one of these states.
    pub(super) fn has_no_other(self, states: &[State]) -> bool {
        State::all().iter().all(|state| match self {
            Self::Waiting => !is_waiting(*state) || states.contains(state),
            Self::All => states.contains(state),
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "listing_waiting",
            Self::All => "listing",
        }
    }
}

/// The words of states as they are bound.
pub(super) fn words(states: &[State]) -> Vec<String> {
    states
        .iter()
        .map(|state| state.as_str().to_owned())
        .collect()
}

/// Adds all that must be true of a row `l`.
pub(super) fn add(sql: &mut QueryBuilder<Postgres>, search: &Search) {
    sql.push("true");
    for Term { sense, what } in search.query.terms() {
        // States are one condition for all of them.
        if matches!(what, What::State(_)) {
            continue;
        }
        sql.push(match sense {
            Sense::Must => " and (",
            Sense::MustNot => " and not (",
        });
        add_term(sql, what);
        sql.push(")");
    }
    add_states(sql, &search.query.states());
    add_scope(sql, &search.scope);
}

fn add_term(sql: &mut QueryBuilder<Postgres>, what: &What) {
    match what {
        What::Text(text) => holds(sql, "l.texts", folded(text)),
        What::From(text) => holds(sql, "split_part(l.texts, chr(30), 1)", folded(text)),
        What::To(text) => holds(sql, "split_part(l.texts, chr(30), 2)", folded(text)),
        What::Subject(text) => holds(sql, "split_part(l.texts, chr(30), 3)", folded(text)),
        What::Domain(domain) => {
            let domain = folded(domain);
            for (position, text) in ["@", "."].iter().enumerate() {
                sql.push(if position > 0 { " or " } else { "" });
                let end = format!("{text}{domain}\n");
                holds(sql, "split_part(l.texts, chr(30), 1)", end.clone());
                sql.push(" or ");
                holds(sql, "split_part(l.texts, chr(30), 2)", end);
            }
        }
        What::Has(Thing::Attachment) => {
            sql.push("l.n_attachments > 0");
        }
        What::Has(Thing::Html) => {
            sql.push("l.has_html");
        }
        What::Has(Thing::Image) => {
            sql.push("l.has_image");
        }
        What::Has(Thing::Doubt) => {
            sql.push("l.is_doubtful");
        }
        What::Larger(bytes) => {
            sql.push("l.size_bytes >= ").push_bind(size(*bytes));
        }
        What::Smaller(bytes) => {
            sql.push("l.size_bytes < ").push_bind(size(*bytes));
        }
        What::Before(day) => {
            sql.push("l.captured_at < ").push_bind(begin(*day));
        }
        What::After(day) => {
            sql.push("l.captured_at >= ").push_bind(begin(*day));
        }
        What::State(_) => {}
    }
}

fn holds(sql: &mut QueryBuilder<Postgres>, column: &str, part: String) {
    sql.push("strpos(").push(column).push(", ").push_bind(part);
    sql.push(") > 0");
}

fn add_states(sql: &mut QueryBuilder<Postgres>, states: &[State]) {
    let table = Table::of(states);
    match table {
        // No row of the table is in another state.
        _ if table.has_no_other(states) => {}
        Table::Waiting => {
            sql.push(" and l.state = any(")
                .push_bind(words(states))
                .push(")");
        }
        Table::All => {
            sql.push(" and exists (select from capture c where c.capture_id = l.capture_id and c.state = any(");
            sql.push_bind(words(states)).push("))");
        }
    }
}

/// The end of a folded name is an entry above it (`domain::person::folded_entry`).
fn add_scope(sql: &mut QueryBuilder<Postgres>, scope: &Scope) {
    match scope {
        Scope::All => {}
        Scope::Entries(names) => {
            let names: Vec<String> = names.iter().cloned().collect();
            sql.push(" and l.entry = any(").push_bind(names).push(")");
        }
        Scope::Unit { suffix } => {
            sql.push(" and right(l.entry, length(")
                .push_bind(suffix.clone())
                .push(")) = ")
                .push_bind(suffix.clone());
        }
    }
}

/// Adds the times between which everything was captured that the query asks for, of a row of any name.
pub(super) fn add_times_of(sql: &mut QueryBuilder<Postgres>, query: &Query, row: &str) {
    for Term { sense, what } in query.terms() {
        let (compare, day) = match (sense, what) {
            (Sense::Must, What::Before(day)) => ("<", day),
            (Sense::Must, What::After(day)) => (">=", day),
            (
                Sense::Must | Sense::MustNot,
                What::Text(_)
                | What::From(_)
                | What::To(_)
                | What::Domain(_)
                | What::Subject(_)
                | What::Has(_)
                | What::Larger(_)
                | What::Smaller(_)
                | What::State(_),
            )
            | (Sense::MustNot, What::Before(_) | What::After(_)) => continue,
        };
        sql.push(format!(" and {row}.captured_at {compare} "));
        sql.push_bind(begin(*day));
    }
}

fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn begin(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
