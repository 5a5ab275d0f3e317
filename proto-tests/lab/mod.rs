//! The lab: private servers on loopback, shared by the tests, the demo and the benchmark. Never
//! touches a server of the machine, and leaves nothing running.

pub mod browser;
pub mod desk;
pub mod http;
pub mod review_desk;
pub mod role;
pub mod settings;
pub mod sudo_view;

pub mod postfix;
pub mod postgres;
pub mod sink;
pub mod slapd;
pub mod smtp;

pub mod certificates;
pub mod chance;
pub mod child;
pub mod eventually;
pub mod place;
pub mod ports;
pub mod program;
pub mod tools;
pub mod user;

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::OnceCell;

pub use self::tools::Tools;
use self::{
    desk::{Desk, HOUSE, Servers},
    postfix::Postfix,
    postgres::Postgres,
    sink::Sink,
    slapd::Slapd,
};

/// The private servers of one run.
pub struct Lab {
    /// The directory with the persons.
    pub slapd: Slapd,
    /// The database cluster.
    pub postgres: Arc<Postgres>,
    /// The mail server.
    pub postfix: Postfix,
    /// Where all mail ends up that leaves Postfix.
    pub sink: Sink,
    /// The directory of the lab, to start more programs in.
    pub tools: Tools,
    /// How long each server took to be ready, and the whole of it.
    pub start_times: Vec<(&'static str, Duration)>,
    desk: OnceCell<Desk>,
}

/// A person of the house.
#[derive(Clone, Debug)]
pub struct Person {
    /// The login.
    pub login: String,
    /// The mail address.
    pub address: String,
}

impl Lab {
    /// Starts all servers side by side.
    ///
    /// # Panics
    /// When the user is not root, or a server does not start.
    pub async fn start(tools: Tools) -> Self {
        let begin = Instant::now();
        let sink = Sink::start().await;
        let (slapd, postgres, postfix) = tokio::join!(
            timed(Slapd::start(&tools)),
            timed(Postgres::start(&tools)),
            timed(Postfix::start(&tools, "postfix", sink.address)),
        );
        let start_times = vec![
            ("slapd", slapd.1),
            ("PostgreSQL", postgres.1),
            ("Postfix", postfix.1),
            ("all", begin.elapsed()),
        ];
        let (slapd, postgres, postfix) = (slapd.0, postgres.0, postfix.0);
        Self {
            slapd,
            postgres,
            postfix,
            sink,
            tools,
            start_times,
            desk: OnceCell::new(),
        }
    }

    /// The servers that a desk stands between.
    pub fn servers(&self) -> Servers<'_> {
        let Self {
            tools,
            slapd,
            postgres,
            postfix,
            ..
        } = self;
        Servers {
            tools,
            slapd,
            postgres,
            postfix,
        }
    }

    /// The milter and worker of the lab's Postfix; the first to ask starts them.
    pub async fn desk(&self) -> &Desk {
        self.desk
            .get_or_init(|| Desk::start(self.servers(), |_| {}))
            .await
    }

    /// A person that no other test knows; `flags` are the values of `IsMailMonitor`.
    pub async fn person(&self, flags: &[&str]) -> Person {
        let login = format!("p{}", &place::random_text()[..8]);
        let address = format!("{login}@{HOUSE}");
        self.slapd.add_person(&login, &[&address], flags).await;
        Person { login, address }
    }
}

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let begin = Instant::now();
    let made = work.await;
    (made, begin.elapsed())
}
