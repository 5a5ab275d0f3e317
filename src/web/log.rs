//! The record as a page: who did what, newest first, or with one message. Never content of a mail.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    Desk, clock,
    error::WebError,
    fields::{Asks, At, Named},
    guard::Seat,
    look::Look,
    pane::timeline::{self, Notes},
    paths,
    tables::{self, Said},
    view::Value,
    words::Words,
};
use crate::domain::{audit::Entry, capture_id::CaptureId, rights::Act};

/// Entries on one page.
const PAGE: u32 = 100;

/// What the page is asked with.
#[derive(Deserialize)]
pub struct Asked {
    after: Option<i64>,
}

/// The record.
pub async fn show(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    Asks(asked): Asks<Asked>,
) -> Result<Response, WebError> {
    seat.allow(&desk, Act::SeeLog).await?;
    seat.look(&desk, &Look::Record, None).await?;
    let entries = desk.store.audit_page(asked.after, PAGE).await?;
    let is_full = u32::try_from(entries.len()).is_ok_and(|found| found >= PAGE);
    let last = entries.last().map(|sealed| sealed.entry.seq);
    let frame = seat.frame(&desk);
    let said = Said {
        title: "place-log",
        purpose: "log-purpose",
        head: [
            "column-number",
            "column-when",
            "column-who",
            "column-what",
            "column-message",
            "column-where",
            "column-detail",
        ],
        rows: entries
            .iter()
            .map(|sealed| row(&frame.words, &sealed.entry))
            .collect(),
        next: last.filter(|_| is_full).map(paths::log_after),
    };
    tables::answer(frame, said)
}

fn row(words: &Words, entry: &Entry) -> Vec<Value> {
    let event = &entry.event;
    let client = event.client.map(|address| address.to_string());
    let who = match &event.os_user {
        Some(user) => format!("{} ({user})", event.actor),
        None => event.actor.clone(),
    };
    let message = event.capture_id.map(message);
    vec![
        Value::text(&entry.seq.to_string()),
        Value::text(&clock::for_people(entry.at)),
        Value::text(&who),
        Value::text(&words.say(&format!("kind-{}", event.kind.as_str()))),
        message.unwrap_or_default(),
        Value::text(&client.unwrap_or_else(|| event.via.as_str().to_owned())),
        Value::text(&event.detail),
    ]
}

/// A message by its name, which leads to all that was done with it.
fn message(id: CaptureId) -> Value {
    let id = id.to_string();
    Value::text(&id).leading_to(paths::timeline(&id))
}

/// All that was done with one message.
pub async fn timeline(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    At(Named(id)): At<Named>,
) -> Result<Response, WebError> {
    let (review, _) = seat.message(&desk, Act::SeeTimeline, id, None).await?;
    seat.look(&desk, &Look::Timeline, Some(id)).await?;
    let entries = desk.store.audit_of(id).await?;
    let frame = seat.frame(&desk);
    let moments = timeline::of(&frame.words, &review, &entries, Notes::Hidden);
    let said = Said {
        title: "timeline",
        purpose: "timeline-purpose",
        head: ["column-when", "column-what"],
        rows: moments
            .into_iter()
            .map(|moment| vec![Value::text(&moment.at_shown), Value::of(moment.text)])
            .collect(),
        next: None,
    };
    tables::answer(frame, said)
}
