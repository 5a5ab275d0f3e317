//! Captured → held: a message can be decided only after it was seen on hold, ready, and the same.

use std::{collections::BTreeSet, sync::Arc};

use futures_util::{StreamExt, stream};
use tokio::sync::watch;

use super::{
    Bells, Desk,
    asking::Asking,
    identity::{self, Found},
    rung,
    troubles::{Part, Troubles},
};
use crate::{
    domain::capture_id::CaptureId,
    store::work::Standing,
    telemetry::{AlarmKind, events},
};

/// Captures asked of the database at once.
const PAGE: u32 = 500;

/// Captures confirmed at once: the first ones do not wait for all.
const PART: usize = 25;

/// Queue files read at once.
const AT_ONCE: usize = 4;

/// Captures whose queue file is another message: told once, left alone until a restart.
type Mismatched = BTreeSet<CaptureId>;

/// Confirms whenever it is rung.
pub(super) async fn run(desk: Arc<Desk>, bells: Arc<Bells>, mut stop: watch::Receiver<bool>) {
    let mut mismatched = Mismatched::new();
    while rung(&bells.confirm, &desk, &mut stop).await {
        Asking::Confirm.begin(&desk);
        confirm_all(&desk, &mut mismatched, &stop).await;
        Asking::Confirm.end(&desk);
    }
}

/// Asks for what is not confirmed, not for what is on hold: that may be a hundred thousand files.
async fn confirm_all(desk: &Desk, mismatched: &mut Mismatched, stop: &watch::Receiver<bool>) {
    let mut after = None;
    loop {
        let page = desk
            .store
            .unconfirmed(&desk.settings().instance, after, PAGE)
            .await;
        let page = match page {
            Ok(page) => page,
            Err(error) => return Asking::Confirm.note(desk, &error),
        };
        let Some(last) = page.last() else { return };
        after = Some(last.capture_id);
        for part in page.chunks(PART) {
            if *stop.borrow() {
                return;
            }
            confirm_part(desk, part, mismatched).await;
        }
        if page.len() < PAGE as usize {
            return;
        }
    }
}

async fn confirm_part(desk: &Desk, part: &[Standing], mismatched: &mut Mismatched) {
    let fresh = part
        .iter()
        .filter(|standing| !mismatched.contains(&standing.capture_id));
    let fresh: Vec<Standing> = fresh.cloned().collect();
    let looks = fresh.into_iter().map(|standing| async move {
        let found = identity::look(&desk.postfix, &standing, None).await;
        (standing, found)
    });
    let mut seen = Vec::new();
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some((standing, found)) = looks.next().await {
        match found {
            Ok(Found::Same(_)) => seen.push(standing),
            // Not on hold yet, or never to be: the next look tells.
            Ok(Found::NotReady | Found::Missing) => {}
            Ok(Found::Doubtful(reason)) => {
                desk.alarms.raise(
                    AlarmKind::IdentityMismatch,
                    &format!("{}: {reason}", standing.queue_id),
                );
                events::identity_mismatch(&standing.queue_id, standing.capture_id, &reason);
                mismatched.insert(standing.capture_id);
            }
            Err(error) => Troubles::note(desk, Part::Queue, &error),
        }
    }
    if !seen.is_empty() {
        note_held(desk, &seen).await;
    }
}

async fn note_held(desk: &Desk, seen: &[Standing]) {
    let ids: Vec<CaptureId> = seen.iter().map(|standing| standing.capture_id).collect();
    match desk.store.confirm(&ids).await {
        Ok(moved) => {
            desk.metrics.confirmed(moved.len());
            for standing in seen
                .iter()
                .filter(|standing| moved.contains(&standing.capture_id))
            {
                events::message_held(&standing.queue_id, standing.capture_id);
            }
        }
        Err(error) => Asking::Confirm.note(desk, &error),
    }
}
