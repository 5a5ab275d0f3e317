//! All figures of mailhold, declared in one place; names and labels stand in docs/monitoring.md.
//! Never an address or a queue ID as a label.

use std::{sync::Arc, time::Duration};

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Registry, TextEncoder,
};

use super::declare::Declare;
use crate::domain::decision::Decision;

/// The figures of one process. A cheap handle on shared counters.
#[derive(Clone)]
pub struct Metrics(Arc<Figures>);

struct Figures {
    registry: Registry,
    alarm: GaugeVec,
    milter_connections: IntGauge,
    milter_sessions: IntCounterVec,
    milter_verdicts: IntCounterVec,
    milter_eom_duration: Histogram,
    directory_lookup_duration: Histogram,
    directory_errors: IntCounterVec,
    mirror_age: Gauge,
    mirror_entries: IntGauge,
    mirror_refreshes: IntCounterVec,
    capture_bytes: IntCounter,
    capture_errors: IntCounterVec,
    spool_waiting: IntGauge,
    spool_oldest: Gauge,
    disk_free_bytes: GaugeVec,
    disk_free_inodes: GaugeVec,
    recorded: IntCounter,
    record_duration: Histogram,
    unconfirmed: IntGauge,
    unconfirmed_oldest: Gauge,
    on_hold: IntGauge,
    confirmed: IntCounter,
    review_pending: IntGauge,
    review_oldest: Gauge,
    review_decisions: IntCounterVec,
    settle_pending: IntGauge,
    settle_oldest: Gauge,
    settle: IntCounterVec,
    settle_duration: HistogramVec,
    gone: IntCounter,
}

/// The values of labels: a figure is there, at zero, before its first event, for alerts to see it.
const VERDICTS: [&str; 5] = ["unflagged", "unreviewed", "pass", "hold", "try_again"];
const SESSION_RESULTS: [&str; 3] = ["quit", "cut", "panic"];
const DIRECTORY_ERRORS: [&str; 3] = ["timeout", "unreachable", "refused"];
const MIRROR_REFRESHES: [&str; 2] = ["full", "resumed"];
const CAPTURE_ERRORS: [&str; 2] = ["full", "failing"];
const SETTLE_RESULTS: [&str; 3] = ["done", "gone", "postponed"];

