//! What is done about a queue file that may not be the captured message: an alarm, an event, and a
//! doubt on the record until a later look finds the captured message. Never touches the file.

use tokio::time::Instant;

use super::{Desk, asking::Asking};
use crate::{
    domain::capture_id::CaptureId,
    store::work::Standing,
    telemetry::{AlarmKind, events},
};

/// Tells of a doubt, once for each reason, and records it.
pub(super) async fn note(desk: &Desk, asking: Asking, standing: &Standing, reason: &str) {
    let Standing {
        capture_id,
        queue_id,
        ..
    } = standing;
    match desk.store.doubt(*capture_id, reason).await {
        Ok(true) => events::identity_mismatch(queue_id, *capture_id, reason),
        Ok(false) => {}
        // The next look at this file records it.
        Err(error) => {
            events::identity_mismatch(queue_id, *capture_id, reason);
            asking.note(desk, &error);
        }
    }
    // Not before: whoever counts the doubts meanwhile would end it.
    desk.alarms.raise(
        AlarmKind::IdentityMismatch,
        &format!("{queue_id}: {reason}"),
    );
}

/// The captured messages were found under these names.
pub(super) async fn over(desk: &Desk, asking: Asking, found: &[CaptureId]) {
    if found.is_empty() {
        return;
    }
    if let Err(error) = desk.store.clear_doubts(found).await {
        asking.note(desk, &error);
    }
}

/// The alarm stands as long as any message in review is in doubt, whichever worker saw it; `asked`
/// is when they were counted.
pub(super) fn counted(desk: &Desk, n_doubted: u64, asked: Instant) {
    match n_doubted {
        0 => desk
            .alarms
            .clear_unless_seen_since(AlarmKind::IdentityMismatch, asked.into_std()),
        1 => desk.alarms.raise(
            AlarmKind::IdentityMismatch,
            "the queue file of a message is not what was captured",
        ),
        more => desk.alarms.raise(
            AlarmKind::IdentityMismatch,
            &format!("the queue files of {more} messages are not what was captured"),
        ),
    }
}
