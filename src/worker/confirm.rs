//! Captured → held: a message can be decided only after it was seen on hold, ready, and the same.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::{sync::watch, time::Instant};

use super::{
    Bells, Desk,
    asking::Asking,
    doubts,
    identity::{self, Found},
    piecemeal::Piecemeal,
    recipients, rung,
    troubles::{Part, Troubles},
};
use crate::{
    domain::{capture_id::CaptureId, pace::Pace},
    postfix::Held,
    store::{StoreError, added::Added, work::Standing},
    telemetry::events,
};

/// Captures asked of the database at once.
const PAGE: u32 = 500;

/// How far rounds are apart under load, when each file and each record rings: every round is some
/// statements and a sync, for one message as for many.
const APART: Duration = Duration::from_millis(100);

/// Captures confirmed at once: the first ones of a backlog do not wait for all.
const PART: usize = 100;

/// Queue files are read in goes of about so many bytes, one after the other without a pause: waking
/// up for each of many small ones costs more than reading it.
const GO_BYTES: u64 = 256 * 1_024;

/// Goes at once.
const AT_ONCE: usize = 4;

/// The first pause before a file that was another message is read again; it doubles every time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest one: so soon after a file was mended its message can be decided.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Captures whose queue file was another message: looked at again now and then, because whoever
/// changed a file may put it right.
#[derive(Default)]
struct Doubted(HashMap<CaptureId, Again>);

/// When to look again, and how long the pause before it is.
#[derive(Clone, Copy)]
struct Again {
    at: Instant,
    pause: Duration,
}

impl Doubted {
    fn is_due(&self, capture_id: CaptureId, now: Instant) -> bool {
        let again = self.0.get(&capture_id);
        again.is_none_or(|again| again.at <= now)
    }

    fn put_off(&mut self, capture_id: CaptureId, now: Instant) {
        let again = self.0.entry(capture_id).or_insert(Again {
            at: now,
            pause: FIRST_PAUSE / 2,
        });
        again.pause = (again.pause * 2).min(LONGEST_PAUSE);
        again.at = now + again.pause;
    }

    /// Forgets those that were confirmed, or settled by another hand.
    fn keep(&mut self, unconfirmed: &HashSet<CaptureId>) {
        self.0.retain(|id, _| unconfirmed.contains(id));
    }
}

/// Confirms whenever it is rung.
pub(super) async fn run(desk: Arc<Desk>, bells: Arc<Bells>, mut stop: watch::Receiver<bool>) {
    let mut doubted = Doubted::default();
    let (mut pace, begin) = (Pace::new(APART), Instant::now());
    while rung(&bells.confirm, &desk, &mut stop).await {
        tokio::time::sleep(pace.take(begin.elapsed())).await;
        Asking::Confirm.begin(&desk);
        confirm_all(&desk, &mut doubted, &stop).await;
        Asking::Confirm.end(&desk);
    }
}

/// Asks for what is not confirmed, not for what is on hold: that may be a hundred thousand files.
async fn confirm_all(desk: &Desk, doubted: &mut Doubted, stop: &watch::Receiver<bool>) {
    let mut after = None;
    let mut unconfirmed = HashSet::new();
    loop {
        let page = desk
            .store
            .unconfirmed(&desk.settings().instance, after, PAGE)
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) => return Asking::Confirm.note(desk, &error),
        };
        let ids = page.iter().map(|standing| standing.capture_id);
        unconfirmed.extend(ids.filter(|id| doubted.0.contains_key(id)));
        after = page.last().map(|last| last.capture_id).or(after);
        for part in page.chunks(PART) {
            if *stop.borrow() {
                return;
            }
            confirm_part(desk, part, doubted).await;
        }
        if page.len() < PAGE as usize {
            doubted.keep(&unconfirmed);
            return;
        }
    }
}

async fn confirm_part(desk: &Desk, part: &[Standing], doubted: &mut Doubted) {
    let now = Instant::now();
    let due = part
        .iter()
        .filter(|standing| doubted.is_due(standing.capture_id, now));
    let looks = goes(due.cloned())
        .into_iter()
        .map(|go| identity::look_at_several(&desk.postfix, go));
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let mut looked = Vec::new();
    while let Some(go) = looks.next().await {
        match go {
            Ok(go) => looked.extend(go),
            Err(error) => Troubles::note(desk, Part::Queue, &error),
        }
    }
    let mut seen = Vec::new();
    for (standing, found) in looked {
        match found {
            Ok(Found::Same(held)) => seen.push((standing, held)),
            // Not on hold yet, or never to be: the next look tells.
            Ok(Found::NotReady | Found::Missing) => {}
            Ok(Found::Doubtful(reason)) => {
                doubted.put_off(standing.capture_id, Instant::now());
                doubts::note(desk, Asking::Confirm, &standing, &reason).await;
            }
            Err(error) => Troubles::note(desk, Part::Queue, &error),
        }
    }
    let mut rows = Piecemeal::of(Asking::Confirm, &seen);
    while let Some(part) = rows.next() {
        let taken = match record(desk, part).await {
            Ok(moved) => {
                tell(desk, part, &moved);
                Ok(())
            }
            Err(error) => rows.refused(desk, part, error),
        };
        if let Err(error) = taken {
            return Asking::Confirm.note(desk, &error);
        }
    }
}

/// Cuts captures so that each cut is read in one go.
fn goes(due: impl Iterator<Item = Standing>) -> Vec<Vec<Standing>> {
    let mut goes: Vec<Vec<Standing>> = Vec::new();
    let mut n_bytes = u64::MAX;
    for standing in due {
        n_bytes = n_bytes.saturating_add(standing.size_bytes);
        match goes.last_mut() {
            Some(go) if n_bytes <= GO_BYTES => go.push(standing),
            _ => {
                n_bytes = standing.size_bytes;
                goes.push(vec![standing]);
            }
        }
    }
    goes
}

fn tell(desk: &Desk, seen: &[(Standing, Box<Held>)], moved: &[CaptureId]) {
    desk.metrics.confirmed(moved.len());
    for (standing, _) in seen {
        if moved.contains(&standing.capture_id) {
            events::message_held(&standing.queue_id, standing.capture_id);
        }
    }
}

/// Records what Postfix added, and only then that the messages can be decided: nobody decides
/// without having been able to see it.
async fn record(desk: &Desk, seen: &[(Standing, Box<Held>)]) -> Result<Vec<CaptureId>, StoreError> {
    let ids = seen.iter().map(|(standing, _)| standing.capture_id);
    let ids: Vec<CaptureId> = ids.collect();
    let named = desk.store.named_recipients(&ids).await?;
    let found = seen.iter().map(|(standing, held)| {
        let id = standing.capture_id;
        let named = named.get(&id).map(Vec::as_slice).unwrap_or_default();
        (id, recipients::added(&held.message, named))
    });
    let found: Vec<(CaptureId, Added)> = found.filter(|(_, added)| added.n_in_all > 0).collect();
    if !found.is_empty() {
        desk.store.note_added(&found).await?;
    }
    desk.store.confirm(&ids).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_doubt_is_read_again_ever_more_seldom_but_soon_after_it_is_mended() {
        let id = CaptureId::new(uuid::Uuid::now_v7());
        let mut doubted = Doubted::default();
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            assert!(doubted.is_due(id, now));
            doubted.put_off(id, now);
            assert!(!doubted.is_due(id, now));
            let pause = doubted.0.get(&id).unwrap().pause;
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        doubted.keep(&HashSet::from([id]));
        assert!(!doubted.0.is_empty());
        doubted.keep(&HashSet::new());
        assert!(doubted.0.is_empty());
    }
}
