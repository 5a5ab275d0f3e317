//! The events of strays: mail on hold that nobody captured. Never an address, never content.

use tracing::{error, info, warn};

use crate::domain::{capture_id::CaptureId, queue_id::QueueId};

/// Mail is on hold that nobody captured.
pub fn message_stray(queue_id: &QueueId, size_bytes: u64) {
    warn!(
        event = "message.stray",
        queue_id = %queue_id,
        size_bytes,
        "{queue_id}: on hold, and not captured"
    );
}

/// A stray is none any more: `captured` after all, or it has `left` hold by another hand.
pub fn stray_ended(queue_id: &QueueId, end: &str) {
    info!(
        event = "stray.ended",
        queue_id = %queue_id,
        end,
        "{queue_id}: no stray any more: {end}"
    );
}

/// An adopted stray was captured.
pub fn stray_adopted(queue_id: &QueueId, capture_id: CaptureId) {
    info!(
        event = "stray.adopted",
        queue_id = %queue_id,
        capture_id = %capture_id,
        "{queue_id}: captured, because it was adopted"
    );
}

/// A message has two records, because it was adopted; this one ends, and the other one is reviewed.
pub fn recorded_twice(queue_id: &QueueId, capture_id: CaptureId) {
    info!(
        event = "stray.recorded_twice",
        queue_id = %queue_id,
        capture_id = %capture_id,
        "{queue_id}: recorded twice, because it was adopted; it is reviewed once"
    );
}

/// An adopted stray cannot be captured.
pub fn adoption_failed(queue_id: &QueueId, reason: &str) {
    error!(
        event = "stray.adoption_failed",
        queue_id = %queue_id,
        reason,
        "{queue_id}: adopted, and cannot be captured: {reason}"
    );
}
