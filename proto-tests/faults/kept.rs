//! A process of mailhold that is started again whenever it ends, as systemd does it. Never restarts
//! one that refuses its settings.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use nix::sys::signal::Signal;
use tokio::{task::JoinHandle, time::sleep};

use crate::lab::{Tools, child::Child, program::Program, role};

/// `RestartSec=` of the units.
const PAUSE: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(20);
/// Far more than a start takes.
const START_BOUND: Duration = Duration::from_secs(60);

/// What an incarnation is started with, by its number.
pub type Points = Box<dyn Fn(usize) -> Option<String> + Send + Sync>;

/// A process that is kept running.
pub struct Kept {
    /// What it is called in logs.
    pub name: String,
    /// Where it serves its figures.
    pub metrics: SocketAddr,
    state: Arc<State>,
    watching: JoinHandle<()>,
}

/// A time in which a process did not serve.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    /// When it ended.
    pub from: DateTime<Utc>,
    /// Until it answered a look again.
    pub lasted: Duration,
    /// Of what it ended first.
    pub cause: Cause,
    /// How often it was started until it answered.
    pub n_starts: usize,
}

/// What a process ended of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A kill from outside.
    Killed,
    /// Of itself: at a failpoint, if all is well.
    Died,
}

/// Until it answers.
struct Away {
    from: DateTime<Utc>,
    since: Instant,
    cause: Cause,
    n_starts: usize,
}

struct State {
    tools: Tools,
    program: Program,
    points: Points,
    log: PathBuf,
    child: Mutex<Option<Child>>,
    is_over: AtomicBool,
    n_starts: AtomicUsize,
    n_kills: AtomicUsize,
    n_deaths: AtomicUsize,
    killed_at: Mutex<Option<Instant>>,
    absences: Mutex<Vec<Absence>>,
}

impl Kept {
    /// Starts it, and waits until it serves.
    pub async fn start(
        tools: &Tools,
        name: &str,
        program: Program,
        metrics: SocketAddr,
        points: Points,
    ) -> Self {
        let log = tools.starter.log_of(&program);
        let state = Arc::new(State {
            tools: tools.clone(),
            program,
            points,
            log,
            child: Mutex::default(),
            is_over: AtomicBool::new(false),
            n_starts: AtomicUsize::new(0),
            n_kills: AtomicUsize::new(0),
            n_deaths: AtomicUsize::new(0),
            killed_at: Mutex::default(),
            absences: Mutex::default(),
        });
        let watching = tokio::spawn(keep(state.clone(), metrics));
        let kept = Self {
            name: name.to_owned(),
            metrics,
            state,
            watching,
        };
        kept.is_alive(START_BOUND).await;
        kept
    }

    /// Waits until it serves.
    ///
    /// # Panics
    /// When it does not come back.
    pub async fn is_alive(&self, bound: Duration) {
        let what = format!("{} serves", self.name);
        crate::lab::eventually::eventually(&what, bound, async || {
            let answer = role::get(self.metrics, "/livez").await;
            answer.filter(|(code, _)| *code == 200).ok_or_else(|| {
                let child = self.state.child.lock().unwrap();
                child.as_ref().map(Child::output).map(last_lines)
            })
        })
        .await;
    }

    /// Kills it as `kill -9` does; it comes back by itself.
    pub fn kill(&self) {
        if let Some(child) = self.state.child.lock().unwrap().as_ref()
            && !child.has_ended()
        {
            *self.state.killed_at.lock().unwrap() = Some(Instant::now());
            child.signal(Signal::SIGKILL);
            self.state.n_kills.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends it another signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = self.state.child.lock().unwrap().as_ref() {
            child.signal(signal);
        }
    }

    /// Starts it no more, and ends it in good order.
    pub async fn stop(&self) {
        self.state.is_over.store(true, Ordering::Relaxed);
        self.watching.abort();
        let child = self.state.child.lock().unwrap().take();
        if let Some(child) = child {
            child.signal(Signal::SIGCONT);
            child.end();
        }
    }

    /// What it has logged, over all its incarnations.
    pub fn log(&self) -> PathBuf {
        self.state.log.clone()
    }

    /// How often it was killed from outside.
    pub fn n_kills(&self) -> usize {
        self.state.n_kills.load(Ordering::Relaxed)
    }

    /// How often it died of itself: at a failpoint, if all is well.
    pub fn n_deaths(&self) -> usize {
        let all = self.state.n_deaths.load(Ordering::Relaxed);
        all.saturating_sub(self.n_kills())
    }

    /// The times in which it did not serve.
    pub fn absences(&self) -> Vec<Absence> {
        self.state.absences.lock().unwrap().clone()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

async fn keep(state: Arc<State>, metrics: SocketAddr) {
    let mut away: Option<Away> = None;
    while !state.is_over.load(Ordering::Relaxed) {
        let number = state.n_starts.fetch_add(1, Ordering::Relaxed);
        let program = match (state.points)(number) {
            Some(points) => state.program.clone().variable("FAILPOINTS", points),
            None => state.program.clone(),
        };
        let child = state.tools.starter.start(&program);
        *state.child.lock().unwrap() = Some(child);
        if let Some(away) = &mut away {
            away.n_starts += 1;
        }
        loop {
            if state.has_ended() {
                break;
            }
            if away.is_some()
                && role::get(metrics, "/livez").await.is_some()
                && let Some(away) = away.take()
            {
                state.absences.lock().unwrap().push(away.over());
            }
            sleep(LOOK).await;
        }
        let killed_at = state.killed_at.lock().unwrap().take();
        away.get_or_insert_with(|| Away::since(killed_at));
        state.n_deaths.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

impl Away {
    /// It was killed then, or has died just now.
    fn since(killed_at: Option<Instant>) -> Self {
        let since = killed_at.unwrap_or_else(Instant::now);
        Self {
            from: Utc::now() - since.elapsed(),
            since,
            cause: killed_at.map_or(Cause::Died, |_| Cause::Killed),
            n_starts: 0,
        }
    }

    fn over(self) -> Absence {
        Absence {
            from: self.from,
            lasted: self.since.elapsed(),
            cause: self.cause,
            n_starts: self.n_starts,
        }
    }
}

impl State {
    fn has_ended(&self) -> bool {
        let child = self.child.lock().unwrap();
        child.as_ref().is_none_or(Child::has_ended)
    }
}

fn last_lines(output: String) -> String {
    let lines: Vec<_> = output.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