impl Metrics {
    /// Declares and registers every figure.
    #[expect(clippy::too_many_lines, reason = "one line per figure")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let in_registry = Declare(&registry);
        let figures = Figures {
            alarm: in_registry.gauges("alarm", "1 while the alarm stands", &["kind"]),
            milter_connections: in_registry.count_now("milter_connections", "Open connections"),
            milter_sessions: in_registry.counters(
                "milter_sessions_total",
                "Connections that ended: quit, cut or panic",
                &["result"],
            ),
            milter_verdicts: in_registry.counters(
                "milter_verdicts_total",
                "Messages by answer: unflagged, unreviewed, pass, hold, try_again",
                &["verdict"],
            ),
            milter_eom_duration: in_registry.histogram(
                "milter_eom_duration_seconds",
                "Time to answer the end of a message",
            ),
            directory_lookup_duration: in_registry
                .histogram("directory_lookup_duration_seconds", "Time of one look-up"),
            directory_errors: in_registry.counters(
                "directory_errors_total",
                "Look-ups without an answer: timeout, unreachable or refused",
                &["kind"],
            ),
            mirror_age: in_registry.gauge(
                "directory_mirror_age_seconds",
                "Time since the people in memory were known to be those of the directory",
            ),
            mirror_entries: in_registry.count_now("directory_mirror_entries", "People in memory"),
            mirror_refreshes: in_registry.counters(
                "directory_mirror_refreshes_total",
                "Times that the people in memory were brought up to date: full or resumed",
                &["kind"],
            ),
            capture_bytes: in_registry.counter("capture_bytes_total", "Content captured, bytes"),
            capture_errors: in_registry.counters(
                "capture_errors_total",
                "Captures that failed: full or failing",
                &["kind"],
            ),
            spool_waiting: in_registry.count_now(
                "spool_waiting",
                "Captures that PostgreSQL does not have yet",
            ),
            spool_oldest: in_registry.gauge(
                "spool_oldest_waiting_seconds",
                "Age of the oldest waiting capture",
            ),
            disk_free_bytes: in_registry.gauges("disk_free_bytes", "Free space", &["store"]),
            disk_free_inodes: in_registry.gauges("disk_free_inodes", "Free inodes", &["store"]),
            recorded: in_registry.counter("recorded_total", "Captures recorded in PostgreSQL"),
            record_duration: in_registry.histogram(
                "record_duration_seconds",
                "Time of one transaction of the recorder",
            ),
            unconfirmed: in_registry.count_now(
                "unconfirmed",
                "Captures that were not seen in the hold queue yet",
            ),
            unconfirmed_oldest: in_registry.gauge(
                "unconfirmed_oldest_seconds",
                "Age of the oldest such capture",
            ),
            on_hold: in_registry
                .count_now("on_hold", "Files in the hold queue, whoever put them there"),
            confirmed: in_registry.counter("confirmed_total", "Captures seen in the hold queue"),
            review_pending: in_registry
                .count_now("review_pending", "Held messages that wait for a decision"),
            review_oldest: in_registry.gauge(
                "review_oldest_pending_seconds",
                "Age of the oldest undecided message",
            ),
            review_decisions: in_registry.counters(
                "review_decisions_total",
                "Decisions that were claimed to be carried out",
                &["decision"],
            ),
            settle_pending: in_registry
                .count_now("settle_pending", "Decisions that are not carried out yet"),
            settle_oldest: in_registry.gauge(
                "settle_oldest_pending_seconds",
                "Age of the oldest such decision",
            ),
            settle: in_registry.counters(
                "settle_total",
                "Decisions by what came of them: done, gone or postponed",
                &["decision", "result"],
            ),
            settle_duration: in_registry.histograms(
                "settle_duration_seconds",
                "Time from the decision to its proven effect",
                &["decision"],
            ),
            gone: in_registry.counter("gone_total", "Messages that another hand moved"),
            registry: registry.clone(),
        };
        let built = in_registry.gauges("build_info", "The running version", &["version"]);
        let version = env!("CARGO_PKG_VERSION");
        built.with_label_values(&[version]).set(1.0);
        in_registry.process();
        figures.begin_at_zero();
        Self(Arc::new(figures))
    }

    /// All figures in Prometheus's text format.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&self.0.registry.gather(), &mut text) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => format!("# cannot encode the figures: {error}\n"),
        }
    }

    /// An alarm begins or ends.
    pub fn alarm(&self, kind: &str, stands: bool) {
        self.0
            .alarm
            .with_label_values(&[kind])
            .set(f64::from(u8::from(stands)));
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

    /// A message was answered: `unflagged`, `unreviewed`, `pass`, `hold` or `try_again`.
    pub fn verdict(&self, verdict: &str) {
        self.0.milter_verdicts.with_label_values(&[verdict]).inc();
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

    /// The people in memory, and the time since they were known to be right.
    pub fn mirror(&self, n_entries: usize, age: Duration) {
        self.0
            .mirror_entries
            .set(i64::try_from(n_entries).unwrap_or(i64::MAX));
        self.0.mirror_age.set(age.as_secs_f64());
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
}

impl Figures {
    fn begin_at_zero(&self) {
        let begin = |figure: &IntCounterVec, values: &[&str]| {
            for value in values {
                figure.with_label_values(&[*value]);
            }
        };
        begin(&self.milter_verdicts, &VERDICTS);
        begin(&self.milter_sessions, &SESSION_RESULTS);
        begin(&self.directory_errors, &DIRECTORY_ERRORS);
        begin(&self.mirror_refreshes, &MIRROR_REFRESHES);
        begin(&self.capture_errors, &CAPTURE_ERRORS);
        for decision in Decision::ALL.map(Decision::as_str) {
            begin(&self.review_decisions, &[decision]);
            self.settle_duration.with_label_values(&[decision]);
            for result in SETTLE_RESULTS {
                self.settle.with_label_values(&[decision, result]);
            }
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_well_formed_and_says_its_unit() {
        let metrics = Metrics::new();
        metrics.verdict("hold");
        metrics.end_of_message(Duration::from_millis(3));
        let text = metrics.to_text();
        assert!(
            text.contains("mailhold_milter_verdicts_total{verdict=\"hold\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("mailhold_milter_eom_duration_seconds_bucket"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }
}
