//! What an administrator sees: what waits, strays, and the settings in force. Never content of a mail.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::Response};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{
    Desk, clock,
    error::WebError,
    guard::Seat,
    look::Look,
    sizes,
    tables::{self, Said},
    view::Value,
    words::Words,
};
use crate::{
    domain::{lifecycle, rights::Act},
    store::{
        figures::Waiting,
        reviews::{Filter, Order},
        strays::{RecordedStray, Shown},
    },
    telemetry::{AlarmKind, chain::Chain},
};

/// How long the directory may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What waits, and since when.
pub async fn show(State(desk): State<Arc<Desk>>, seat: Seat) -> Result<Response, WebError> {
    seat.allow(&desk, Act::SeeHealth).await?;
    let all = desk.store.figures_of_all().await?;
    let outlines = desk.store.outlines_due().await?;
    let now = Utc::now();
    let frame = seat.frame(&desk);
    let rows = [
        ("health-held", &all.held),
        ("health-captured", &all.unconfirmed),
        ("health-decided", &all.decided),
        ("health-outlines", &outlines),
    ];
    let said = Said {
        title: "place-health",
        purpose: "health-purpose",
        head: ["health-waiting", "column-number", "column-age"],
        rows: rows
            .map(|(name, waiting)| row(&frame.words, name, waiting, now))
            .into(),
        next: None,
    };
    tables::answer(frame, said)
}

fn row(words: &Words, name: &str, waiting: &Waiting, now: DateTime<Utc>) -> Vec<Value> {
    let since = waiting.oldest.map(|oldest| clock::age(words, now - oldest));
    vec![
        Value::text(&words.say(name)),
        Value::text(&waiting.count.to_string()),
        Value::text(&since.unwrap_or_default()),
    ]
}

/// Mail on hold that nobody captured.
pub async fn strays(State(desk): State<Arc<Desk>>, seat: Seat) -> Result<Response, WebError> {
    seat.allow(&desk, Act::SeeStrays).await?;
    seat.look(&desk, &Look::Strays, None).await?;
    let found = desk.store.strays(Shown::Standing, 200).await?;
    let frame = seat.frame(&desk);
    let row = |stray: &RecordedStray| {
        vec![
            Value::text(stray.stray.queue_id.as_str()),
            Value::text(stray.instance.as_str()),
            Value::text(&clock::for_people(stray.stray.arrived_at)),
            Value::text(&sizes::shown(&frame.words, stray.stray.size_bytes)),
        ]
    };
    let said = Said {
        title: "place-strays",
        purpose: "strays-purpose",
        head: [
            "column-queue-id",
            "column-instance",
            "column-when",
            "column-size",
        ],
        rows: found.iter().map(row).collect(),
        next: None,
    };
    tables::answer(frame, said)
}

/// The settings in force.
pub async fn settings(State(desk): State<Arc<Desk>>, seat: Seat) -> Result<Response, WebError> {
    seat.allow(&desk, Act::SeeSettings).await?;
    let shown = desk.settings.shown.iter();
    let said = Said {
        title: "place-settings",
        purpose: "settings-purpose",
        head: ["column-setting", "column-value"],
        rows: shown
            .map(|(name, value)| vec![Value::text(name), Value::text(value)])
            .collect(),
        next: None,
    };
    tables::answer(seat.frame(&desk), said)
}

/// A message that waits too long is an alarm; it stays held.
pub async fn look_for_late(desk: &Desk) {
    let oldest = Filter {
        states: vec![lifecycle::State::Held],
        instance: None,
        order: Order::OldestFirst,
        after: None,
        limit: 1,
    };
    let found = match desk.store.list(&oldest).await {
        Ok(found) => found,
        Err(error) => {
            let text = Chain(&error).to_string();
            return desk.alarms.raise(AlarmKind::StoreUnreachable, &text);
        }
    };
    desk.alarms.clear(AlarmKind::StoreUnreachable);
    let oldest = found.first().map(|line| line.captured_at);
    let late = oldest.filter(|oldest| Utc::now() - *oldest >= desk.settings.due_after);
    match late {
        Some(oldest) => {
            let text = format!("the oldest waits since {}", clock::for_people(oldest));
            desk.alarms.raise(AlarmKind::ReviewDue, &text);
        }
        None => desk.alarms.clear(AlarmKind::ReviewDue),
    }
}

/// Nobody can sign in while nobody can be asked who they are.
pub async fn look_for_directory(desk: &Desk) {
    match desk.sign_in.probe(Instant::now() + PATIENCE).await {
        Ok(()) => desk.alarms.clear(AlarmKind::DirectoryUnreachable),
        Err(error) => {
            let text = Chain(&error).to_string();
            desk.alarms.raise(AlarmKind::DirectoryUnreachable, &text);
        }
    }
}
