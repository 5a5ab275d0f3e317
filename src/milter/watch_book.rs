//! Takes note of messages that would have been held. Never makes mail wait, and never fails it.

use tokio::sync::mpsc;

use crate::{domain::watched::Watched, telemetry::Metrics};

/// Notes that PostgreSQL does not have yet; more are counted and dropped.
const MOST_WAITING: usize = 10_000;

/// Where sessions leave their notes.
#[derive(Clone)]
pub struct WatchBook {
    notes: mpsc::Sender<Watched>,
    metrics: Metrics,
}

/// Where whoever records them takes the notes out.
pub type Notes = mpsc::Receiver<Watched>;

impl WatchBook {
    /// An empty book, and its other end.
    pub fn new(metrics: Metrics) -> (Self, Notes) {
        let (notes, taken) = mpsc::channel(MOST_WAITING);
        (Self { notes, metrics }, taken)
    }

    /// Notes a message, unless too many wait.
    pub fn note(&self, watched: Watched) {
        self.metrics.watched(&watched.grounds.rule);
        if self.notes.try_send(watched).is_err() {
            self.metrics.watch_dropped();
        }
    }
}
