//! Looks after what the milter depends on while no mail comes, so that a fault is seen, and its cure.

use std::{fs::File, num::NonZeroU32, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use nix::errno::Errno;
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval, timeout},
};

use super::{CurrentDesk, Desk, answer::MAIL, recorder::RECORDER};
use crate::{
    spool::SpoolError,
    store::Store,
    telemetry::{AlarmKind, chain::Chain, events},
};

/// A fault is seen within this time, and so is its cure.
const ROUND: Duration = Duration::from_secs(5);

/// A disk that has not synced a few bytes by then does not answer.
const DISK_PATIENCE: Duration = Duration::from_secs(10);

/// The recorder takes no longer than this for a batch, or something is in its way.
const STANDSTILL: Duration = Duration::from_secs(20);

/// The part of an alarm that is felt here, when the spool is tried.
const DISK: &str = "disk";

/// The part of an alarm that is felt here, when the database is asked.
const LOOKOUT: &str = "lookout";

/// Looks until `stop` turns true. A disk that hangs does not keep the servers from being looked at.
pub async fn run(current: CurrentDesk, store: Store, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        () = look_around(current.clone(), store) => {}
        () = look_at_spool(&current) => {}
        // An error means that the sender is gone, which is a stop as well.
        _stopped = stop.wait_for(|stop| *stop) => {}
    }
}

/// Never ends.
async fn look_around(mut current: CurrentDesk, store: Store) {
    let mut rounds = rounds();
    let mut cap = current.borrow().sender_cap;
    loop {
        tokio::select! {
            _tick = rounds.tick() => {}
            // Another desk may have another directory.
            Ok(()) = current.changed() => {}
        }
        let desk = Arc::clone(&current.borrow_and_update());
        desk.metrics.policy(desk.policy.mode);
        look_at_connections(&desk);
        look_at_handles(&desk);
        tokio::join!(look_at_directory(&desk), look_at_store(&desk, &store));
        look_at_tally(&desk, cap, std::time::Instant::now());
        cap = desk.sender_cap;
    }
}

fn rounds() -> Interval {
    let mut rounds = interval(ROUND);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rounds
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
    let looked = async {
        store.check_schema().await?;
        store.clock_fault().await
    };
    match looked.await {
        Ok(clock_fault) => {
            match clock_fault {
                Some(detail) => desk.alarms.raise(AlarmKind::ClockApart, &detail),
                None => desk.alarms.clear(AlarmKind::ClockApart),
            }
            desk.alarms.clear_part(AlarmKind::StoreUnreachable, LOOKOUT);
            // While captures wait, the recorder says when it gets through again.
            if desk.spool.n_waiting() == 0 {
                desk.alarms
                    .clear_part(AlarmKind::StoreUnreachable, RECORDER);
            }
        }
        Err(error) => {
            let detail = Chain(&error).to_string();
            desk.alarms
                .raise_part(AlarmKind::StoreUnreachable, LOOKOUT, &detail);
            events::store_unreachable(&error);
        }
    }
}

/// The alarm is raised where a message is refused. Here its end is seen: a sender who goes on is at
/// the cap again and again, below another cap nobody is.
fn look_at_tally(desk: &Desk, cap_before: Option<NonZeroU32>, now: std::time::Instant) {
    let n_capped = desk.sender_cap.map(|cap| desk.tally.n_capped(cap, now));
    if n_capped.unwrap_or(0) > 0 {
        return;
    }
    if desk.sender_cap == cap_before {
        desk.alarms.clear_quiet(AlarmKind::SenderCapped, now);
    } else {
        desk.alarms.clear(AlarmKind::SenderCapped);
    }
}

/// Whoever waits for a seat gets none before another connection ends, and Postfix waits with it.
fn look_at_connections(desk: &Desk) {
    if desk.traffic.n_kept_waiting() == 0 {
        desk.alarms.clear(AlarmKind::ConnectionsExhausted);
        return;
    }
    let detail = "milter.max_connections is reached, and Postfix waits for another connection";
    desk.alarms.raise(AlarmKind::ConnectionsExhausted, detail);
}

/// Without a file handle no connection can be accepted, not even one that asks for the figures.
fn look_at_handles(desk: &Desk) {
    let error = match File::open("/dev/null") {
        Ok(_) => return desk.alarms.clear(AlarmKind::HandlesExhausted),
        Err(error) => error,
    };
    let wants_handles = [Errno::EMFILE, Errno::ENFILE].map(|errno| Some(errno as i32));
    if wants_handles.contains(&error.raw_os_error()) {
        let detail = format!("no file can be opened: {error}");
        desk.alarms.raise(AlarmKind::HandlesExhausted, &detail);
    }
}

