//! The events of outlines, messages taken apart for people, and of the desk where they are read. Never
//! a word out of a message.

use std::error::Error;

use tracing::{error, warn};

use super::super::chain::Chain;
use crate::domain::capture_id::CaptureId;

/// The reader of a message ended in the middle of it; it is tried once more.
pub fn outline_interrupted(capture_id: CaptureId, error: &(dyn Error + 'static)) {
    let text = Chain(error).to_string();
    warn!(
        event = "outline.interrupted",
        capture_id = %capture_id,
        error = text,
        "{capture_id}: {text}"
    );
}

/// A message has no outline; people see it as it is.
pub fn outline_failed(capture_id: CaptureId, reason: &str) {
    warn!(
        event = "outline.failed",
        capture_id = %capture_id,
        reason,
        "{capture_id}: cannot be taken apart: {reason}"
    );
}

/// A request to the review desk met a fault of ours or of a service; its reader was told the reference.
pub fn web_failed(reference: &str, error: &(dyn Error + 'static)) {
    let text = Chain(error).to_string();
    error!(
        event = "web.failed",
        reference,
        error = text,
        "request {reference}: {text}"
    );
}
