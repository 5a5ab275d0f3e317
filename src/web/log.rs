//! The record as a page: who did what, newest first. Never content of a mail.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{
    Desk, clock,
    error::WebError,
    guard::Seat,
    page::{self, Frame},
    paths,
    view::{Table, Value},
    words::Words,
};
use crate::domain::{audit::Entry, rights::Act};

/// Entries on one page.
const PAGE: u32 = 100;

/// A page of tables.
#[derive(Template)]
#[template(path = "table.html", config = "src/web/askama.toml")]
pub struct Page {
    /// What stands around it.
    pub frame: Frame,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// The tables.
    pub tables: Vec<Table>,
    /// The next page.
    pub next: Option<String>,
}

/// What the page is asked with.
#[derive(Deserialize)]
pub struct Asked {
    after: Option<i64>,
}

/// The record.
pub async fn show(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    Query(asked): Query<Asked>,
) -> Result<Response, WebError> {
    seat.allow(&desk, Act::SeeLog).await?;
    let entries = desk.store.audit_page(asked.after, PAGE).await?;
    let is_full = u32::try_from(entries.len()).is_ok_and(|found| found >= PAGE);
    let last = entries.last().map(|sealed| sealed.entry.seq);
    let frame = seat.frame(&desk);
    let words = &frame.words;
    let head = [
        "column-number",
        "column-when",
        "column-who",
        "column-what",
        "column-message",
        "column-where",
        "column-detail",
    ];
    let table = Table {
        name: words.say("place-log"),
        head: head.map(|name| words.say(name)).into(),
        rows: entries
            .iter()
            .map(|sealed| row(words, &sealed.entry))
            .collect(),
    };
    let page = Page {
        title: words.say("place-log"),
        purpose: words.say("log-purpose"),
        tables: vec![table],
        next: last.filter(|_| is_full).map(paths::log_after),
        frame,
    };
    page::render(StatusCode::OK, &page)
}

fn row(words: &Words, entry: &Entry) -> Vec<Value> {
    let event = &entry.event;
    let message = event.capture_id.map(|id| id.to_string());
    let client = event.client.map(|address| address.to_string());
    let who = match &event.os_user {
        Some(user) => format!("{} ({user})", event.actor),
        None => event.actor.clone(),
    };
    let cells = [
        entry.seq.to_string(),
        clock::for_people(entry.at),
        who,
        words.say(&format!("kind-{}", event.kind.as_str())),
        message.unwrap_or_default(),
        client.unwrap_or_else(|| event.via.as_str().to_owned()),
        event.detail.clone(),
    ];
    cells.iter().map(|cell| Value::text(cell)).collect()
}
