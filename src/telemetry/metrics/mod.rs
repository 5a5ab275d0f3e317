//! All figures of mailhold, declared in one place; names and labels stand in docs/monitoring.md.
//! Never an address or a queue ID as a label.

mod desk;
mod milter;
mod worker;

use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
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
    config_is_good: IntGauge,
    config_read_at: IntGauge,
    milter_connections: IntGauge,
    milter_max_connections: IntGauge,
    milter_sessions: IntCounterVec,
    milter_verdicts: IntCounterVec,
    policy_watching: IntGauge,
    watched: IntCounterVec,
    watch_dropped: IntCounter,
    /// The mirrors that live, the newest last.
    mirrors: Mutex<Vec<u64>>,
    mirror_age: Gauge,
    mirror_entries: IntGauge,
    mirror_refreshes: IntCounterVec,
    milter_eom_duration: Histogram,
    directory_lookup_duration: Histogram,
    directory_errors: IntCounterVec,
    capture_bytes: IntCounter,
    capture_errors: IntCounterVec,
    sender_capped: IntCounter,
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
    never_queued: IntCounter,
    strays: IntGauge,
    reconcile_duration: Histogram,
    outline_pending: IntGauge,
    outline_oldest: Gauge,
    outlines: IntCounterVec,
    web_requests: IntCounterVec,
    web_request_duration: HistogramVec,
}

/// The values of labels: a figure is there, at zero, before its first event, for alerts to see it.
const VERDICTS: [&str; 10] = [
    "incoming",
    "unflagged",
    "unreviewed",
    "exempt",
    "protected",
    "pass",
    "watch",
    "hold",
    "refuse",
    "try_again",
];
const SESSION_RESULTS: [&str; 3] = ["quit", "cut", "panic"];
const DIRECTORY_ERRORS: [&str; 3] = ["timeout", "unreachable", "refused"];
const MIRROR_REFRESHES: [&str; 2] = ["full", "resumed"];
const CAPTURE_ERRORS: [&str; 2] = ["full", "failing"];
const OUTLINE_STATUSES: [&str; 3] = ["whole", "doubtful", "failed"];
const SETTLE_RESULTS: [&str; 3] = ["done", "gone", "postponed"];

impl Metrics {
    /// Declares and registers every figure.
    #[expect(clippy::too_many_lines, reason = "one line per figure")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let in_registry = Declare(&registry);
        let figures = Figures {
            alarm: in_registry.gauges("alarm", "1 while the alarm stands", &["kind"]),
            config_is_good: in_registry.count_now(
                "config_last_reload_successful",
                "1 while the settings in force are those of the file as it was last read",
            ),
            config_read_at: in_registry.count_now(
                "config_last_reload_success_timestamp_seconds",
                "When the settings in force were read",
            ),
            milter_connections: in_registry.count_now("milter_connections", "Open connections"),
            milter_max_connections: in_registry.count_now(
                "milter_max_connections",
                "Connections that are taken at once",
            ),
            milter_sessions: in_registry.counters(
                "milter_sessions_total",
                "Connections that ended: quit, cut or panic",
                &["result"],
            ),
            milter_verdicts: in_registry.counters(
                "milter_verdicts_total",
                "Messages by verdict, from incoming to try_again",
                &["verdict"],
            ),
            policy_watching: in_registry
                .count_now("policy_watching", "1 while the whole site only watches"),
            watched: in_registry.counters(
                "watched_total",
                "Messages that would have been held, by the rule that says so",
                &["rule"],
            ),
            watch_dropped: in_registry.counter(
                "watch_dropped_total",
                "Watched messages that are counted but could not be recorded",
            ),
            mirrors: Mutex::default(),
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
            capture_bytes: in_registry.counter("capture_bytes_total", "Content captured, bytes"),
            capture_errors: in_registry.counters(
                "capture_errors_total",
                "Captures that failed: full or failing",
                &["kind"],
            ),
            sender_capped: in_registry.counter(
                "sender_capped_total",
                "Messages that must come again because their sender is at the cap",
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
            never_queued: in_registry.counter(
                "never_queued_total",
                "Captures whose message Postfix never took",
            ),
            strays: in_registry.count_now("strays", "Files on hold that nobody captured"),
            reconcile_duration: in_registry.histogram(
                "reconcile_duration_seconds",
                "Time of one comparison of the hold queue with the database",
            ),
            outline_pending: in_registry
                .count_now("outline_pending", "Messages that wait to be taken apart"),
            outline_oldest: in_registry
                .gauge("outline_oldest_age_seconds", "Age of the oldest of them"),
            outlines: in_registry.counters(
                "outlines_total",
                "Messages that were taken apart: whole, doubtful or failed",
                &["status"],
            ),
            web_requests: in_registry.counters(
                "web_requests_total",
                "Requests to the review desk by route and status",
                &["route", "status"],
            ),
            web_request_duration: in_registry.histograms(
                "web_request_duration_seconds",
                "Time of one request",
                &["route"],
            ),
            registry: registry.clone(),
        };
        let built = in_registry.gauges("build_info", "The running version", &["version"]);
        let version = env!("CARGO_PKG_VERSION");
        built.with_label_values(&[version]).set(1.0);
        in_registry.process();
        figures.begin_at_zero();
        figures.mirror_age.set(f64::NAN);
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

    /// The settings were read, at a start or later, and are in force.
    pub fn settings_read(&self, now: DateTime<Utc>) {
        self.0.config_is_good.set(1);
        self.0.config_read_at.set(now.timestamp());
    }

    /// The settings were read again and are at fault.
    pub fn settings_refused(&self) {
        self.0.config_is_good.set(0);
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
        begin(&self.outlines, &OUTLINE_STATUSES);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
