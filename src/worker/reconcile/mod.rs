//! Compares the hold queue with the database: finds strays, and messages that are not there any more.
//! The hold queue is read first, then the database, and one listing is never proof of an absence.
//! Touches no message.
//!
//! The names on hold are kept in memory, and only what has changed is asked of the database: fresh
//! names, names that left, and captures that are new or newly confirmed. From time to time all of it
//! is compared, because several workers may serve one instance.

mod absent;
mod adopt;
mod changed;
mod evidence;
mod ground;
mod sightings;
mod strays;

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use tokio::{sync::watch, time::Instant};

pub use self::sightings::Sightings;
use self::{absent::Absent, adopt::Refused, ground::Ground, sightings::Departed, strays::Strays};
use super::{
    Bells, Desk,
    asking::Asking,
    rung_or,
    troubles::{Part, Troubles},
};
use crate::{
    domain::{instance::Instance, lifecycle::State, queue_id::QueueId},
    postfix::{
        error::PostfixError,
        roll::{Changes, Roll},
    },
    store::{StoreError, standings::Known, work::Standing},
};

/// Names or captures asked of the database at once.
const PAGE: u32 = 1_000;

/// How often all is compared, and not only what has changed.
const FULL_PERIOD: Duration = Duration::from_secs(10 * 60);

/// Compares whenever it is rung, until it is time to stop.
pub(super) async fn run(desk: Arc<Desk>, bells: Arc<Bells>, mut stop: watch::Receiver<bool>) {
    let mut memory = Memory::new(Instant::now());
    loop {
        let pause = desk.pause_for(|settings| settings.reconcile);
        if !rung_or(&bells.reconcile, pause, &mut stop).await {
            return;
        }
        pass(&desk, &mut memory).await;
    }
}

/// What is known from one pass to the next. Nothing is lost with it but time.
struct Memory {
    roll: Roll,
    /// Names on hold of which the database was not asked yet.
    came: HashSet<QueueId>,
    /// Names that were on hold, of which it was not asked since.
    went: HashSet<QueueId>,
    departed: Departed,
    /// When the last listing began.
    listed_at: DateTime<Utc>,
    /// Files on hold that were touched and not looked at since.
    touched: HashSet<QueueId>,
    /// Those of them that could not be read: looked at again when all is compared.
    unread: HashSet<QueueId>,
    absent: Absent,
    ground: Ground,
    strays: Strays,
    refused: Refused,
    /// Names that nothing acts on, such as short queue IDs, in the listing before.
    n_others: usize,
    /// The database's time up to which confirmations are known.
    confirmed_until: Option<DateTime<Utc>>,
    full_at: Instant,
    store: StoreSince,
}

/// Whether the database answers, and since when.
#[derive(Clone, Copy)]
enum StoreSince {
    Answers(Instant),
    Away,
}

impl Memory {
    fn new(now: Instant) -> Self {
        Self {
            roll: Roll::default(),
            came: HashSet::new(),
            went: HashSet::new(),
            departed: Departed::default(),
            listed_at: Utc::now(),
            touched: HashSet::new(),
            unread: HashSet::new(),
            absent: Absent::default(),
            ground: Ground::default(),
            strays: Strays::default(),
            refused: Refused::default(),
            n_others: 0,
            confirmed_until: None,
            full_at: now,
            store: StoreSince::Answers(now),
        }
    }

    /// Takes in what a listing told, and what was seen since the one before.
    fn take_in(&mut self, changes: Changes, seen: HashSet<QueueId>) {
        for id in changes.left {
            self.came.remove(&id);
            self.strays.left(&id);
            self.went.insert(id);
        }
        for id in changes.came {
            self.went.remove(&id);
            self.came.insert(id);
        }
        let (on_hold, between): (HashSet<_>, HashSet<_>) =
            seen.into_iter().partition(|id| self.roll.has(id));
        self.went.extend(between);
        // What has only just come is not confirmed yet.
        let touched = on_hold.into_iter().filter(|id| !self.came.contains(id));
        self.touched.extend(touched);
    }

    /// Takes in how a capture stands that is not settled.
    fn standing(&mut self, known: Known) {
        self.strays.captured(&known.queue_id);
        let is_on_hold = self.roll.has(&known.queue_id);
        match known.state {
            State::Captured | State::Held if !is_on_hold => self.absent.miss(known),
            State::Held => self.ground.seen(&known),
            // A decision is settled by whoever claims it.
            State::Captured | State::Decided | State::Settled(_) => {}
        }
    }
}

