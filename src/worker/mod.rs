//! Confirms what is on hold and carries decisions out. Never reads what people wrote, never talks to
//! the network but to PostgreSQL, and moves messages by `postsuper` on the hold queue alone.
//!
//! Read in this order: identity, doubts, recipients, confirm, settle, recheck, prove, traces, fates,
//! reconcile, troubles, asking, piecemeal, lookout, count.

mod confirm;
mod doubts;
mod identity;
mod recipients;

mod fates;
mod prove;
mod recheck;
mod settle;
mod traces;

mod reconcile;

mod asking;
mod count;
mod lookout;
mod piecemeal;
mod troubles;

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{
    sync::{Notify, watch},
    task::{JoinError, JoinSet},
    time::Instant,
};

use self::troubles::Part;
pub use self::{asking::Rounds, reconcile::Sightings, troubles::Troubles};
use crate::{
    domain::{instance::Instance, pace::Pace},
    postfix::{Postfix, error::PostfixError},
    store::{Store, wake::Wake},
    telemetry::{Alarms, Metrics},
};

/// The `[worker]` section.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The Postfix instance whose hold queue this worker serves.
    pub instance: Instance,
    /// How often to ask the database without being woken.
    pub poll: Duration,
    /// How often to compare the hold queue with the database.
    pub reconcile: Duration,
    /// How long a claimed decision belongs to this worker.
    pub lease: Duration,
    /// Decisions carried out by one call of `postsuper`.
    pub batch: u32,
    /// The longest pause before a decision is tried again.
    pub max_backoff: Duration,
}

/// What the worker works with.
pub struct Desk {
    /// The worker's own name in the records: host and process ID.
    pub name: String,
    /// How it works just now; a reload changes it, but never its instance.
    pub current: watch::Receiver<Settings>,
    /// Captures, decisions, settlements.
    pub store: Store,
    /// The hold queue.
    pub postfix: Postfix,
    /// Figures.
    pub metrics: Metrics,
    /// Alarms.
    pub alarms: Alarms,
    /// What of Postfix does not work just now.
    pub troubles: Troubles,
    /// What was seen in the hold queue between two listings of it.
    pub sightings: Sightings,
    /// Which loops PostgreSQL fails just now.
    pub rounds: Rounds,
}

impl Desk {
    fn settings(&self) -> Settings {
        self.current.borrow().clone()
    }

    /// Waits for `worker.poll`, or until a reload has changed how long that is.
    async fn pause(&self) {
        self.pause_for(|settings| settings.poll).await;
    }

    async fn pause_for(&self, length: impl Fn(&Settings) -> Duration) {
        let mut current = self.current.clone();
        let length = length(&current.borrow_and_update());
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            // An error means that nothing will change any more.
            Ok(()) = current.changed() => {}
        }
    }
}

/// Reasons to look, each for one of the three loops. Any number of them is one.
#[derive(Default)]
struct Bells {
    confirm: Notify,
    settle: Notify,
    reconcile: Notify,
}

/// Works until `stop` turns true; what has begun is finished.
///
/// # Errors
/// A part of it panicked: without it nothing would be confirmed or settled any more.
pub async fn serve(desk: Arc<Desk>, stop: watch::Receiver<bool>) -> Result<(), JoinError> {
    let bells = Arc::new(Bells::default());
    let mut loops = JoinSet::new();
    loops.spawn(confirm::run(
        Arc::clone(&desk),
        Arc::clone(&bells),
        stop.clone(),
    ));
    loops.spawn(settle::run(
        Arc::clone(&desk),
        Arc::clone(&bells),
        stop.clone(),
    ));
    loops.spawn(reconcile::run(
        Arc::clone(&desk),
        Arc::clone(&bells),
        stop.clone(),
    ));
    let mut hearing = JoinSet::new();
    hearing.spawn(hear_store(Arc::clone(&desk), Arc::clone(&bells)));
    hearing.spawn(hear_hold(Arc::clone(&desk), bells));
    hearing.spawn(lookout::run(Arc::clone(&desk)));
    hearing.spawn(count::run(desk));
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

/// Passes on what the database tells.
async fn hear_store(desk: Arc<Desk>, bells: Arc<Bells>) {
    let mut wakes = desk.store.listen(&desk.settings().instance);
    loop {
        match wakes.next().await {
            Wake::Captured => bells.confirm.notify_one(),
            Wake::Decided => bells.settle.notify_one(),
            Wake::Rescan => {
                bells.confirm.notify_one();
                bells.settle.notify_one();
                bells.reconcile.notify_one();
            }
            Wake::Adopted => bells.reconcile.notify_one(),
        }
    }
}

/// Passes on that something changed in the hold queue.
async fn hear_hold(desk: Arc<Desk>, bells: Arc<Bells>) {
    loop {
        if let Err(error) = hear_hold_until_blind(&desk, &bells).await {
            desk.sightings.end();
            Troubles::note(&desk, Part::Watch, &error);
        }
        // Meanwhile what is on hold is found by polling.
        desk.pause().await;
    }
}

async fn hear_hold_until_blind(desk: &Desk, bells: &Bells) -> Result<(), PostfixError> {
    let mut watch = desk.postfix.watch()?;
    desk.sightings.begin(Utc::now());
    Troubles::over(desk, Part::Watch);
    bells.confirm.notify_one();
    let (mut pace, begin) = (Pace::new(HINTS_APART), Instant::now());
    loop {
        tokio::time::sleep(pace.take(begin.elapsed())).await;
        let hints = tokio::select! {
            hints = watch.next_hints() => hints?,
            () = desk.sightings.mistrusted() => return Ok(()),
        };
        desk.sightings.note(hints, Utc::now());
        bells.confirm.notify_one();
    }
}

/// How far apart hints are taken under load: each file gives several.
const HINTS_APART: Duration = Duration::from_millis(50);

/// Waits for a bell or the next poll; `false` when it is time to stop.
async fn rung(bell: &Notify, desk: &Desk, stop: &mut watch::Receiver<bool>) -> bool {
    rung_or(bell, desk.pause(), stop).await
}

/// Waits for a bell or the end of a pause; `false` when it is time to stop.
async fn rung_or(
    bell: &Notify,
    pause: impl Future<Output = ()>,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    tokio::select! {
        biased;
        // An error means that the sender is gone, which is a stop as well.
        _stopped = stop.wait_for(|stop| *stop) => false,
        () = bell.notified() => true,
        () = pause => true,
    }
}
