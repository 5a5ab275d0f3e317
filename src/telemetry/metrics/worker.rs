//! What the worker counts.

use std::time::Duration;

use super::Metrics;

impl Metrics {
    /// Captures were seen in the hold queue.
    pub fn confirmed(&self, n_captures: usize) {
        self.0
            .confirmed
            .inc_by(u64::try_from(n_captures).unwrap_or(u64::MAX));
    }

    /// The captures that were not seen in the hold queue, and the age of the oldest.
    pub fn unconfirmed(&self, n_captures: u64, oldest: Duration) {
        self.0.unconfirmed.set(count(n_captures));
        self.0.unconfirmed_oldest.set(oldest.as_secs_f64());
    }

    /// The files in the hold queue.
    pub fn on_hold(&self, n_files: usize) {
        self.0
            .on_hold
            .set(i64::try_from(n_files).unwrap_or(i64::MAX));
    }

    /// The messages that wait for a decision, and the age of the oldest.
    pub fn review(&self, n_pending: u64, oldest: Duration) {
        self.0.review_pending.set(count(n_pending));
        self.0.review_oldest.set(oldest.as_secs_f64());
    }

    /// The decisions that wait to be carried out, and the age of the oldest.
    pub fn settling(&self, n_pending: u64, oldest: Duration) {
        self.0.settle_pending.set(count(n_pending));
        self.0.settle_oldest.set(oldest.as_secs_f64());
    }

    /// A decision was taken up by the worker for the first time.
    pub fn decided(&self, decision: &str) {
        self.0.review_decisions.with_label_values(&[decision]).inc();
    }

    /// A decision was carried out, found gone, or postponed.
    pub fn settled(&self, decision: &str, result: &str) {
        self.0.settle.with_label_values(&[decision, result]).inc();
    }

    /// A decision's effect was proven `time` after the decision.
    pub fn settle_time(&self, decision: &str, time: Duration) {
        self.0
            .settle_duration
            .with_label_values(&[decision])
            .observe(time.as_secs_f64());
    }

    /// Another hand moved a message.
    pub fn gone(&self) {
        self.0.gone.inc();
    }

    /// Postfix never took a message that was captured.
    pub fn never_queued(&self) {
        self.0.never_queued.inc();
    }

    /// The hold queue was compared with the database, in so much time.
    pub fn reconciled(&self, time: Duration) {
        self.0.reconcile_duration.observe(time.as_secs_f64());
    }

    /// The files on hold that nobody captured.
    pub fn strays(&self, n_files: usize) {
        self.0
            .strays
            .set(i64::try_from(n_files).unwrap_or(i64::MAX));
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
