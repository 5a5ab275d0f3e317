//! A milter at work in this process: a real spool, a table of people, sockets of its own. No
//! PostgreSQL: what was captured is read where the recorder reads it.

use std::{
    fs,
    net::SocketAddr,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use mailhold::{
    directory::{Directory, Outage},
    domain::{
        capture::Capture,
        policy::{DomainPattern, HeaderFrom, Policy, RecipientPattern},
    },
    milter::{
        self, Desk as MilterDesk, Entrance, Traffic,
        listener::{Listener, Socket},
        tally::Tally,
        watch_book::{Notes, WatchBook},
    },
    spool::{self, Spool},
    telemetry::{Alarms, Metrics},
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{mta::Mta, people};
use crate::lab::eventually::eventually;

/// Nothing here takes this long unless it is broken.
pub const BOUND: Duration = Duration::from_secs(10);

/// What differs from one desk to the next.
pub struct Plan {
    pub directory: Arc<dyn Directory>,
    pub outage: Outage,
    pub policy: Policy,
    pub mail_deadline: Duration,
    pub max_connections: usize,
    pub connection_timeout: Duration,
    pub drain: Duration,
    pub min_free_percent: u8,
    pub min_free_bytes: u64,
    /// Captures per sender and hour; 0: any number.
    pub sender_cap: u32,
    /// Each listener and its instance. UNIX sockets are files of the desk's directory.
    pub listeners: Vec<(Place, &'static str)>,
}

/// Where a listener is.
#[derive(Clone, Debug)]
pub enum Place {
    Unix(PathBuf),
    Inet(SocketAddr),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            directory: Arc::new(people::table()),
            outage: Outage::Tempfail,
            policy: policy(),
            mail_deadline: BOUND,
            max_connections: 100,
            connection_timeout: Duration::from_secs(60),
            drain: BOUND,
            min_free_percent: 0,
            min_free_bytes: 0,
            sender_cap: 0,
            listeners: vec![(Place::Unix("milter.sock".into()), "postfix")],
        }
    }
}

/// A TCP socket with a free port.
pub fn any_port() -> Place {
    Place::Inet(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// A milter at work. It ends with its test.
pub struct Desk {
    pub spool: Spool,
    places: Vec<Place>,
    metrics: Metrics,
    traffic: Arc<Traffic>,
    desks: watch::Sender<Arc<MilterDesk>>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    directory: TempDir,
    /// What was watched.
    pub notes: Notes,
}

/// A capture as the recorder gets it.
pub struct Captured {
    pub capture: Arc<Capture>,
    pub content: Vec<u8>,
}

impl Desk {
    /// One UNIX listener, people from [`people::table`], nothing out of order.
    pub async fn start() -> Self {
        Self::with(Plan::default()).await
    }

    pub async fn with(plan: Plan) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let spool = open_spool(&plan, directory.path());
        let metrics = Metrics::new();
        let traffic = Arc::new(Traffic::default());
        let (watch_book, notes) = WatchBook::new(metrics.clone());
        let desk = MilterDesk {
            directory: Arc::clone(&plan.directory),
            outage: plan.outage,
            policy: plan.policy.clone(),
            watch_book,
            spool: spool.clone(),
            mail_deadline: plan.mail_deadline,
            end_of_message_deadline: BOUND,
            sender_cap: NonZeroU32::new(plan.sender_cap),
            tally: Arc::new(Tally::new(Instant::now())),
            drain: plan.drain,
            metrics: metrics.clone(),
            alarms: Alarms::new(metrics.clone()),
            traffic: Arc::clone(&traffic),
        };
        let (places, listeners) = bind(&plan, directory.path()).await;
        let (stop, stopped) = watch::channel(false);
        let settings = settings(&plan);
        let (desks, current) = watch::channel(Arc::new(desk));
        let serving =
            tokio::spawn(
                async move { milter::serve(current, &settings, listeners, stopped).await },
            );
        Self {
            spool,
            places,
            metrics,
            traffic,
            desks,
            stop,
            serving,
            directory,
            notes,
        }
    }

    /// A connection of Postfix to the first listener.
    pub async fn mta(&self) -> Mta {
        Mta::open(self.place()).await
    }

    /// The first listener.
    pub fn place(&self) -> &Place {
        &self.places[0]
    }

    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The only capture in the spool.
    pub async fn captured(&self) -> Captured {
        assert_eq!(self.spool.n_waiting(), 1, "captures in the spool");
        self.next_captured().await
    }

    /// The oldest capture in the spool, which is then taken away.
    pub async fn next_captured(&self) -> Captured {
        let batch = timeout(BOUND, self.spool.next_batch(1, u64::MAX)).await;
        let waiting = batch.expect("a capture").unwrap().remove(0);
        let (mut chunks, mut content) = (waiting.content.chunks(), Vec::new());
        while let Some(chunk) = chunks.next().await.unwrap() {
            content.extend_from_slice(&chunk);
        }
        self.spool.settled(&[waiting.capture.id]);
        Captured {
            capture: waiting.capture,
            content,
        }
    }

    /// Asserts that no message is on its way, none was captured, and none left a file.
    pub async fn nothing_captured(&self) {
        eventually("no message is on its way", BOUND, async || {
            match self.traffic.n_open() {
                0 => Ok(()),
                more => Err(more),
            }
        })
        .await;
        assert_eq!(self.spool.n_waiting(), 0, "captures in the spool");
        let large = fs::read_dir(self.directory.path().join("spool/large")).unwrap();
        assert_eq!(large.count(), 0, "contents in the spool");
    }

    /// From now on nothing can be kept that is too large for memory.
    pub fn break_spool(&self) {
        fs::remove_dir_all(self.directory.path().join("spool/large")).unwrap();
    }

    /// Waits until a figure has a value, such as `milter_connections` or `alarm{kind="gone"}`.
    pub async fn shows(&self, figure: &str, value: u64) {
        let wanted = format!("mailhold_{figure} {value}");
        eventually(&wanted, BOUND, async || {
            let text = self.metrics.to_text();
            if text.lines().any(|line| line == wanted) {
                return Ok(());
            }
            let name = figure.split('{').next().unwrap().to_owned();
            let like = text.lines().filter(|line| line.contains(&name));
            Err(like.map(str::to_owned).collect::<Vec<_>>())
        })
        .await;
    }

    /// Waits until an alarm stands.
    pub async fn alarms(&self, kind: &str) {
        self.shows(&format!("alarm{{kind=\"{kind}\"}}"), 1).await;
    }

    /// Changes what the next connection works with, as a reload does.
    pub fn reload(&self, change: impl FnOnce(&mut MilterDesk)) {
        let mut next = MilterDesk::clone(&self.desks.borrow());
        change(&mut next);
        self.desks.send_replace(Arc::new(next));
    }

    /// Tells the milter to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until a milter that was told to stop has ended.
    pub async fn ended(&mut self) {
        let served = timeout(BOUND, &mut self.serving).await;
        served.expect("an end").unwrap().unwrap();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What flagged people send out is held, by login and envelope; the doctor is exempt.
pub fn policy() -> Policy {
    let internal = ["corp.test", ".corp.test"].map(|text| DomainPattern::parse(text).unwrap());
    let exempt = ["doctor@clinic.test"].map(|text| RecipientPattern::parse(text).unwrap());
    Policy {
        exempt: exempt.to_vec(),
        header_from: HeaderFrom::Never,
        ..Policy::flagged_external(internal.to_vec())
    }
}

fn open_spool(plan: &Plan, directory: &Path) -> Spool {
    Spool::open(&spool::Settings {
        directory: directory.join("spool"),
        min_free_percent: plan.min_free_percent,
        min_free_bytes: plan.min_free_bytes,
        memory_limit_bytes: 64 * 1_024,
    })
    .unwrap()
}

fn settings(plan: &Plan) -> milter::Settings {
    milter::Settings {
        listeners: Vec::new(),
        max_connections: plan.max_connections,
        connection_timeout: plan.connection_timeout,
        mail_deadline: plan.mail_deadline,
        end_of_message_deadline: BOUND,
        sender_cap: NonZeroU32::new(plan.sender_cap),
        drain: plan.drain,
    }
}

async fn bind(plan: &Plan, directory: &Path) -> (Vec<Place>, Vec<(Listener, Entrance)>) {
    let (mut places, mut listeners) = (Vec::new(), Vec::new());
    for (place, instance) in &plan.listeners {
        let socket = match place {
            Place::Inet(address) => Socket::Inet(*address),
            Place::Unix(name) => Socket::Unix {
                path: directory.join(name),
                mode: 0o660,
                group: None,
            },
        };
        let listener = Listener::bind(&socket).await.unwrap();
        places.push(match socket {
            Socket::Inet(_) => Place::Inet(listener.local_address().unwrap()),
            Socket::Unix { path, .. } => Place::Unix(path),
        });
        let entrance = Entrance {
            instance: instance.parse().unwrap(),
            ..Entrance::default()
        };
        listeners.push((listener, entrance));
    }
    (places, listeners)
}
