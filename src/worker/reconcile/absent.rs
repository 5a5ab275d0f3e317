//! Undecided messages that are not on hold: moved by another hand, or never queued. One listing is no
//! proof, a queue that is not mounted is none, and Postfix's log is asked before anything is called
//! either. Never touches a decided message, nor a file.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Memory, PAGE,
    evidence::{self, Silence},
};
use crate::{
    domain::{capture_id::CaptureId, decision::Disposition, lifecycle::State},
    postfix::{
        error::PostfixError,
        hold::Place,
        log::{Findings, LogMark},
        presence::Presence,
    },
    store::{
        StoreError,
        settlements::{Closing, Undecided},
        standings::Known,
    },
    telemetry::{AlarmKind, events},
    worker::{
        Desk,
        asking::Asking,
        piecemeal::Piecemeal,
        prove,
        traces::Traces,
        troubles::{Part, Troubles},
    },
};

/// Captures closed in one statement.
const PART: usize = 500;

/// When more are missing than are left, and more than these, a person must look: a queue that is not
/// mounted looks like that, and so does the queue of another host under this instance's name.
const FEW: usize = 20;

/// What was captured so shortly before a listing may have come to the hold queue after it: it is looked
/// for by its name.
const ON_ITS_WAY: Duration = Duration::from_secs(10);

/// How long to leave such a riddle alone.
const RIDDLE_PAUSE: Duration = Duration::from_secs(60);

/// Captures whose file was missed by a listing.
#[derive(Debug, Default)]
pub(super) struct Absent {
    missed: HashMap<CaptureId, (Known, Instant)>,
    /// So many at once that none is given up before this.
    riddle_until: Option<Instant>,
}

/// A capture whose file is nowhere where it could be decided, and where it is instead.
struct Vanished {
    known: Known,
    place: Option<Place>,
}

impl Absent {
    /// The last listing has no file of this capture.
    pub fn miss(&mut self, known: Known) {
        let missed = (known.clone(), Instant::now());
        let (before, _) = self.missed.entry(known.capture_id).or_insert(missed);
        // It may have been confirmed since.
        *before = known;
    }

    /// Whether any is missing that was seen on hold before.
    pub fn has_held(&self) -> bool {
        let mut missed = self.missed.values();
        missed.any(|(known, _)| known.state == State::Held)
    }

    /// The same, or one that nobody has seen on hold, missed by listings so far apart.
    pub fn has_any(&self, apart: Duration) -> bool {
        let mut missed = self.missed.values();
        missed.any(|(known, since)| known.state == State::Held || since.elapsed() >= apart)
    }
}

/// Forgets what the listing has, and what has come since it began.
pub(super) async fn forget_present(desk: &Desk, memory: &mut Memory) {
    let (roll, listed_at) = (&memory.roll, memory.listed_at);
    let missed = &mut memory.absent.missed;
    missed.retain(|_, (known, _)| !roll.has(&known.queue_id));
    let recent = missed.values().map(|(known, _)| known);
    let recent = recent.filter(|known| known.captured_at + ON_ITS_WAY >= listed_at);
    for known in recent.cloned().collect::<Vec<_>>() {
        match desk.postfix.presence(&known.queue_id).await {
            Ok(Presence::Missing) | Err(_) => {}
            Ok(_) => drop(missed.remove(&known.capture_id)),
        }
    }
}

