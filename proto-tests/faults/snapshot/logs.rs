//! What Postfix and mailhold logged. A second reading of Postfix's log, beside the worker's own.

use std::{fs, path::Path};

use mailhold::domain::queue_id::QueueId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    super::{canary::Canary, ledger::Act},
    Snapshot,
};
use crate::lab::program::text;

/// One line that a process of mailhold wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Which process.
    pub role: String,
    /// `INFO` and so on; empty where the line is no event.
    pub level: String,
    /// The event's name.
    pub event: String,
    /// The whole line.
    pub text: String,
}

/// One line of `postsuper` in Postfix's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The message.
    pub queue_id: String,
    /// What was done. A return is logged as [`Act::Expire`] and then [`Act::Release`].
    pub act: Act,
}

/// All lines of one process.
pub fn ours(role: &str, path: &Path) -> Vec<LogLine> {
    let log = fs::read(path).unwrap_or_default();
    let line = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        let word = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        LogLine {
            role: role.to_owned(),
            level: word("level"),
            event: word("event"),
            text: line.to_owned(),
        }
    };
    text(&log).lines().map(line).collect()
}

/// What Postfix's log tells.
pub fn postfix(path: &Path, snapshot: &mut Snapshot) {
    let log = text(&fs::read(path).unwrap_or_default());
    for line in log.lines() {
        let Some((program, id, said)) = parts(line) else {
            continue;
        };
        match program {
            "postsuper" => {
                let act = act(said);
                let queue_id = id.to_string();
                snapshot
                    .moved
                    .extend(act.map(|act| Moved { queue_id, act }));
            }
            "pickup" => {
                if let Some((_, old)) = said.split_once("orig_id=") {
                    let old = old.split_whitespace().next().unwrap_or_default();
                    snapshot.requeued.insert(id.to_string(), old.to_owned());
                }
            }
            "cleanup" if said.starts_with("message-id=") => {
                let canary = Canary::all_in(said.as_bytes()).into_iter().next();
                let named = canary.map(|canary| (id.to_string(), canary));
                snapshot.messages.extend(named);
            }
            _ => {}
        }
    }
}

/// `Nov 26 14:02:53 host name/program[17]: ID: said`.
fn parts(line: &str) -> Option<(&str, QueueId, &str)> {
    let (head, rest) = line.split_once("]: ")?;
    let (head, _) = head.rsplit_once('[')?;
    let program = head.rsplit(['/', ' ']).next()?;
    let (id, said) = rest.split_once(": ")?;
    Some((program, id.parse().ok()?, said))
}

fn act(said: &str) -> Option<Act> {
    match said.trim_end() {
        "placed on hold" => Some(Act::Hold),
        "released from hold" => Some(Act::Release),
        "removed" => Some(Act::Remove),
        "requeued" => Some(Act::Requeue),
        "expired" => Some(Act::Expire),
        _ => None,
    }
}
