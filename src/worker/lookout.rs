//! Looks after what nobody may ask for in a long time: whether Postfix runs, whether decisions wait,
//! whether the database has the same time. Does nothing about it, but for decisions that a clock that
//! was set back would keep waiting.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Desk,
    asking::Asking,
    troubles::{Part, Troubles},
};
use crate::{
    store::{StoreError, figures::Waiting},
    telemetry::AlarmKind,
};

/// A fault is looked for this often, however long `worker.poll` is.
const ROUND: Duration = Duration::from_secs(5);

/// How long a decision may take while all is well. Together with a round less than half a minute.
const PATIENCE: Duration = Duration::from_secs(20);

/// Never ends. What hangs in one look keeps no other from being made. The first one comes after a
/// pause: at a start there is enough to do.
pub(super) async fn run(desk: Arc<Desk>) {
    tokio::join!(
        async {
            loop {
                sleep(ROUND).await;
                look_at_postfix(&desk).await;
            }
        },
        async {
            loop {
                sleep(ROUND).await;
                look_at_store(&desk).await;
            }
        },
    );
}

async fn look_at_postfix(desk: &Desk) {
    match desk.postfix.check_running().await {
        Ok(()) => Troubles::over(desk, Part::Running),
        Err(error) => Troubles::note(desk, Part::Running, &error),
    }
}

async fn look_at_store(desk: &Desk) {
    Asking::LookOut.begin(desk);
    if let Err(error) = ask_store(desk).await {
        Asking::LookOut.note(desk, &error);
    }
    Asking::LookOut.end(desk);
}

async fn ask_store(desk: &Desk) -> Result<(), StoreError> {
    let settings = desk.settings();
    let stuck = desk
        .store
        .stuck(&settings.instance, PATIENCE, settings.lease)
        .await?;
    note_stuck(desk, &stuck);
    // A worker that still has such a lease loses it, as one that was frozen does.
    let longest = settings.lease.max(settings.max_backoff);
    desk.store.make_due(&settings.instance, longest).await?;
    match desk.store.clock_fault().await? {
        Some(detail) => desk.alarms.raise(AlarmKind::ClockApart, &detail),
        None => desk.alarms.clear(AlarmKind::ClockApart),
    }
    Ok(())
}

fn note_stuck(desk: &Desk, stuck: &Waiting) {
    let Some(oldest) = stuck.oldest else {
        desk.alarms.clear(AlarmKind::DecisionWaits);
        return;
    };
    // No reason of a single message: this is shown where a queue ID must not be.
    let detail = format!(
        "{} decided messages wait, the first since {}: `mailhold reviews show` has the reason",
        stuck.count,
        oldest.format("%Y-%m-%d %H:%M:%S UTC"),
    );
    desk.alarms.raise(AlarmKind::DecisionWaits, &detail);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_told_within_half_a_minute() {
        assert!(PATIENCE + ROUND <= Duration::from_secs(30));
    }
}