/// Closes the captures that were missed by two listings, some time apart, and are nowhere now.
pub(super) async fn close(desk: &Desk, memory: &mut Memory) -> Result<(), StoreError> {
    let apart = desk.settings().reconcile / 2;
    let due = memory.absent.missed.values();
    let due = due.filter(|(_, since)| since.elapsed() >= apart);
    let due = due.map(|(known, _)| known.clone()).collect();
    let due = undecided(desk, memory, due).await?;
    if due.is_empty() {
        // What was missing is back, or is settled.
        over_if_all_is_there(desk, memory);
        return Ok(());
    }
    if memory
        .absent
        .riddle_until
        .is_some_and(|until| Instant::now() < until && !memory.ground.is_confirmed())
    {
        return Ok(());
    }
    let mut vanished = Vec::new();
    for known in due {
        let id = known.capture_id;
        match look(desk, &known).await {
            Ok(Whereabouts::Vanished(place)) => vanished.push(Vanished { known, place }),
            Ok(Whereabouts::Here) => drop(memory.absent.missed.remove(&id)),
            Err(error) => Troubles::note(desk, Part::Queue, &error),
        }
    }
    if vanished.is_empty() {
        over_if_all_is_there(desk, memory);
        return Ok(());
    }
    let Some(closings) = explain(desk, memory, vanished).await else {
        return Ok(());
    };
    for part in closings.chunks(PART) {
        let mut rows = Piecemeal::of(Asking::Reconcile, part);
        while let Some(part) = rows.next() {
            match desk.store.settle_undecided(&desk.name, part).await {
                Ok(closed) => finish(desk, memory, part, &closed),
                Err(error) => rows.refused(desk, part, error)?,
            }
        }
    }
    Ok(())
}

fn over_if_all_is_there(desk: &Desk, memory: &Memory) {
    if !memory.absent.has_held() {
        Troubles::over(desk, Part::Stock);
    }
}

/// Forgets those that were decided or settled since they were missed: others see to them.
async fn undecided(
    desk: &Desk,
    memory: &mut Memory,
    due: Vec<Known>,
) -> Result<Vec<Known>, StoreError> {
    let instance = desk.settings().instance;
    let mut standing = HashSet::new();
    for part in due.chunks(PAGE as usize) {
        let ids: Vec<_> = part.iter().map(|known| known.queue_id.clone()).collect();
        for known in desk.store.known(&instance, &ids).await? {
            match known.state {
                State::Captured | State::Held => drop(standing.insert(known.capture_id)),
                State::Decided | State::Settled(_) => {}
            }
        }
    }
    let (due, over): (Vec<_>, Vec<_>) = due
        .into_iter()
        .partition(|known| standing.contains(&known.capture_id));
    for known in over {
        memory.absent.missed.remove(&known.capture_id);
    }
    Ok(due)
}

enum Whereabouts {
    /// On hold, or still being received.
    Here,
    Vanished(Option<Place>),
}

/// Looks for one file: into incoming before hold, which is the way that it goes.
async fn look(desk: &Desk, known: &Known) -> Result<Whereabouts, PostfixError> {
    let place = desk.postfix.elsewhere(&known.queue_id).await?;
    let presence = desk.postfix.presence(&known.queue_id).await?;
    let is_coming = known.state == State::Captured && place == Some(Place::Incoming);
    Ok(match presence {
        Presence::Missing if !is_coming => Whereabouts::Vanished(place),
        Presence::Missing
        | Presence::NotReady
        | Presence::Ready
        | Presence::ForceExpired
        | Presence::NotRegular => Whereabouts::Here,
    })
}

/// What became of them; `None` if that cannot be told now.
async fn explain(
    desk: &Desk,
    memory: &mut Memory,
    vanished: Vec<Vanished>,
) -> Option<Vec<Closing>> {
    let findings = read_log(desk, &vanished).await?;
    let (mut closings, mut silent) = (Vec::new(), Vec::new());
    for Vanished { known, place } in vanished {
        match evidence::told(&Traces::of(&known.queue_id, &findings, place)) {
            Some(told) => closings.push(evidence::gone(&known, told)),
            None => {
                let silence = Silence::of(&known.queue_id, &findings);
                silent.push((known, silence));
            }
        }
    }
    if silent.is_empty() {
        Troubles::over(desk, Part::Stock);
    } else if may_give_up(desk, memory, &silent).await {
        let since = desk.sightings.since();
        for (known, silence) in silent {
            let stay = memory
                .departed
                .stay(&known.queue_id, known.captured_at, since);
            let mut closing = evidence::closing_of_silent(&known, stay, silence);
            if let Ok(Some(name)) = desk.postfix.shortened(&known.queue_id).await {
                let told = format!("; its file is on hold as {name}: Postfix has renamed it");
                closing.evidence.push_str(&told);
            }
            closings.push(closing);
        }
    }
    Some(closings)
}

