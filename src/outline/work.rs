//! Takes what waits, has it taken apart, records what came of it. A message that ends its reader twice
//! is marked as failed, with the reason, and can be decided as it is.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

use super::{
    Desk,
    child::{Child, Mishap},
};
use crate::{
    domain::capture_id::CaptureId,
    mail::outline::Outlined,
    store::{
        StoreError,
        outlines::{Due, Failure},
    },
    telemetry::{AlarmKind, chain::Chain, events},
};

/// A message may take its whole time twice: only then may somebody else take it.
const TIMES: u32 = 2;
/// A message is tried this often: its reader may have ended for another reason.
const ATTEMPTS: u32 = 2;
/// One that could not be recorded may be why: it comes round again, and not at once.
const RECORDED_LATER: Duration = Duration::from_secs(30);

/// Works until `stop` turns true. One message at a time: an attempt counts before it begins, so that one
/// that ends this very process is known by it, and no other is.
pub(super) async fn run(desk: Arc<Desk>, bell: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut child = Child::default();
    while !*stop.borrow() {
        let rung = bell.notified();
        match round(&desk, &mut child).await {
            Ok(Round::Done) => continue,
            Ok(Round::Nothing) => {}
            Err(error) => {
                desk.alarms
                    .raise(AlarmKind::StoreUnreachable, &Chain(&error).to_string());
                events::store_unreachable(&error);
            }
        }
        tokio::select! {
            () = rung => {}
            () = sleep(desk.settings.poll) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Whether there may be more.
enum Round {
    Done,
    Nothing,
}

async fn round(desk: &Desk, child: &mut Child) -> Result<Round, StoreError> {
    let lease = desk.settings.deadline * TIMES + Duration::from_secs(60);
    let taken = desk.store.take_outline(lease).await?;
    desk.alarms.clear(AlarmKind::StoreUnreachable);
    let Some(due) = taken else {
        return Ok(Round::Nothing);
    };
    let done = one(desk, child, &due).await;
    if done.is_err() {
        // Not the message's fault. If not even this can be said, it waits for the end of the lease.
        let put_back = desk.store.put_back_outline(due.capture_id, RECORDED_LATER);
        put_back.await.ok();
    }
    done.map(|()| Round::Done)
}

async fn one(desk: &Desk, child: &mut Child, due: &Due) -> Result<(), StoreError> {
    let capture_id = due.capture_id;
    // Whoever had it before did not even come to say what went wrong.
    if due.attempt > ATTEMPTS {
        return fail(desk, capture_id, Failure::Crashed).await;
    }
    if due.size_bytes > desk.settings.size_limit_bytes {
        return fail(desk, capture_id, Failure::TooLarge).await;
    }
    let mut message = Vec::new();
    let mut content = desk.store.content(capture_id);
    while let Some(chunk) = content.next_chunk().await? {
        message.extend_from_slice(&chunk);
    }
    match read(desk, child, due, &message).await {
        Ok(outlined) => {
            let is_doubtful = outlined.outline.is_doubtful();
            match desk.store.record_outline(capture_id, &outlined).await {
                Ok(()) => {}
                // It would be refused again, and hold up the others.
                Err(error) if !error.is_transient() => {
                    events::outline_interrupted(capture_id, &error);
                    return fail(desk, capture_id, Failure::Crashed).await;
                }
                Err(error) => return Err(error),
            }
            desk.metrics
                .outlined(if is_doubtful { "doubtful" } else { "whole" });
            Ok(())
        }
        Err(Unread::Failed(failure)) => fail(desk, capture_id, failure).await,
        Err(Unread::Later) => {
            desk.store
                .put_back_outline(capture_id, Duration::ZERO)
                .await
        }
    }
}

/// Why a message has no outline.
enum Unread {
    Failed(Failure),
    /// Not for a fault of the message.
    Later,
}

async fn read(
    desk: &Desk,
    child: &mut Child,
    due: &Due,
    message: &[u8],
) -> Result<Outlined, Unread> {
    let first = child.outline(desk, message).await;
    let mishap = match first {
        Ok(outlined) => {
            desk.alarms.clear(AlarmKind::OutlineFailing);
            return Ok(outlined);
        }
        // What is slow once is slow again.
        Err(Mishap::Slow) => return Err(Unread::Failed(Failure::TooSlow)),
        Err(mishap @ Mishap::Start { .. }) => {
            desk.alarms
                .raise(AlarmKind::OutlineFailing, &Chain(&mishap).to_string());
            sleep(desk.settings.poll).await;
            return Err(Unread::Later);
        }
        Err(mishap @ Mishap::Ended { .. }) => mishap,
    };
    events::outline_interrupted(due.capture_id, &mishap);
    match child.outline(desk, message).await {
        Ok(outlined) => Ok(outlined),
        Err(Mishap::Slow) => Err(Unread::Failed(Failure::TooSlow)),
        Err(Mishap::Ended { .. }) => Err(Unread::Failed(Failure::Crashed)),
        Err(Mishap::Start { .. }) => Err(Unread::Later),
    }
}

async fn fail(desk: &Desk, capture_id: CaptureId, failure: Failure) -> Result<(), StoreError> {
    desk.store.record_no_outline(capture_id, failure).await?;
    desk.metrics.outlined("failed");
    events::outline_failed(capture_id, failure.as_str());
    Ok(())
}
