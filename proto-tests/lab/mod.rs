//! The lab: private servers on loopback, shared by the tests, the demo and the benchmark. Never
//! touches a server of the machine, and leaves nothing running.

pub mod child;
pub mod eventually;
pub mod place;
pub mod ports;
pub mod postfix;
pub mod postfix_log;
pub mod postgres;
pub mod program;
pub mod settings;
pub mod sink;
pub mod slapd;
pub mod smtp;
pub mod tools;
pub mod user;

use std::{
    future::Future,
    time::{Duration, Instant},
};

pub use self::tools::Tools;
use self::{postfix::Postfix, postgres::Postgres, sink::Sink, slapd::Slapd};

/// The private servers of one run.
pub struct Lab {
    /// The directory with the persons.
    pub slapd: Slapd,
    /// The database cluster.
    pub postgres: Postgres,
    /// The mail server.
    pub postfix: Postfix,
    /// Where all mail ends up that leaves Postfix.
    pub sink: Sink,
    /// The directory of the lab, to start more programs in.
    pub tools: Tools,
    /// How long each server took to be ready, and the whole of it.
    pub start_times: Vec<(&'static str, Duration)>,
}

impl Lab {
    /// Starts all servers side by side.
    ///
    /// # Panics
    /// When the user is not root, or a server does not start.
    pub async fn start(tools: Tools) -> Self {
        let begin = Instant::now();
        let sink = Sink::start().await;
        let ((slapd, slapd_time), (postgres, postgres_time), (postfix, postfix_time)) = tokio::join!(
            timed(Slapd::start(&tools)),
            timed(Postgres::start(&tools)),
            timed(Postfix::start(&tools, "postfix", sink.address)),
        );
        let start_times = vec![
            ("slapd", slapd_time),
            ("PostgreSQL", postgres_time),
            ("Postfix", postfix_time),
            ("all", begin.elapsed()),
        ];
        Self {
            slapd,
            postgres,
            postfix,
            sink,
            tools,
            start_times,
        }
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begin = Instant::now();
    let made = work.await;
    (made, begin.elapsed())
}
