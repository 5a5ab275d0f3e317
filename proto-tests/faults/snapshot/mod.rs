//! All that is found at one moment: at the receiver, in the queues, in the spool, in the database, in
//! the logs. Reads only, keeps digests instead of contents, and judges nothing.

mod database;
mod deliveries;
pub mod logs;
mod queues;
mod spool;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, BufReader, BufWriter, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    database::{Capture, Decision, Row, Settlement},
    deliveries::Delivery,
    logs::{LogLine, Moved},
    queues::QueueFile,
    spool::SpoolFile,
};
use super::canary::Canary;
use crate::lab::{
    postfix::Postfix,
    postgres::Database,
    role::{self, Role},
    sink::Sink,
};

/// Where to look.
pub struct Sources<'a> {
    /// The receiver of all mail.
    pub sink: &'a Sink,
    /// The mail server, whose name is the instance.
    pub postfix: &'a Postfix,
    /// The database.
    pub database: &'a Database,
    /// The milter's spool directory.
    pub spool: &'a Path,
    /// The processes of mailhold by a name, with their logs and figures.
    pub roles: &'a [(&'a str, &'a Role)],
    /// More logs of mailhold, by the process's name.
    pub logs: &'a [(&'a str, PathBuf)],
}

/// All that is found at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the look-out began.
    pub taken_at: DateTime<Utc>,
    /// What the receiver has, in the order of arrival.
    pub deliveries: Vec<Delivery>,
    /// What is in Postfix's queues.
    pub queue_files: Vec<QueueFile>,
    /// What is in the spool.
    pub spool_files: Vec<SpoolFile>,
    /// How many captures wait in the spool as the milter counts them; unknown without a milter.
    pub spool_waiting: Option<u64>,
    /// The captures.
    pub captures: Vec<Capture>,
    /// The decisions.
    pub decisions: Vec<Decision>,
    /// The settlements.
    pub settlements: Vec<Settlement>,
    /// The captures that a worker still has something to do for.
    pub work: BTreeSet<String>,
    /// The queue IDs that are recorded as strays, and have not ended.
    pub strays: BTreeSet<String>,
    /// Every row of every table but the contents.
    pub rows: Vec<Row>,
    /// What `postsuper` logged, in order.
    pub moved: Vec<Moved>,
    /// The new queue ID and the one before, of requeued messages.
    pub requeued: BTreeMap<String, String>,
    /// Which message each queue ID is, by the Message-ID in Postfix's log.
    pub messages: BTreeMap<String, Canary>,
    /// All lines that mailhold logged.
    pub log_lines: Vec<LogLine>,
    /// The figures of each process that answers.
    pub figures: BTreeMap<String, String>,
    /// What monitoring saw all the time, in order.
    pub looks: Vec<Look>,
}

/// What monitoring saw at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Before it looked.
    pub from: DateTime<Utc>,
    /// When it knew.
    pub to: DateTime<Utc>,
    /// What was at fault: the process with its alarm, or *away*. All is green where there is none.
    pub signs: BTreeSet<String>,
}

/// Reads everything. Let all be quiet before: what moves meanwhile is seen twice or not at all.
pub async fn take(sources: &Sources<'_>) -> Snapshot {
    let mut snapshot = Snapshot {
        taken_at: Utc::now(),
        ..Snapshot::default()
    };
    // A message moves from the queue to the receiver, so the queue comes first: on its way it is
    // rather seen twice than not at all.
    snapshot.queue_files = queues::read(&sources.postfix.queue_directory);
    snapshot.deliveries = deliveries::read(sources.sink);
    snapshot.spool_files = spool::read(sources.spool);
    database::read(sources.database, &mut snapshot).await;
    for (name, role) in sources.roles {
        snapshot.add_figures(name, role.metrics).await;
        snapshot
            .log_lines
            .extend(logs::ours(name, &role.log_path()));
    }
    for (name, path) in sources.logs {
        snapshot.log_lines.extend(logs::ours(name, path));
    }
    logs::postfix(&sources.postfix.log_path(), &mut snapshot);
    snapshot
}

/// Only the milter's is ever above 0.
fn waiting(figures: &str) -> Option<u64> {
    let figure = |line: &str| line.strip_prefix("mailhold_spool_waiting ")?.parse().ok();
    figures.lines().find_map(figure)
}

impl Snapshot {
    /// Adds what a process serves, if it answers.
    pub async fn add_figures(&mut self, name: &str, metrics: SocketAddr) {
        if let Some((200, text)) = role::get(metrics, "/metrics").await {
            self.spool_waiting = self.spool_waiting.max(waiting(&text));
            self.figures.insert(name.to_owned(), text);
        }
    }

    /// Writes it, to be looked at later.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        serde_json::to_writer(&mut file, self)?;
        file.flush()
    }

    /// Reads what was written.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
    }
}
