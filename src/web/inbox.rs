//! The inbox: the list on the left, the message on the right. All that it shows follows from its
//! address, so that it can be sent to somebody else.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query as Asks, State},
    http::StatusCode,
    response::{Redirect, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{
    Desk,
    error::WebError,
    guard::Seat,
    lines::{self, Line},
    page::{self, Frame},
    pane::{Known, Pane, Place, Raw, Tab},
    paths::Inbox,
    view::Block,
    words::Words,
};
use crate::{
    domain::{
        audit::AuditKind,
        capture_id::CaptureId,
        query::{Fault, FaultKind, Query},
        rights::{Act, DeskRole},
    },
    store::{
        listing::{Count, Found, Search},
        outlines::Standing,
        reviews::{Position, Review},
    },
};

/// As much of a message is shown as it was captured.
const RAW_SHOWN_BYTES: usize = 1_024 * 1_024;

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
    /// What was just done.
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
    lines: Vec<Line>,
    first: Option<String>,
    next: Option<String>,
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
    answer(&desk, &seat, StatusCode::OK, &asked, None).await
}

/// The page. `told` is what was just done with a message, if something was.
pub async fn answer(
    desk: &Desk,
    seat: &Seat,
    status: StatusCode,
    asked: &Asked,
    told: Option<String>,
) -> Result<Response, WebError> {
    let now = Utc::now();
    let frame = seat.frame(desk);
    let (query, faults) = match Query::parse(&asked.q) {
        Ok(query) => (Some(query), Vec::new()),
        Err(faults) => (None, faults),
    };
    let status = match faults.is_empty() {
        true => status,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    };
    // The list does not wait for the message, nor the message for the list.
    let (listed, open) = tokio::try_join!(
        list(desk, seat, asked, query),
        open(desk, seat, asked.at.as_deref(), asked),
    )?;
    let words = &frame.words;
    let pane = open
        .as_ref()
        .map(|open| open.pane(desk, seat, words, asked, told, now));
    let here = asked.at.as_deref();
    let view = lines::View {
        words,
        house: &desk.settings.house,
        due_after: desk.settings.due_after,
        now,
        query: &asked.q,
        after: asked.after.as_deref(),
        here,
    };
    let page = Page {
        query: asked.q.clone(),
        faults: faults
            .iter()
            .map(|fault| words.say_of(message(fault), &fault.term))
            .collect(),
        chips: lines::chips(words, &asked.q),
        heading: heading(words, listed.count),
        unlisted: listed.n_unlisted.map(|n| words.count("list-unlisted", n)),
        lines: listed
            .found
            .lines
            .iter()
            .map(|line| view.line(line))
            .collect(),
        first: asked.after.as_ref().map(|_| beginning_of(&asked.q, None)),
        next: listed
            .found
            .next
            .map(|next| beginning_of(&asked.q, Some(&spelt(next)))),
        pane,
        frame,
    };
    page::render(status, &page)
}

/// What stands in the list.
struct Listed {
    found: Found,
    count: Count,
    n_unlisted: Option<u64>,
}

impl Default for Listed {
    fn default() -> Self {
        Self {
            found: Found {
                lines: Vec::new(),
                next: None,
            },
            count: Count::Exact(0),
            n_unlisted: None,
        }
    }
}

async fn list(
    desk: &Desk,
    seat: &Seat,
    asked: &Asked,
    query: Option<Query>,
) -> Result<Listed, WebError> {
    let Some(query) = query else {
        return Ok(Listed::default());
    };
    // With a message open, the entry of its view tells the search.
    if query.has_terms() && asked.at.is_none() {
        seat.record(desk, AuditKind::Searched, None, &query.to_string())
            .await?;
    }
    let has_terms = query.has_terms();
    let mut search = Search::new(query, seat.principal().scope.clone());
    search.after = asked.after.as_deref().and_then(place);
    let (mut found, count) =
        tokio::try_join!(desk.store.search(&search), desk.store.count(&search))?;
    found.lines = seat.visible(desk, found.lines).await?;
    let n_unlisted = match has_terms {
        true => match desk.store.n_unlisted().await? {
            Count::Exact(n) | Count::MoreThan(n) => Some(n).filter(|n| *n > 0),
        },
        false => None,
    };
    Ok(Listed {
        found,
        count,
        n_unlisted,
    })
}

/// A message that is open.
struct Open {
    review: Review,
    outline: Standing,
    raw: Option<Raw>,
    entries: Vec<crate::domain::audit::Entry>,
}

/// Opens a message, and puts it on record before anything of it is shown.
async fn open(
    desk: &Desk,
    seat: &Seat,
    id: Option<&str>,
    asked: &Asked,
) -> Result<Option<Open>, WebError> {
    let Some(id) = id else {
        return Ok(None);
    };
    let id = super::content::named(id)?;
    let (review, outline) = seat.message(desk, Act::View, id).await?;
    seat.record(desk, AuditKind::Viewed, Some(id), &asked.q)
        .await?;
    let entries = desk.store.audit_of(id).await?;
    let tab = asked.tab.as_deref().and_then(Tab::named);
    let raw = match tab.unwrap_or_else(|| Tab::first(&outline)) {
        Tab::Raw => Some(beginning(desk, id).await?),
        Tab::Text | Tab::Html | Tab::Header | Tab::Structure => None,
    };
    Ok(Some(Open {
        raw,
        review,
        outline,
        entries: entries.into_iter().map(|sealed| sealed.entry).collect(),
    }))
}

async fn beginning(desk: &Desk, id: CaptureId) -> Result<Raw, WebError> {
    let mut content = desk.store.content(id);
    let first = content.next_chunk().await?.unwrap_or_default();
    let is_cut = first.len() >= RAW_SHOWN_BYTES && content.next_chunk().await?.is_some();
    Ok(Raw {
        bytes: first.to_vec(),
        is_cut,
    })
}

impl Open {
    fn pane(
        &self,
        desk: &Desk,
        seat: &Seat,
        words: &Words,
        asked: &Asked,
        told: Option<String>,
        now: DateTime<Utc>,
    ) -> Pane {
        let id = self.review.capture.id;
        let known = Known {
            review: &self.review,
            outline: &self.outline,
            entries: &self.entries,
            raw: self.raw.as_ref(),
            house: &desk.settings.house,
            due_after: TimeDelta::from_std(desk.settings.due_after).unwrap_or(TimeDelta::MAX),
        };
        let place = Place {
            query: &asked.q,
            after: asked.after.as_deref(),
            tab: asked.tab.as_deref().and_then(Tab::named),
            told: told.or_else(|| {
                asked
                    .told
                    .as_deref()
                    .and_then(|word| lines::told(words, word))
            }),
            token: Some(seat.session.form_token(&super::decide::act(id))),
            now,
        };
        Pane::new(words, &seat.visitor.taste.preferences, &known, &place)
    }
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
        Count::MoreThan(n) => words.count("list-count-more", n),
    }
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

/// A place in the list as it stands in an address.
pub fn spelt(place: Position) -> String {
    let micros = place.captured_at.timestamp_micros();
    format!("{micros}.{}", place.capture_id)
}

/// The place that an address names; what is none is the beginning.
fn place(text: &str) -> Option<Position> {
    let (micros, id) = text.split_once('.')?;
    Some(Position {
        captured_at: DateTime::from_timestamp_micros(micros.parse().ok()?)?,
        capture_id: id.parse().ok()?,
    })
}
