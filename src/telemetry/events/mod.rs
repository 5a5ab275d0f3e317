//! Every log line that operators search for, named once. docs/monitoring.md lists them.
//!
//! The text starts with the queue ID, as Postfix's own lines do, so that one search joins both
//! logs. Never a subject, a header value, a body; never an address above debug.

use std::{error::Error, path::Path, time::Duration};

use tracing::{debug, error, info, warn};

mod directory;
mod outline;
mod strays;

pub use self::directory::{
    directory_ambiguous, directory_server_back, directory_server_failed, directory_unreachable,
    mirror_absent, mirror_lost, mirror_ready, sign_in_ambiguous,
};
pub use self::outline::{outline_failed, outline_interrupted, web_failed};
pub use self::strays::{
    adoption_failed, message_stray, recorded_twice, stray_adopted, stray_ended,
};
use super::chain::Chain;
use crate::domain::{
    capture::Capture,
    capture_id::CaptureId,
    decision::{Decision, Disposition},
    queue_id::QueueId,
    verdict::Grounds,
};

/// A process has read its settings and begins to work.
pub fn role_started(role: &str) {
    let version = env!("CARGO_PKG_VERSION");
    info!(
        event = "role.started",
        role, version, "{role} {version} started"
    );
}

/// A process does its work from now on.
pub fn role_ready(role: &str) {
    info!(event = "role.ready", role, "{role} is ready");
}

/// A process finishes what is on its way and takes nothing new.
pub fn role_draining(role: &str, n_open: usize) {
    info!(
        event = "role.draining",
        role, n_open, "{role} is draining {n_open} messages"
    );
}

/// A process ends.
pub fn role_stopped(role: &str) {
    info!(event = "role.stopped", role, "{role} stopped");
}

/// The settings are valid but weaken a promise.
pub fn config_warned(setting: &str, text: &str) {
    warn!(event = "config.warned", setting, "{setting}: {text}");
}

/// The settings were read again and are in force, but for those that need a restart.
pub fn config_reloaded(role: &str, need_restart: &[String]) {
    let need_restart = need_restart.join(", ");
    let text = if need_restart.is_empty() {
        String::new()
    } else {
        format!("; only a restart takes up: {need_restart}")
    };
    info!(
        event = "config.reloaded",
        role, need_restart, "{role} has read its settings again{text}"
    );
}

/// The settings were read again, are at fault, and stay as they were.
pub fn config_kept(role: &str, faults: &str) {
    error!(
        event = "config.kept",
        role,
        error = faults,
        "{role} keeps its settings: {faults}"
    );
}

/// A listener is bound.
pub fn listening(socket: &str, instance: &str) {
    info!(
        event = "milter.listening",
        socket, instance, "listening on {socket} for {instance}"
    );
}

/// A connection could not be accepted; the listener tries again.
pub fn accept_failed(socket: &str, error: &std::io::Error) {
    let text = error.to_string();
    warn!(
        event = "milter.accept_failed",
        socket,
        error = text,
        "{socket}: accept failed: {text}"
    );
}

/// Postfix does not offer what a review needs; its connection is refused.
pub fn negotiation_failed(missing: &str) {
    error!(
        event = "milter.negotiation_failed",
        missing, "Postfix does not offer {missing}"
    );
}

/// A flagged person's message that a rule lets pass.
pub fn message_passed(queue_id: Option<&QueueId>, grounds: &Grounds, n_recipients: usize) {
    let id = queue_id.map_or("NOQUEUE", QueueId::as_str);
    let reason = &grounds.rule;
    info!(
        event = "message.passed",
        queue_id = id,
        verdict = "pass",
        reason,
        n_recipients,
        "{id}: passed: {reason}"
    );
}

/// A message that would have been held goes on, because its rule or the whole site only watches.
pub fn message_watched(queue_id: Option<&QueueId>, grounds: &Grounds, n_recipients: usize) {
    let id = queue_id.map_or("NOQUEUE", QueueId::as_str);
    let reason = &grounds.rule;
    info!(
        event = "message.watched",
        queue_id = id,
        verdict = "watch",
        reason,
        n_recipients,
        "{id}: watched, not held: {reason}"
    );
}

/// Watched messages will be missing from the figures; the messages themselves have long gone on.
pub fn watched_dropped(n_messages: usize, reason: &str) {
    warn!(
        event = "watched.dropped",
        n_messages, reason, "{n_messages} watched messages are not recorded: {reason}"
    );
}

/// A message that is to be held goes to a protected correspondent as well; its sender is asked to
/// send it separately.
pub fn message_refused(queue_id: Option<&QueueId>, grounds: &Grounds, n_recipients: usize) {
    let id = queue_id.map_or("NOQUEUE", QueueId::as_str);
    let reason = &grounds.rule;
    info!(
        event = "message.refused",
        queue_id = id,
        verdict = "refuse",
        reason,
        n_recipients,
        "{id}: refused, to be sent separately: {reason}"
    );
}

