//! Held files that somebody has touched since they were confirmed: is each still the captured
//! message? Who decides must know before. Asks nothing of a file that the watch has not told of, and
//! never touches one.

use super::Memory;
use crate::{
    domain::instance::Instance,
    store::StoreError,
    worker::{
        Desk,
        asking::Asking,
        doubts,
        identity::{self, Found},
        troubles::{Part, Troubles},
    },
};

/// Files read in one pass: whoever touches all of them keeps no loss from being told.
const MOST: usize = 100;

/// Looks at some of the files that were told of; the others wait for the next pass.
pub(super) async fn look(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let part: Vec<_> = memory.touched.iter().take(MOST).cloned().collect();
    if part.is_empty() {
        return Ok(());
    }
    let held = desk.store.held_among(instance, &part).await?;
    for id in &part {
        memory.touched.remove(id);
    }
    let mut same = Vec::new();
    let mut held = held.into_iter();
    for standing in held.by_ref() {
        match identity::look(&desk.postfix, &standing, None).await {
            Ok(Found::Same(_)) => same.push(standing.capture_id),
            Ok(Found::Doubtful(reason)) => {
                doubts::note(desk, Asking::Reconcile, &standing, &reason).await;
            }
            Ok(Found::NotReady) => drop(memory.unread.insert(standing.queue_id)),
            // The next listing tells.
            Ok(Found::Missing) => {}
            Err(error) => {
                Troubles::note(desk, Part::Queue, &error);
                memory.unread.insert(standing.queue_id);
                // A disk that fails may take long over each.
                break;
            }
        }
    }
    memory
        .touched
        .extend(held.map(|standing| standing.queue_id));
    doubts::over(desk, Asking::Reconcile, &same).await;
    Ok(())
}
