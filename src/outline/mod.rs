//! Has captured mail taken apart for people, and records what came of it. Never parses a message in
//! its own process: a child that has neither database nor rights does, and a message that ends it is
//! marked, not tried for ever.
//!
//! Read in this order: frames, reader (the child's side), child (ours), work.

mod child;
mod frames;
mod reader;
mod work;

use std::{path::PathBuf, sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
};

pub use self::reader::{Confinement, read_for_parent};
use crate::{
    mail::Limits,
    store::Store,
    telemetry::{Alarms, Metrics},
};

/// The `[outline]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often to ask the database without being woken.
    pub poll: Duration,
    /// Children at once, each with one message.
    pub readers: u32,
    /// How long one message may take.
    pub deadline: Duration,
    /// The longest message that is taken apart.
    pub size_limit_bytes: u64,
    /// The address space of one child.
    pub memory_limit_bytes: u64,
    /// How deep and into how many parts a message is taken apart.
    pub limits: Limits,
}

/// What the process works with.
pub struct Desk {
    /// How it works.
    pub settings: Settings,
    /// Captures and outlines.
    pub store: Store,
    /// This very program, to be started as a child.
    pub program: PathBuf,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
}

/// Works until `stop` turns true; what has begun is finished.
///
/// # Errors
/// A part of it panicked.
pub async fn serve(desk: Arc<Desk>, stop: watch::Receiver<bool>) -> Result<(), JoinError> {
    let bell = Arc::new(Notify::new());
    let mut loops = JoinSet::new();
    for _ in 0..desk.settings.readers {
        loops.spawn(work::run(
            Arc::clone(&desk),
            Arc::clone(&bell),
            stop.clone(),
        ));
    }
    let mut hearing = JoinSet::new();
    hearing.spawn(hear_store(Arc::clone(&desk), bell));
    hearing.spawn(count(desk));
    loop {
        tokio::select! {
            ended = loops.join_next() => match ended {
                Some(ended) => ended?,
                None => return Ok(()),
            },
            // These never end by themselves.
            Some(ended) = hearing.join_next() => ended?,
        }
    }
}

/// Passes on that something was captured.
async fn hear_store(desk: Arc<Desk>, bell: Arc<Notify>) {
    let mut wakes = desk.store.listen_to_all();
    loop {
        wakes.next().await;
        bell.notify_waiters();
        // For a loop that was not waiting just now.
        bell.notify_one();
    }
}

/// Counts what waits. A database that is away is told by the loops.
async fn count(desk: Arc<Desk>) {
    loop {
        if let Ok(waiting) = desk.store.outlines_due().await {
            let oldest = waiting
                .oldest
                .and_then(|at| (Utc::now() - at).to_std().ok());
            desk.metrics
                .outlining(waiting.count, oldest.unwrap_or_default());
        }
        tokio::time::sleep(desk.settings.poll).await;
    }
}
