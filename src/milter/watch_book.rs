//! Takes note of messages that would have been held, and records the notes in PostgreSQL. Never makes
//! mail wait, and never fails it: notes wait in memory, and are lost sooner than mail is late.

use tokio::sync::{mpsc, watch};

use super::recorder::{FIRST_PAUSE, LAST_WORD, Recorder, Settings};
use crate::{
    domain::watched::Watched,
    store::Store,
    telemetry::{Metrics, chain::Chain, events},
};

/// Notes that PostgreSQL does not have yet, beside one batch; more are counted and dropped.
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
            self.metrics.watch_dropped(1);
        }
    }
}

/// Who records the notes.
pub struct Clerk {
    notes: Notes,
    store: Store,
    settings: Settings,
    metrics: Metrics,
}

impl Clerk {
    /// One who works as the recorder does, with the same store: batches as large, pauses as long.
    pub fn beside(recorder: &Recorder, notes: Notes) -> Self {
        Self {
            notes,
            store: recorder.store.clone(),
            settings: recorder.settings.clone(),
            metrics: recorder.metrics.clone(),
        }
    }
}

/// Records until `stop` turns true, and then what still waits, for a moment. The rest is lost.
pub async fn run(mut clerk: Clerk, mut stop: watch::Receiver<bool>) {
    let mut batch = Vec::new();
    tokio::select! {
        () = record_all(&mut clerk, &mut batch) => {}
        // An error means that the sender is gone, which is a stop as well.
        _stopped = stop.wait_for(|stop| *stop) => {}
    }
    clerk.notes.close();
    // The time is up: what is left is counted.
    let _time_is_up = tokio::time::timeout(LAST_WORD, record_all(&mut clerk, &mut batch)).await;
    let n_left = batch.len() + clerk.notes.len();
    if n_left > 0 {
        drop_notes(&clerk.metrics, n_left, "the milter stops");
    }
}

/// Records until no more notes can come. What is taken out and not recorded yet stays in `batch`, so
/// that this may be given up and begun again.
async fn record_all(clerk: &mut Clerk, batch: &mut Vec<Watched>) {
    let mut pause = FIRST_PAUSE;
    while !batch.is_empty() || clerk.notes.recv_many(batch, clerk.settings.batch).await > 0 {
        match clerk.store.record_watched(batch).await {
            Ok(()) => batch.clear(),
            Err(error) if error.is_transient() => {
                events::store_unreachable(&error);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(clerk.settings.max_backoff);
                continue;
            }
            Err(error) => {
                drop_notes(&clerk.metrics, batch.len(), &Chain(&error).to_string());
                batch.clear();
            }
        }
        pause = FIRST_PAUSE;
    }
}

fn drop_notes(metrics: &Metrics, n_messages: usize, reason: &str) {
    metrics.watch_dropped(n_messages);
    events::watched_dropped(n_messages, reason);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{instance::Instance, verdict::Grounds};

    #[test]
    fn a_full_book_drops_what_comes_and_counts_it() {
        let metrics = Metrics::new();
        let (book, mut notes) = WatchBook::new(metrics.clone());
        for n_recipients in 0..MOST_WAITING + 3 {
            book.note(Watched {
                id: uuid::Uuid::now_v7(),
                instance: Instance::default(),
                queue_id: None,
                watched_at: chrono::Utc::now(),
                grounds: Grounds::default(),
                n_recipients,
            });
        }
        let told = metrics.to_text();
        assert!(told.contains("mailhold_watch_dropped_total 3\n"), "{told}");
        assert_eq!(notes.len(), MOST_WAITING);
        let first = notes.try_recv().unwrap();
        assert_eq!(first.n_recipients, 0, "what waits is not pushed out");
    }
}
