//! Looks after what the milter depends on while no mail comes, so that a fault is seen, and its cure.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use tokio::{sync::watch, time::Instant};

use super::{CurrentDesk, Desk};
use crate::{
    spool::SpoolError,
    store::Store,
    telemetry::{AlarmKind, chain::Chain, events},
};

/// A fault is seen within this time, and so is its cure.
const ROUND: Duration = Duration::from_secs(5);

/// Looks until `stop` turns true.
pub async fn run(mut current: CurrentDesk, store: Store, mut stop: watch::Receiver<bool>) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _tick = rounds.tick() => {}
            // Another desk may have another directory.
            Ok(()) = current.changed() => {}
            // An error means that the sender is gone, which is a stop as well.
            _stopped = stop.wait_for(|stop| *stop) => return,
        }
        let desk = Arc::clone(&current.borrow_and_update());
        desk.metrics.policy(desk.policy.mode);
        tokio::join!(look_at_directory(&desk), look_at_store(&desk, &store));
        look_at_spool(&desk);
        look_at_tally(&desk, std::time::Instant::now());
    }
}

async fn look_at_directory(desk: &Desk) {
    match desk
        .directory
        .probe(Instant::now() + desk.mail_deadline)
        .await
    {
        Ok(()) => desk.alarms.clear(AlarmKind::DirectoryUnreachable),
        Err(error) => {
            desk.metrics.directory_error(error.kind());
            desk.alarms
                .raise(AlarmKind::DirectoryUnreachable, &Chain(&error).to_string());
            events::directory_unreachable(&error);
        }
    }
}

async fn look_at_store(desk: &Desk, store: &Store) {
    match store.check_schema().await {
        // While captures wait, the recorder says when it gets through again.
        Ok(()) if desk.spool.n_waiting() == 0 => desk.alarms.clear(AlarmKind::StoreUnreachable),
        Ok(()) => {}
        Err(error) => {
            desk.alarms
                .raise(AlarmKind::StoreUnreachable, &Chain(&error).to_string());
            events::store_unreachable(&error);
        }
    }
}

/// The alarm is raised where a message is refused. Here its end is seen, also by another cap.
fn look_at_tally(desk: &Desk, now: std::time::Instant) {
    let n_capped = desk.sender_cap.map(|cap| desk.tally.n_capped(cap, now));
    if n_capped.unwrap_or(0) == 0 {
        desk.alarms.clear(AlarmKind::SenderCapped);
    }
}

fn look_at_spool(desk: &Desk) {
    let oldest = desk
        .spool
        .oldest_at()
        .and_then(|at| (Utc::now() - at).to_std().ok());
    desk.metrics
        .spool(desk.spool.n_waiting(), oldest.unwrap_or_default());
    if let Ok(free) = desk.spool.free() {
        desk.metrics.disk("spool", free.bytes, free.inodes);
    }
    match desk.spool.room() {
        Ok(()) => desk.alarms.clear(AlarmKind::SpoolFull),
        Err(error @ SpoolError::Full { .. }) => {
            desk.alarms.raise(AlarmKind::SpoolFull, &error.to_string());
        }
        Err(error) => desk
            .alarms
            .raise(AlarmKind::SpoolFailing, &Chain(&error).to_string()),
    }
}
