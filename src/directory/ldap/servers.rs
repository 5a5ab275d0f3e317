//! Several servers with the same entries: asked in order until one gives a whole answer.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, future::BoxFuture};
use tokio::time::{Duration, Instant, timeout};

use super::{Settings, search::Server};
use crate::{directory::DirectoryError, telemetry::events};

/// A server that failed is the last to be tried for this long: a dead one costs its deadline once,
/// not with every message.
const REST: Duration = Duration::from_secs(30);

/// All servers, in the order of the settings.
pub(super) struct Servers {
    all: Vec<Server>,
    timeout: Duration,
}

impl Servers {
    /// Takes the settings; connects at the first question.
    pub(super) fn new(settings: &Settings) -> Self {
        let server = |url| Server::new(settings, url);
        Self {
            all: settings.servers.iter().map(server).collect(),
            timeout: settings.timeout,
        }
    }

    /// The first whole answer to a question, within `deadline`.
    ///
    /// # Errors
    /// No server answered it; each had its own time, or what was left.
    pub(super) async fn ask<'a, T>(
        &'a self,
        kind: &'static str,
        deadline: Instant,
        question: impl Fn(&'a Server) -> BoxFuture<'a, Result<T, DirectoryError>>,
    ) -> Result<T, DirectoryError> {
        let mut failures = Vec::new();
        for server in self.in_order() {
            let left = deadline.saturating_duration_since(Instant::now());
            let patience = self.timeout.min(left);
            if patience.is_zero() {
                // A timer may be late by a millisecond, and a look-up quicker than that.
                break;
            }
            match answer(kind, patience, question(server)).await {
                Ok(answer) => {
                    if server.rest.end() {
                        events::directory_server_back(server.url.as_str());
                    }
                    return Ok(answer);
                }
                Err(error) => {
                    self.note(server, &error);
                    failures.push(error);
                }
            }
        }
        Err(self.failed(failures))
    }

    /// Those that rest come last.
    fn in_order(&self) -> impl Iterator<Item = &Server> {
        let now = Instant::now();
        let rests = |server: &&Server| server.rest.is_on(now);
        let (resting, rested): (Vec<_>, Vec<_>) = self.all.iter().partition(rests);
        rested.into_iter().chain(resting)
    }

    /// Whether a failure says anything of the next question: a refused look-up does not, and neither
    /// does a silence that was not waited for.
    fn note(&self, server: &Server, error: &DirectoryError) {
        let is_hasty = matches!(error, DirectoryError::Timeout(waited) if *waited < self.timeout);
        let is_momentary = is_hasty || matches!(error, DirectoryError::LookUp { .. });
        if !is_momentary && server.rest.begin(Instant::now() + REST) && self.all.len() > 1 {
            events::directory_server_failed(server.url.as_str(), error);
        }
    }

    /// All failed. A refusal tells more than a silence, and no outage policy covers it.
    fn failed(&self, mut failures: Vec<DirectoryError>) -> DirectoryError {
        let refusal = failures.iter().rposition(|error| !error.is_transient());
        let told = refusal.unwrap_or(failures.len().saturating_sub(1));
        if failures.is_empty() {
            return DirectoryError::Timeout(Duration::ZERO);
        }
        let cause = failures.swap_remove(told);
        if self.all.len() == 1 {
            return cause;
        }
        let names: Vec<&str> = self.all.iter().map(|server| server.url.as_str()).collect();
        DirectoryError::AllServers {
            servers: names.join(", "),
            cause: Box::new(cause),
        }
    }
}

/// One server's answer in time. The library panics on what is no answer after RFC 4511, and the
/// server is somebody else's.
async fn answer<T>(
    kind: &'static str,
    patience: Duration,
    question: BoxFuture<'_, Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    let answer = timeout(patience, AssertUnwindSafe(question).catch_unwind()).await;
    match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(_panic)) => Err(DirectoryError::LookUp {
            kind,
            cause: "an answer of the server cannot be read".into(),
        }),
        Err(_elapsed) => Err(DirectoryError::Timeout(patience)),
    }
}
