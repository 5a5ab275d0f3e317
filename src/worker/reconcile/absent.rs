//! Undecided messages that are not on hold: moved by another hand, or never queued. One listing is no
//! proof, a queue that is not mounted is none, and Postfix's log is asked before anything is called
//! either. Never touches a decided message, nor a file.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{Memory, PAGE, sightings::Stay};
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

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.missed.is_empty()
    }
}

/// Closes the captures that were missed by two listings, some time apart, and are nowhere now.
pub(super) async fn close(desk: &Desk, memory: &mut Memory) -> Result<(), StoreError> {
    let roll = &memory.roll;
    memory
        .absent
        .missed
        .retain(|_, (known, _)| !roll.has(&known.queue_id));
    let apart = desk.settings().reconcile / 2;
    let due = memory.absent.missed.values();
    let due = due.filter(|(_, since)| since.elapsed() >= apart);
    let due = due.map(|(known, _)| known.clone()).collect();
    let due = undecided(desk, memory, due).await?;
    if due.is_empty() {
        // What was missing is back, or is settled.
        if memory.absent.missed.is_empty() {
            Troubles::over(desk, Part::Stock);
        }
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
        if memory.absent.missed.is_empty() {
            Troubles::over(desk, Part::Stock);
        }
        return Ok(());
    }
    let Some(closings) = explain(desk, memory, vanished).await else {
        return Ok(());
    };
    for part in closings.chunks(PART) {
        record(desk, memory, part).await?;
    }
    Ok(())
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
        match told(&Traces::of(&known.queue_id, &findings, place)) {
            Some(evidence) => closings.push(gone(&known, evidence)),
            None => silent.push(known),
        }
    }
    if silent.is_empty() {
        Troubles::over(desk, Part::Stock);
    } else if may_give_up(desk, memory, &silent).await {
        let since = desk.sightings.since();
        for known in silent {
            let stay = memory
                .departed
                .stay(&known.queue_id, known.captured_at, since);
            let mut closing = closing_of_silent(&known, stay, desk.postfix.has_log());
            if let Ok(Some(name)) = desk.postfix.shortened(&known.queue_id).await {
                let told = format!("; its file is on hold as {name}: Postfix has renamed it");
                closing.evidence.push_str(&told);
            }
            closings.push(closing);
        }
    }
    Some(closings)
}

/// What log and queues tell of how a message left, if they do.
fn told(traces: &Traces) -> Option<String> {
    if let Some((effect, stamp)) = &traces.logged {
        let mut evidence = format!("postsuper logged {effect:?} at {stamp}, before a decision");
        match (&traces.requeued_as, traces.place) {
            (Some(new), _) => evidence.push_str(&format!("; it is {new} now")),
            (None, Some(Place::Maildrop)) => evidence.push_str("; it waits to be picked up"),
            (None, _) => {}
        }
        return Some(evidence);
    }
    if let Some(new) = &traces.requeued_as {
        return Some(format!(
            "pickup logged that it is {new} now, and no log tells who let it go"
        ));
    }
    if let Some(stamp) = &traces.taken_up {
        return Some(format!(
            "qmgr logged at {stamp} that it took it up for delivery, and no log tells who let it go"
        ));
    }
    let place = traces.place?.directory();
    Some(format!(
        "it is in Postfix's queue {place}, and no log tells who let it go"
    ))
}

fn gone(known: &Known, evidence: String) -> Closing {
    Closing {
        capture_id: known.capture_id,
        end: Undecided::Gone,
        evidence,
    }
}

/// Without a log, mail that was delivered all the same looks like mail that was never queued.
fn closing_of_silent(known: &Known, stay: Stay, has_log: bool) -> Closing {
    let evidence = match (known.state, stay) {
        (State::Captured, Stay::Never) if !has_log => {
            "it is in no queue and was not seen on hold, and no log tells whether it was delivered"
        }
        (State::Captured, Stay::Never) => {
            return Closing {
                capture_id: known.capture_id,
                end: Undecided::NeverQueued,
                evidence: "it was never on hold, is in no queue, and no log knows it".to_owned(),
            };
        }
        (State::Captured, Stay::Unknown) => {
            "it is in no queue, no log tells why, and the hold queue was not watched all the time \
             since it was captured"
        }
        (State::Captured, Stay::Seen) | (State::Held | State::Decided | State::Settled(_), _) => {
            "it was on hold and is not there, and no log tells why"
        }
    };
    gone(known, evidence.to_owned())
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
async fn may_give_up(desk: &Desk, memory: &mut Memory, silent: &[Known]) -> bool {
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
fn riddle(memory: &Memory, silent: &[Known]) -> Option<PostfixError> {
    let n_missing = silent.len();
    let n_left = memory.roll.len().saturating_sub(memory.strays.len());
    if memory.ground.is_confirmed() {
        return None;
    }
    if silent
        .iter()
        .any(|known| !memory.ground.is_of(known.captured_at))
    {
        return Some(PostfixError::HoldUnknown { n_missing });
    }
    (n_missing > FEW && n_missing > n_left)
        .then_some(PostfixError::HoldEmptied { n_missing, n_left })
}

/// Records some of them; if one is refused for what it is, the others do not wait for it.
async fn record(desk: &Desk, memory: &mut Memory, part: &[Closing]) -> Result<(), StoreError> {
    match desk.store.settle_undecided(&desk.name, part).await {
        Ok(closed) => finish(desk, memory, part, &closed),
        Err(error) if error.is_transient() => return Err(error),
        Err(_) => {
            for one in part.chunks(1) {
                match desk.store.settle_undecided(&desk.name, one).await {
                    Ok(closed) => finish(desk, memory, one, &closed),
                    Err(error) if error.is_transient() => return Err(error),
                    Err(error) => Asking::Reconcile.note(desk, &error),
                }
            }
        }
    }
    Ok(())
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
    fn without_a_log_nothing_is_called_never_queued() {
        let known = Known {
            capture_id: CaptureId::new(Uuid::nil()),
            queue_id: "4jWpV34xY7z1X8k0".parse().unwrap(),
            captured_at: Utc::now(),
            state: State::Captured,
        };
        let end = |has_log| closing_of_silent(&known, Stay::Never, has_log).end;
        assert!(matches!(end(true), Undecided::NeverQueued));
        assert!(matches!(end(false), Undecided::Gone));
    }

    #[test]
    fn a_new_name_tells_that_a_message_left_where_nothing_else_is_logged() {
        let traces = Traces {
            requeued_as: Some("4jWpV34xY7z1X8k0".parse().unwrap()),
            ..Traces::default()
        };
        let evidence = told(&traces).unwrap_or_default();
        assert!(evidence.contains("4jWpV34xY7z1X8k0"), "{evidence}");
        assert_eq!(told(&Traces::default()), None);
    }
}