/// One comparison.
async fn pass(desk: &Desk, memory: &mut Memory) {
    let begin = Instant::now();
    memory.listed_at = Utc::now();
    let (roll, changes) = desk
        .postfix
        .call_roll(std::mem::take(&mut memory.roll))
        .await;
    memory.roll = roll;
    let changes = match changes {
        Ok(changes) => changes,
        Err(error) => {
            Troubles::note(desk, Part::Listing, &error);
            if let PostfixError::HoldReplaced = error {
                Asking::Reconcile.begin(desk);
                if let Err(error) = ground::replace(desk, memory).await {
                    Asking::Reconcile.note(desk, &error);
                }
                Asking::Reconcile.end(desk);
            }
            // What was missed before is to be missed twice again.
            memory.absent = Absent::default();
            // It is only missed again if it is asked for again.
            memory.full_at = Instant::now();
            return;
        }
    };
    Troubles::over(desk, Part::Listing);
    Troubles::over_if_quiet(desk, Part::Queue);
    if memory.ground.listed(memory.roll.directory()) {
        desk.sightings.mistrust();
    }
    let n_others = memory.roll.n_others();
    desk.metrics.on_hold(memory.roll.len() + n_others);
    memory.take_in(changes, desk.sightings.take());
    Asking::Reconcile.begin(desk);
    match compare(desk, memory).await {
        Ok(()) => {
            desk.metrics.reconciled(begin.elapsed());
            if let StoreSince::Away = memory.store {
                memory.store = StoreSince::Answers(Instant::now());
            }
        }
        Err(error) => {
            Asking::Reconcile.note(desk, &error);
            memory.store = StoreSince::Away;
        }
    }
    Asking::Reconcile.end(desk);
    // A name that Postfix is only just renaming is told once.
    memory.strays.tell(desk, n_others.min(memory.n_others));
    memory.n_others = n_others;
}

async fn compare(desk: &Desk, memory: &mut Memory) -> Result<(), StoreError> {
    let instance = desk.settings().instance;
    let is_full = Instant::now() >= memory.full_at;
    let since = memory.confirmed_until.filter(|_| !is_full);
    let confirmed = desk.store.confirmed_since(&instance, since).await?;
    ground::ask(desk, &instance, memory).await?;
    if is_full {
        // Put right while nobody watched, it may be.
        memory.touched.extend(desk.store.doubted(&instance).await?);
        memory.touched.extend(memory.unread.drain());
        // A roll that was lost never told that they left.
        memory.strays.keep_on(&memory.roll);
        memory.came.extend(memory.roll.ids().cloned());
        take_all_held(desk, &instance, memory).await?;
    }
    for known in confirmed.held {
        memory.standing(known);
    }
    take_unconfirmed(desk, &instance, memory).await?;
    ask_of_fresh(desk, &instance, memory).await?;
    ask_of_gone(desk, &instance, memory).await?;
    absent::forget_present(desk, memory).await;
    ground::record(desk, &instance, memory).await?;
    if is_full && memory.ground.is_known() {
        strays::compare(desk, &instance, memory).await?;
    }
    memory.confirmed_until = Some(confirmed.until);
    if is_full {
        memory.full_at = Instant::now() + FULL_PERIOD;
    }
    if let StoreSince::Answers(since) = memory.store {
        strays::record(desk, &instance, memory, since).await?;
        adopt::end_doubles(desk, &instance).await?;
        absent::close(desk, memory).await?;
        changed::look(desk, &instance, memory).await?;
        // Last, after the ends of strays: reading what was adopted may fail or take long, and
        // nothing else may wait for it.
        if let Err(error) = adopt::capture_all(desk, &instance, memory).await {
            Asking::Reconcile.note(desk, &error);
        }
    }
    Ok(())
}

async fn take_all_held(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let mut after: Option<QueueId> = None;
    loop {
        let page = desk.store.held(instance, after.as_ref(), PAGE).await?;
        let n_found = page.len();
        after = page.last().map(|last| last.queue_id.clone());
        for standing in page {
            memory.standing(known(standing, State::Held));
        }
        if n_found < PAGE as usize {
            return Ok(());
        }
    }
}

async fn take_unconfirmed(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = desk.store.unconfirmed(instance, after, PAGE).await?;
        let n_found = page.len();
        after = page.last().map(|last| last.capture_id);
        for standing in page {
            memory.standing(known(standing, State::Captured));
        }
        if n_found < PAGE as usize {
            return Ok(());
        }
    }
}

fn known(standing: Standing, state: State) -> Known {
    Known {
        capture_id: standing.capture_id,
        queue_id: standing.queue_id,
        captured_at: standing.captured_at,
        state,
    }
}

/// A fresh name without a capture that stands is a stranger.
async fn ask_of_fresh(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    loop {
        let part: Vec<QueueId> = memory.came.iter().take(PAGE as usize).cloned().collect();
        if part.is_empty() {
            return Ok(());
        }
        let found = desk.store.known(instance, &part).await?;
        let standing = found.into_iter().filter(|known| match known.state {
            State::Captured | State::Held | State::Decided => true,
            State::Settled(_) => false,
        });
        let ours: HashSet<QueueId> = standing.map(|known| known.queue_id).collect();
        for id in part {
            memory.came.remove(&id);
            if ours.contains(&id) {
                memory.strays.captured(&id);
            } else {
                memory.strays.add(id);
            }
        }
    }
}

/// How the captures stand whose files have left.
async fn ask_of_gone(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    loop {
        let part: Vec<QueueId> = memory.went.iter().take(PAGE as usize).cloned().collect();
        if part.is_empty() {
            return Ok(());
        }
        let found = desk.store.known(instance, &part).await?;
        // Of one that is not confirmed it must stay known that it was there.
        let seen = found.iter().filter(|one| one.state != State::Captured);
        let seen: HashSet<QueueId> = seen.map(|one| one.queue_id.clone()).collect();
        for known in found {
            memory.standing(known);
        }
        for id in part {
            memory.went.remove(&id);
            if !seen.contains(&id) {
                memory.departed.add(id, Utc::now());
            }
        }
    }
}
