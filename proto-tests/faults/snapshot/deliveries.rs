//! What the receiver has.

use std::{collections::BTreeSet, time::Instant};

use chrono::{DateTime, TimeDelta, Utc};
use mailhold::domain::queue_id::QueueId;
use serde::{Deserialize, Serialize};

use super::super::{canary::Canary, imprint::Imprint};
use crate::lab::{
    program::text,
    sink::{Delivered, Sink},
};

/// The most of a bounce that its own part takes; the returned message comes behind it.
const REPORT_BYTES: usize = 65_536;
/// What a bounce calls the message that it returns (`bounce_header_dsn` in
/// `src/bounce/bounce_notify_util.c`).
const RETURNED: &str = "X-Postfix-Queue-ID: ";

/// One message as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The envelope sender; empty for a bounce.
    pub sender: String,
    /// The envelope recipients.
    pub recipients: Vec<String>,
    /// When its last line arrived.
    pub at: DateTime<Utc>,
    /// The queue IDs that Postfix had for it, the newest first, by its trace fields.
    pub queue_ids: Vec<String>,
    /// Of a bounce: the queue ID of the message that it returns.
    pub returns: Option<String>,
    /// Whose parts are in it.
    pub canaries: BTreeSet<Canary>,
    /// The content without Postfix's trace fields.
    pub imprint: Imprint,
}

impl Delivery {
    /// Whether it tells a sender that a message was not delivered.
    pub fn is_bounce(&self) -> bool {
        self.sender.is_empty()
    }
}

/// Everything that a sink has.
pub fn read(sink: &Sink) -> Vec<Delivery> {
    let (now, clock) = (Instant::now(), Utc::now());
    let kept = sink.messages_after(0);
    let read = |delivered: &Delivered| {
        let ago = TimeDelta::from_std(now.saturating_duration_since(delivered.at));
        delivery(delivered, clock - ago.unwrap_or_default())
    };
    kept.iter().map(|delivered| read(delivered)).collect()
}

fn delivery(delivered: &Delivered, at: DateTime<Utc>) -> Delivery {
    let without_trace = delivered.without_trace();
    let trace = &delivered.content[..delivered.content.len() - without_trace.len()];
    let report = &delivered.content[..delivered.content.len().min(REPORT_BYTES)];
    let returns = || {
        let report = text(report);
        let (_, rest) = report.split_once(RETURNED)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let sender = delivered.sender().to_owned();
    Delivery {
        returns: sender.is_empty().then(returns).flatten(),
        sender,
        recipients: delivered
            .recipients()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        at,
        queue_ids: queue_ids(&text(trace)),
        canaries: Canary::all_in(&delivered.content),
        imprint: Imprint::of(without_trace),
    }
}

/// The words behind `id` in trace fields that are long queue IDs.
fn queue_ids(trace: &str) -> Vec<String> {
    let words: Vec<&str> = trace.split_whitespace().collect();
    let pairs = words.windows(2).filter(|pair| pair[0] == "id");
    let named = pairs.filter_map(|pair| pair[1].trim_end_matches(';').parse::<QueueId>().ok());
    named.map(|id| id.to_string()).collect()
}
