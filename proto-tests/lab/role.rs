//! A running `mailhold milter` or `mailhold worker`. Never looks into it: only at what it serves,
//! logs and does.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use nix::{sys::signal::Signal, unistd::Pid};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    child::{Child, Starter},
    eventually::eventually,
    program::{Program, text},
};

const START_BOUND: Duration = Duration::from_secs(15);
/// The milter may take this long to let go of its sessions (`milter.drain`).
const STOP_BOUND: Duration = Duration::from_secs(35);

/// A process of mailhold.
pub struct Role {
    /// Where it serves `/metrics`, `/livez` and `/readyz`.
    pub metrics: SocketAddr,
    starter: Starter,
    program: Program,
    child: Mutex<Option<Child>>,
    log: Mutex<Option<PathBuf>>,
}

impl Role {
    /// Starts it and waits until it is ready.
    pub async fn start(starter: &Starter, program: Program, metrics: SocketAddr) -> Self {
        let role = Self {
            metrics,
            starter: starter.clone(),
            program,
            child: Mutex::default(),
            log: Mutex::default(),
        };
        role.start_again().await;
        role
    }

    /// Starts it with the same settings and waits until it is ready.
    pub async fn start_again(&self) {
        let child = self.starter.start(&self.program);
        eventually("mailhold is ready", START_BOUND, async || {
            child.must_run();
            let answer = self.get("/readyz").await;
            if matches!(answer, Some((200, _))) {
                Ok(())
            } else {
                Err((answer, child.output()))
            }
        })
        .await;
        *self.log.lock().unwrap() = Some(child.log().to_owned());
        *self.child.lock().unwrap() = Some(child);
    }

    /// Stops it in good order: it finishes what it has begun.
    pub async fn stop(&self) {
        let child = self.child.lock().unwrap().take().unwrap();
        child.signal(Signal::SIGTERM);
        eventually("mailhold has stopped", STOP_BOUND, async || {
            if child.has_ended() {
                Ok(())
            } else {
                Err(child.output())
            }
        })
        .await;
    }

    /// Ends it as a crash would.
    pub fn kill(&self) {
        self.child.lock().unwrap().take().unwrap().kill();
    }

    /// Sends it a signal, e.g. to let it stand still.
    pub fn signal(&self, signal: Signal) {
        self.child.lock().unwrap().as_ref().unwrap().signal(signal);
    }

    /// Its process ID.
    pub fn id(&self) -> Pid {
        self.child.lock().unwrap().as_ref().unwrap().id()
    }

    /// Its figures, as Prometheus would get them.
    pub async fn metrics_text(&self) -> String {
        let (code, body) = self.get("/metrics").await.expect("/metrics answers");
        assert_eq!(code, 200, "{body}");
        body
    }

    /// The value of one figure, named with its labels as in the text; 0 when it is not there.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.metrics_text().await;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or_default()
    }

    /// Whether `/readyz` says so.
    pub async fn is_ready(&self) -> bool {
        matches!(self.get("/readyz").await, Some((200, _)))
    }

    /// Waits until `/readyz` says so.
    ///
    /// # Panics
    /// When `bound` has passed; it shows why it is not ready.
    pub async fn becomes_ready(&self, bound: Duration) {
        eventually("it is ready", bound, async || {
            match self.get("/readyz").await {
                Some((200, _)) => Ok(()),
                other => Err(other),
            }
        })
        .await;
    }

    /// The file that all its lines since its first start are in.
    pub fn log_path(&self) -> PathBuf {
        self.log.lock().unwrap().clone().unwrap()
    }

    /// All it logged since its first start, one JSON object a line; other lines as texts.
    pub fn events(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| line.into());
        text.lines().map(parse).collect()
    }

    /// The events whose lines hold every one of the words.
    pub fn events_with(&self, words: &[&str]) -> Vec<Value> {
        let mut events = self.events();
        events.retain(|event| {
            let line = event.to_string();
            words.iter().all(|word| line.contains(word))
        });
        events
    }

    /// Waits for an event whose line holds every one of the words.
    pub async fn event_with(&self, words: &[&str], bound: Duration) -> Value {
        let what = format!("an event with {words:?}");
        eventually(&what, bound, async || {
            let found = self.events_with(words).into_iter().next();
            found.ok_or_else(|| self.events())
        })
        .await
    }

    /// The answer's code and body; `None` while nobody listens.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.metrics, path).await
    }
}

/// The answer's code and body of what a role serves; `None` while nobody listens.
pub async fn get(metrics: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(metrics).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = text(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let code = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((code, body.to_owned()))
}

/// The command line of a role.
pub fn program(mailhold: Program, settings: &Path, role: &str) -> Program {
    mailhold
        .arguments([Path::new("--config"), settings])
        .arguments([role])
}
