//! The polling way: a program that lists the queue every few seconds, and another that releases.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use mailhold::domain::queue_id::QueueId;
use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::Value;

use super::{book::Book, file, next_number, python};
use crate::lab::{child::Child, desk::Servers, program::Program, user::User};

const POLL_PY: &str = include_str!("poll.py");
const DECIDE_PY: &str = include_str!("decide.py");

/// The polling way's programs, with a database of their own. They run as root, as cron would run them.
pub struct Polling {
    /// What they record.
    pub book: Book,
    poll: PathBuf,
    decide: PathBuf,
    config_directory: PathBuf,
    database: String,
}

/// A poller at work. It ends when it is dropped.
pub struct Poller(Child);

/// What one pass found and cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pass {
    /// Messages on hold.
    pub held: u64,
    /// Those of them that it did not know.
    pub new: u64,
    /// From its begin to its end.
    pub duration: Duration,
    /// What it and its commands have spent. Postfix's showq, which reads the queue, is not among them.
    pub cpu: Duration,
}

impl Polling {
    /// Prepares the programs.
    pub async fn new(servers: Servers<'_>) -> Self {
        let book = Book::make(servers).await;
        Self {
            poll: file(servers, "poll.py", POLL_PY),
            decide: file(servers, "decide.py", DECIDE_PY),
            config_directory: servers.postfix.config_directory.clone(),
            database: book.sign_in(servers, User::ROOT),
            book,
        }
    }

    /// Starts a poller that makes a pass, waits for so long, and so on.
    pub fn start(&self, servers: Servers<'_>, every: Duration) -> Poller {
        // Its output is its own.
        let name = format!("poll-{}", next_number());
        let program = self
            .program(&name, &self.poll)
            .arguments([every.as_secs_f64().to_string()])
            .farewell(Signal::SIGKILL);
        Poller(servers.tools.starter.start(&program))
    }

    /// One pass over everything on hold. What its database has is known; the time to read that, as a
    /// poller does once at its start, is not among the costs.
    pub async fn one_pass(&self) -> Pass {
        let poll = self.program("poll", &self.poll).arguments(["once"]);
        pass(poll.run(b"").await.trim_end())
    }

    /// Has it know these messages, as if it had read them before.
    pub async fn know(&self, ids: &[QueueId]) {
        let ids: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let sql = format!(
            "create temporary table known (queue_id text);\ncopy known from stdin;\n{ids}\\.\n
            insert into capture (queue_id, sender, recipients, size_bytes, digest, message)
            select queue_id, '', '{{}}', 0, '', '' from known"
        );
        self.book.execute(&sql).await;
    }

    /// Releases messages one by one, and records it.
    pub async fn decide(&self, ids: &[QueueId]) {
        let lines: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let decide = self.program("decide", &self.decide);
        decide.run(lines.as_bytes()).await;
    }

    fn program(&self, name: &str, script: &Path) -> Program {
        python(name, script)
            .arguments([&self.config_directory])
            .arguments([&self.database])
    }
}

impl Poller {
    /// Its process, for its CPU time and memory.
    pub fn id(&self) -> Pid {
        self.0.id()
    }

    /// All its passes so far.
    ///
    /// # Panics
    /// When it has ended.
    pub fn passes(&self) -> Vec<Pass> {
        self.0.must_run();
        let output = self.0.output();
        // The last line may not be whole yet.
        let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(pass).collect()
    }

    /// Ends it at once.
    pub async fn stop(self) {
        self.0.end();
    }
}

fn pass(line: &str) -> Pass {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no pass: {line}"));
    let number = |name: &str| line[name].as_u64().unwrap();
    let time = |name: &str| Duration::from_secs_f64(line[name].as_f64().unwrap());
    Pass {
        held: number("held"),
        new: number("new"),
        duration: time("seconds"),
        cpu: time("cpu_seconds"),
    }
}
