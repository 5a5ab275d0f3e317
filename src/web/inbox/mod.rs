//! The inbox: the list on the left, the message on the right. All that it shows follows from its
//! address, so that it can be sent to somebody else.

mod list;
mod open;

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::State,
    http::StatusCode,
    response::{Redirect, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use self::{
    list::{Listed, list, spelt},
    open::open,
};
use super::{
    Desk,
    error::WebError,
    fields::Asks,
    guard::{Seat, Subject},
    lines::{self, Line},
    look::Look,
    page::{self, Frame},
    pane::Pane,
    paths::Inbox,
    view::{Block, Piece, pieces},
    words::Words,
};
use crate::{
    domain::{
        decision::Decision,
        query::{Fault, FaultKind, Query},
        rights::{Act, DeskRole},
    },
    store::{
        decisions::Via,
        listing::{Count, Found},
    },
};

/// A decision is told as done for as long as this.
const JUST_NOW: TimeDelta = TimeDelta::minutes(1);

/// What the page is asked with.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    /// The search.
    #[serde(default)]
    pub q: String,
    /// The open message.
    pub at: Option<String>,
    /// Its tab.
    pub tab: Option<String>,
    /// Where the page of the list begins.
    pub after: Option<String>,
    /// The message that was just decided.
    pub told: Option<String>,
}

#[derive(Template)]
#[template(path = "inbox.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    query: String,
    faults: Vec<String>,
    chips: Vec<lines::Chip>,
    heading: String,
    unlisted: Option<String>,
    is_cut: bool,
    lines: Vec<Line>,
    first: Option<String>,
    next: Option<String>,
    told: Option<Vec<Piece>>,
    pane: Option<Pane>,
}

/// Everybody begins at the first place that is theirs.
pub async fn start(seat: Seat) -> Redirect {
    let places = [
        (DeskRole::Reviewer, "/inbox"),
        (DeskRole::Auditor, "/log"),
        (DeskRole::Administrator, "/health"),
    ];
    let roles = &seat.principal().roles;
    let found = places.iter().find(|(role, _)| roles.contains(role));
    Redirect::to(found.map_or("/preferences", |(_, path)| path))
}

/// The list, perhaps with one message open.
pub async fn show(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    Asks(asked): Asks<Asked>,
) -> Result<Response, WebError> {
    seat.allow(&desk, Act::List).await?;
    let status = match Query::parse(&asked.q) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    answer(&desk, &seat, status, &asked, Beside::default()).await
}

/// What is known beside what was asked for.
#[derive(Default)]
pub struct Beside {
    /// What was just done with a message.
    pub told: Option<String>,
    /// The message that is to be open.
    pub known: Option<Subject>,
}

/// The page. The status is that of what was done, whatever the search is.
pub async fn answer(
    desk: &Desk,
    seat: &Seat,
    status: StatusCode,
    asked: &Asked,
    beside: Beside,
) -> Result<Response, WebError> {
    let now = Utc::now();
    let frame = seat.frame_at(desk, "/inbox");
    let (query, faults) = match Query::parse(&asked.q) {
        Ok(query) => (Some(query), Vec::new()),
        Err(faults) => (None, faults),
    };
    let look = Look::beside(query.as_ref());
    // The list does not wait for the message, nor the message for the list.
    let (listed, open, decided) = tokio::join!(
        list(desk, seat, asked, query),
        open(desk, seat, asked, &look, beside.known),
        just_decided(desk, seat, asked.told.as_deref(), now),
    );
    // A refusal is on record by now, whatever became of the list.
    let (open, listed, decided) = (open?, listed?, decided?);
    let words = &frame.words;
    let pane = open
        .as_ref()
        .map(|open| open.pane(desk, seat, words, asked, now));
    let told = beside.told.or_else(|| {
        let follows = follows(pane.is_some(), &listed, asked);
        Some(lines::told(words, decided?, follows))
    });
    let view = lines::View {
        words,
        house: &desk.settings.house,
        due_after: desk.settings.due_after,
        now,
        query: &asked.q,
        after: asked.after.as_deref(),
        here: asked.at.as_deref(),
    };
    let page = Page {
        query: asked.q.clone(),
        faults: faults
            .iter()
            .map(|fault| words.say_of(message(fault), &fault.term))
            .collect(),
        chips: lines::chips(words, &asked.q),
        heading: heading(words, listed.count),
        unlisted: unlisted(words, &listed),
        is_cut: listed.found.is_cut,
        lines: view.lines(&listed.found.lines),
        first: asked.after.as_ref().map(|_| beginning_of(&asked.q, None)),
        next: listed
            .found
            .next
            .map(|next| beginning_of(&asked.q, Some(&spelt(next)))),
        told: told.as_deref().map(pieces),
        pane,
        frame,
    };
    page::render(status, &page)
}

/// The message that says what comes after a decision, if anything can be said.
fn follows(has_pane: bool, listed: &Listed, asked: &Asked) -> Option<&'static str> {
    let Found {
        lines,
        next,
        is_cut,
    } = &listed.found;
    let is_empty = lines.is_empty() && next.is_none() && !is_cut;
    match (has_pane, is_empty && asked.after.is_none()) {
        (true, _) => Some("told-next"),
        (false, true) => Some("told-none-left"),
        (false, false) => None,
    }
}

/// What this person has decided here a moment ago on a message that the address names. The address alone
/// tells nothing: anybody can make one.
async fn just_decided(
    desk: &Desk,
    seat: &Seat,
    id: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Option<Decision>, WebError> {
    let Some(id) = id.and_then(|id| id.parse().ok()) else {
        return Ok(None);
    };
    let stands = desk.store.decision_of(id).await?;
    let mine = stands.filter(|stands| {
        stands.reviewer == seat.principal().login
            && stands.via == Via::Web
            && now - stands.decided_at < JUST_NOW
    });
    Ok(mine.map(|stands| stands.decision))
}

/// The list from a place on, without a message.
fn beginning_of(query: &str, after: Option<&str>) -> String {
    let list = Inbox {
        query,
        after,
        ..Inbox::default()
    };
    list.path()
}

fn heading(words: &Words, count: Count) -> String {
    match count {
        Count::Exact(n) => words.count("list-count", n),
        Count::AtLeast(n) => words.count("list-count-so-far", n),
        Count::MoreThan(n) => words.count("list-count-more", n),
    }
}

/// What is missing for not being taken apart yet: matches, or lines of the list.
fn unlisted(words: &Words, listed: &Listed) -> Option<String> {
    if listed.found.is_cut {
        return Some(words.say("list-cut"));
    }
    Some(match listed.n_unlisted? {
        Count::Exact(n) => words.count("list-unlisted", n),
        Count::AtLeast(n) => words.count("list-unlisted-at-least", n),
        Count::MoreThan(n) => words.count("list-unlisted-more", n),
    })
}

fn message(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::UnknownTerm => "query-unknown-term",
        FaultKind::NoValue => "query-no-value",
        FaultKind::BadDate => "query-bad-date",
        FaultKind::BadSize => "query-bad-size",
        FaultKind::UnknownState => "query-unknown-state",
        FaultKind::UnknownThing => "query-unknown-thing",
        FaultKind::OpenQuote => "query-open-quote",
        FaultKind::TooManyTerms => "query-too-many-terms",
        FaultKind::TooLong => "query-too-long",
    }
}