/// Never ends.
async fn look_at_spool(current: &CurrentDesk) {
    let (mut rounds, mut backlog) = (rounds(), Backlog::default());
    loop {
        rounds.tick().await;
        let desk = Arc::clone(&current.borrow());
        look_at_backlog(&desk, &mut backlog);
        look_at_disk(&desk).await;
        look_at_room(&desk);
    }
}

fn look_at_backlog(desk: &Desk, backlog: &mut Backlog) {
    let (n_waiting, oldest) = (desk.spool.n_waiting(), desk.spool.oldest_at());
    let age = oldest.and_then(|at| (Utc::now() - at).to_std().ok());
    desk.metrics.spool(n_waiting, age.unwrap_or_default());
    if n_waiting == 0 {
        desk.alarms.clear_part(AlarmKind::SpoolFailing, RECORDER);
    }
    if backlog.stands_since(oldest, Instant::now()) < STANDSTILL {
        return desk.alarms.clear(AlarmKind::CaptureWaits);
    }
    let detail = format!("{n_waiting} captures wait in the spool, and the oldest is not recorded");
    desk.alarms.raise(AlarmKind::CaptureWaits, &detail);
}

/// Whether the recorder gets on, by the capture that waits longest. The time of day is not asked: it
/// may step.
#[derive(Default)]
struct Backlog(Option<(DateTime<Utc>, Instant)>);

impl Backlog {
    /// For how long the same capture has been the oldest.
    fn stands_since(&mut self, oldest: Option<DateTime<Utc>>, now: Instant) -> Duration {
        let since = match (self.0, oldest) {
            (Some((before, since)), Some(oldest)) if before == oldest => since,
            _ => now,
        };
        self.0 = oldest.map(|oldest| (oldest, since));
        now.saturating_duration_since(since)
    }
}

async fn look_at_disk(desk: &Desk) {
    let probing = desk.spool.probe();
    tokio::pin!(probing);
    let probed = match timeout(DISK_PATIENCE, &mut probing).await {
        Ok(probed) => probed,
        Err(_) => {
            note_disk(desk, &Err(SpoolError::Stalled));
            // It is not asked for more meanwhile.
            probing.await
        }
    };
    note_disk(desk, &probed);
}

fn note_disk(desk: &Desk, probed: &Result<(), SpoolError>) {
    match probed {
        Ok(()) => {
            // What mail felt is over, too: there may be none for hours.
            for part in [DISK, MAIL] {
                let now = std::time::Instant::now();
                let kind = AlarmKind::SpoolFailing;
                desk.alarms.clear_quiet_part(kind, part, now);
            }
        }
        Err(error) => {
            let detail = Chain(error).to_string();
            desk.alarms
                .raise_part(AlarmKind::SpoolFailing, DISK, &detail);
        }
    }
}

fn look_at_room(desk: &Desk) {
    if let Ok(free) = desk.spool.free() {
        desk.metrics.disk("spool", free.bytes, free.inodes);
    }
    match desk.spool.room() {
        Ok(()) => desk.alarms.clear(AlarmKind::SpoolFull),
        Err(error @ SpoolError::Full { .. }) => {
            desk.alarms.raise(AlarmKind::SpoolFull, &error.to_string());
        }
        // The disk was tried right before, and has its alarm.
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_stands_still_while_the_same_capture_is_the_oldest() {
        let (first, now) = (Utc::now(), Instant::now());
        let second = first + Duration::from_secs(1);
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut backlog = Backlog::default();
        let mut stands = |oldest, at| backlog.stands_since(oldest, later(at)).as_secs();
        assert_eq!(stands(Some(first), 0), 0);
        assert_eq!(stands(Some(first), 30), 30);
        assert_eq!(
            stands(Some(second), 40),
            0,
            "it gets on, however long it is"
        );
        assert_eq!(stands(None, 50), 0);
        assert_eq!(stands(Some(second), 60), 0);
        assert_eq!(stands(Some(second), 61), 1);
    }

    #[test]
    fn every_fault_is_told_within_half_a_minute() {
        let limit = Duration::from_secs(30);
        assert!(ROUND + DISK_PATIENCE <= limit);
        assert!(ROUND + STANDSTILL <= limit);
    }
}