/// A capture is durable in the spool; the quarantine is being asked for.
pub fn message_captured(capture: &Capture, duration: Duration) {
    let id = capture.queue_id.as_str();
    let reason = &capture.grounds.rule;
    info!(
        event = "message.captured",
        queue_id = id,
        capture_id = %capture.id,
        instance = %capture.instance,
        verdict = "hold",
        reason,
        n_recipients = capture.envelope.recipients.len(),
        size_bytes = capture.size_bytes,
        duration_ms = millis(duration),
        "{id}: captured for review: {reason}"
    );
}

/// A message is asked to come again later.
pub fn message_try_again(queue_id: Option<&QueueId>, reason: &str, error: &(dyn Error + 'static)) {
    let id = queue_id.map_or("NOQUEUE", QueueId::as_str);
    let chain = Chain(error).to_string();
    warn!(
        event = "message.try_again",
        queue_id = id,
        verdict = "try_again",
        reason,
        error = chain,
        "{id}: try again: {chain}"
    );
}

/// Captures are in PostgreSQL.
pub fn message_recorded(queue_id: &QueueId, capture_id: CaptureId) {
    debug!(event = "message.recorded", queue_id = %queue_id, capture_id = %capture_id, "{queue_id}: recorded");
}

/// A capture was seen ready in the hold queue, with the captured content.
pub fn message_held(queue_id: &QueueId, capture_id: CaptureId) {
    info!(
        event = "message.held",
        queue_id = %queue_id,
        capture_id = %capture_id,
        "{queue_id}: held for review"
    );
}

/// A reviewer's decision was taken up.
pub fn review_decided(queue_id: &QueueId, capture_id: CaptureId, decision: Decision) {
    info!(
        event = "review.decided",
        queue_id = %queue_id,
        capture_id = %capture_id,
        decision = decision.as_str(),
        "{queue_id}: {decision} decided"
    );
}

/// A message left review: a decision was carried out, another hand was faster, or Postfix never took
/// the message.
pub fn message_settled(
    queue_id: &QueueId,
    capture_id: CaptureId,
    disposition: Disposition,
    new_queue_id: Option<&QueueId>,
) {
    let event = match disposition {
        Disposition::Released => "message.released",
        Disposition::Discarded => "message.discarded",
        Disposition::Returned => "message.returned",
        Disposition::Gone => "message.gone",
        Disposition::NeverQueued => "message.never_queued",
    };
    let new = new_queue_id.map(QueueId::as_str).unwrap_or_default();
    info!(
        event,
        queue_id = %queue_id,
        new_queue_id = new_queue_id.map(QueueId::as_str),
        capture_id = %capture_id,
        disposition = disposition.as_str(),
        "{queue_id}: {disposition}{}{new}",
        if new.is_empty() { "" } else { " as " }
    );
}

/// A decision could not be carried out yet.
pub fn settle_postponed(queue_id: &QueueId, decision: Decision, reason: &str) {
    warn!(
        event = "settle.postponed",
        queue_id = %queue_id,
        decision = decision.as_str(),
        reason,
        "{queue_id}: {decision} postponed: {reason}"
    );
}

/// A queue file is not the message that was captured; nothing acts on it.
pub fn identity_mismatch(queue_id: &QueueId, capture_id: CaptureId, reason: &str) {
    error!(
        event = "message.mismatch",
        queue_id = %queue_id,
        capture_id = %capture_id,
        reason,
        "{queue_id}: not the captured message: {reason}"
    );
}

/// A capture was set aside.
pub fn capture_set_aside(capture: &str, reason: &str) {
    error!(
        event = "capture.set_aside",
        capture, reason, "capture {capture} set aside: {reason}"
    );
}

/// The spool could not tidy up; no capture is at risk.
pub fn spool_untidy(operation: &str, path: &Path, error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    warn!(
        event = "spool.untidy",
        operation,
        error = chain,
        "cannot {operation} spool file {}: {chain}",
        path.display()
    );
}

/// The spool's writing thread panicked: every capture is refused until a restart.
pub fn spool_stopped() {
    error!(
        event = "spool.stopped",
        "the spool has stopped, restart the milter"
    );
}

/// A fault in the program, at this place in its source. What it said is not for the log.
pub fn panicked(place: &str) {
    error!(
        event = "role.panicked",
        place, "the program panicked at {place}"
    );
}

/// A callback panicked.
pub fn session_panicked(stage: &str) {
    error!(
        event = "session.panicked",
        stage, "a connection ended by a panic in {stage}"
    );
}

/// A Postfix command failed.
pub fn postfix_refused(error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    error!(event = "postfix.refused", error = chain, "postfix: {chain}");
}

/// Postfix could not be asked to try messages at once; it tries them at its next look.
pub fn delivery_not_hastened(error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    warn!(
        event = "postfix.not_hastened",
        error = chain,
        "delivery is not hastened: {chain}"
    );
}

/// PostgreSQL could not be reached or refused.
pub fn store_unreachable(error: &(dyn Error + 'static)) {
    let chain = Chain(error).to_string();
    warn!(event = "store.unreachable", error = chain, "store: {chain}");
}

/// An alarm begins.
pub fn alarm_began(kind: &str, detail: &str) {
    error!(
        event = "alarm.began",
        kind, detail, "alarm {kind}: {detail}"
    );
}

/// An alarm ends.
pub fn alarm_ended(kind: &str) {
    error!(event = "alarm.ended", kind, "alarm {kind} is over");
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
