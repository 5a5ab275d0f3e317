//! What the milter and its recorder count.

use std::{
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use super::Metrics;
use crate::domain::policy::Mode;

impl Metrics {
    /// Whether anything is held at all.
    pub fn policy(&self, mode: Mode) {
        let watching = match mode {
            Mode::Enforce => 0,
            Mode::Watch => 1,
        };
        self.0.policy_watching.set(watching);
    }

    /// How many connections the milter takes at once.
    pub fn seats(&self, n_seats: usize) {
        self.0
            .milter_max_connections
            .set(i64::try_from(n_seats).unwrap_or(i64::MAX));
    }

    /// A milter connection was opened.
    pub fn connection_opened(&self) {
        self.0.milter_connections.inc();
    }

    /// A milter connection ended: `quit`, `cut` or `panic`.
    pub fn connection_ended(&self, result: &str) {
        self.0.milter_connections.dec();
        self.0.milter_sessions.with_label_values(&[result]).inc();
    }

    /// A message was answered: a verdict's word, or `try_again`.
    pub fn verdict(&self, verdict: &str) {
        self.0.milter_verdicts.with_label_values(&[verdict]).inc();
    }

    /// A message that would have been held by this rule went on.
    pub fn watched(&self, rule: &str) {
        self.0.watched.with_label_values(&[rule]).inc();
    }

    /// Watched messages will not be recorded: too many wait, or PostgreSQL refuses them.
    pub fn watch_dropped(&self, n_messages: usize) {
        let n_messages = u64::try_from(n_messages).unwrap_or(u64::MAX);
        self.0.watch_dropped.inc_by(n_messages);
    }

    /// The end of a message was answered after `time`.
    pub fn end_of_message(&self, time: Duration) {
        self.0.milter_eom_duration.observe(time.as_secs_f64());
    }

    /// A look-up was answered after `time`.
    pub fn looked_up(&self, time: Duration) {
        self.0.directory_lookup_duration.observe(time.as_secs_f64());
    }

    /// A look-up had no answer.
    pub fn directory_error(&self, kind: &str) {
        self.0.directory_errors.with_label_values(&[kind]).inc();
    }

    /// The people in memory, and the time since they were known to be right; `None`: there is no whole
    /// set, and the figure is no number.
    pub fn mirror(&self, n_entries: usize, age: Option<Duration>) {
        self.0
            .mirror_entries
            .set(i64::try_from(n_entries).unwrap_or(i64::MAX));
        let seconds = age.map_or(f64::NAN, |age| age.as_secs_f64());
        self.0.mirror_age.set(seconds);
    }

    /// A mirror begins; its number is for [`Metrics::is_newest_mirror`].
    pub fn mirror_began(&self) -> u64 {
        let mut mirrors = self.mirrors();
        let number = mirrors.last().map_or(0, |last| last + 1);
        mirrors.push(number);
        number
    }

    /// A mirror ended.
    pub fn mirror_ended(&self, number: u64) {
        self.mirrors().retain(|one| *one != number);
    }

    /// Whether no mirror began after this one that lives still.
    pub fn is_newest_mirror(&self, number: u64) -> bool {
        self.mirrors().last() == Some(&number)
    }

    fn mirrors(&self) -> MutexGuard<'_, Vec<u64>> {
        let mirrors = self.0.mirrors.lock();
        mirrors.unwrap_or_else(PoisonError::into_inner)
    }

    /// The people in memory were brought up to date: `full` or `resumed`.
    pub fn mirror_refreshed(&self, kind: &str) {
        self.0.mirror_refreshes.with_label_values(&[kind]).inc();
    }

    /// A message was captured.
    pub fn captured(&self, size_bytes: u64) {
        self.0.capture_bytes.inc_by(size_bytes);
    }

    /// A message could not be captured: `full` or `failing`.
    pub fn capture_error(&self, kind: &str) {
        self.0.capture_errors.with_label_values(&[kind]).inc();
    }

    /// What waits in the spool, and the age of the oldest.
    pub fn spool(&self, n_waiting: usize, oldest: Duration) {
        self.0
            .spool_waiting
            .set(i64::try_from(n_waiting).unwrap_or(i64::MAX));
        self.0.spool_oldest.set(oldest.as_secs_f64());
    }

    /// Free space and inodes of a directory: `spool` or `queue`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; 2^53 bytes are enough"
    )]
    pub fn disk(&self, store: &str, free_bytes: u64, free_inodes: u64) {
        self.0
            .disk_free_bytes
            .with_label_values(&[store])
            .set(free_bytes as f64);
        self.0
            .disk_free_inodes
            .with_label_values(&[store])
            .set(free_inodes as f64);
    }

    /// A batch of captures was recorded.
    pub fn recorded(&self, n_captures: usize, time: Duration) {
        self.0
            .recorded
            .inc_by(u64::try_from(n_captures).unwrap_or(u64::MAX));
        self.0.record_duration.observe(time.as_secs_f64());
    }
}