async fn read_log(desk: &Desk, vanished: &[Vanished]) -> Option<Findings> {
    let since = vanished.iter().map(|one| one.known.captured_at).min()?;
    let ids: Vec<_> = vanished
        .iter()
        .map(|one| one.known.queue_id.clone())
        .collect();
    match prove::find_traces(desk, LogMark::since(since), &ids).await {
        Ok(findings) => Some(findings),
        Err(error) => {
            Troubles::note(desk, Part::Log, &error);
            None
        }
    }
}

/// Whether what left without a word may be given up: Postfix's queues are where they were, it works in
/// them, this is the directory in which the messages were, and it is not most of what was there. A
/// directory that waits for its mount is empty as well.
async fn may_give_up(desk: &Desk, memory: &mut Memory, silent: &[(Known, Silence)]) -> bool {
    if let Err(error) = desk.postfix.check_queues().await {
        Troubles::note(desk, Part::Settings, &error);
        return false;
    }
    Troubles::over(desk, Part::Settings);
    if let Err(error) = desk.postfix.check_running().await {
        Troubles::note(desk, Part::Running, &error);
        return false;
    }
    Troubles::over(desk, Part::Running);
    let Some(riddle) = riddle(memory, silent) else {
        Troubles::over(desk, Part::Stock);
        return true;
    };
    Troubles::note(desk, Part::Stock, &riddle);
    memory.absent.riddle_until = Some(Instant::now() + RIDDLE_PAUSE);
    false
}

/// Why a person must look, unless one has.
fn riddle(memory: &Memory, silent: &[(Known, Silence)]) -> Option<PostfixError> {
    let n_missing = silent.len();
    let n_left = memory.roll.len().saturating_sub(memory.strays.len());
    if memory.ground.is_confirmed() {
        return None;
    }
    if silent
        .iter()
        .any(|(known, _)| !memory.ground.is_of(known.captured_at))
    {
        return Some(PostfixError::HoldUnknown { n_missing });
    }
    (n_missing > FEW && n_missing > n_left)
        .then_some(PostfixError::HoldEmptied { n_missing, n_left })
}

/// Tells of what is recorded. What is not was confirmed, decided or settled by others meanwhile.
fn finish(desk: &Desk, memory: &mut Memory, part: &[Closing], closed: &[CaptureId]) {
    for closing in part {
        let Some((known, _)) = memory.absent.missed.remove(&closing.capture_id) else {
            continue;
        };
        if !closed.contains(&closing.capture_id) {
            continue;
        }
        let id = &known.queue_id;
        let disposition = match closing.end {
            Undecided::Gone => {
                desk.metrics.gone();
                desk.alarms
                    .raise(AlarmKind::Gone, &format!("{id}: {}", closing.evidence));
                Disposition::Gone
            }
            Undecided::NeverQueued => {
                desk.metrics.never_queued();
                Disposition::NeverQueued
            }
        };
        events::message_settled(id, known.capture_id, disposition, None);
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_nobody_saw_on_hold_is_missing_when_two_listings_have_not_had_it() {
        let apart = Duration::from_secs(7);
        for (state, missed_for, is_missing) in [
            (State::Held, Duration::ZERO, true),
            (State::Captured, Duration::ZERO, false),
            (State::Captured, apart, true),
        ] {
            let capture_id = CaptureId::new(Uuid::nil());
            let known = Known {
                capture_id,
                queue_id: "4jWpV34xY7z1X8k0".parse().unwrap(),
                captured_at: Utc::now(),
                state,
            };
            let absent = Absent {
                missed: HashMap::from([(capture_id, (known, Instant::now() - missed_for))]),
                riddle_until: None,
            };
            assert_eq!(absent.has_any(apart), is_missing, "{state:?}");
            assert_eq!(absent.has_held(), state == State::Held);
        }
    }
}
