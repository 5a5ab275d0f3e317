//! The list of strays, for people and for programs.

use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{
    cli::{
        plain::cut,
        reviews::{
            table::{Side, age, aligned},
            text::size,
        },
    },
    store::strays::RecordedStray,
};

const TITLES: [&str; 6] = ["QUEUE ID", "INSTANCE", "AGE", "SIZE", "STATE", "BY"];

/// Writes the list as a table.
pub fn table(out: &mut impl Write, strays: &[RecordedStray], now: DateTime<Utc>) -> io::Result<()> {
    let titles = std::iter::once(TITLES.map(str::to_owned));
    let rows = strays.iter().map(|one| {
        let adoption = one.adoption.as_ref();
        [
            one.stray.queue_id.to_string(),
            one.instance.to_string(),
            age(now - one.stray.arrived_at),
            size(one.stray.size_bytes),
            state(one),
            adoption.map_or_else(String::new, |adoption| cut(&adoption.administrator, 32)),
        ]
    });
    aligned(
        out,
        [Side::Left; 6],
        &titles.chain(rows).collect::<Vec<_>>(),
    )
}

fn state(one: &RecordedStray) -> String {
    if let Some((end, _)) = &one.ended {
        return end.clone();
    }
    match &one.adoption {
        None => "stray".to_owned(),
        Some(adoption) => match &adoption.last_failure {
            None => "to be captured".to_owned(),
            Some(reason) => cut(reason, 60),
        },
    }
}

/// One stray for programs.
pub fn json(one: &RecordedStray) -> Value {
    let adoption = one.adoption.as_ref().map(|adoption| {
        json!({
            "administrator": adoption.administrator,
            "os_user": adoption.os_user,
            "note": adoption.note,
            "adopted_at": adoption.adopted_at,
            "capture_id": adoption.capture_id.map(|id| id.to_string()),
            "last_failure": adoption.last_failure,
        })
    });
    json!({
        "instance": one.instance.as_str(),
        "queue_id": one.stray.queue_id.as_str(),
        "arrived_at": one.stray.arrived_at,
        "size_bytes": one.stray.size_bytes,
        "found_at": one.found_at,
        "ended": one.ended.as_ref().map(|(end, _)| end),
        "ended_at": one.ended.as_ref().map(|(_, at)| at),
        "adoption": adoption,
    })
}
