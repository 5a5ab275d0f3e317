//! What the outline process and the web count.

use std::time::Duration;

use super::Metrics;

impl Metrics {
    /// The messages that wait to be taken apart, and the age of the oldest.
    pub fn outlining(&self, n_pending: u64, oldest: Duration) {
        let n_pending = i64::try_from(n_pending).unwrap_or(i64::MAX);
        self.0.outline_pending.set(n_pending);
        self.0.outline_oldest.set(oldest.as_secs_f64());
    }

    /// A message was taken apart, or could not be.
    pub fn outlined(&self, status: &str) {
        self.0.outlines.with_label_values(&[status]).inc();
    }

    /// A request was answered. `route` is the pattern, never the path.
    pub fn web_request(&self, route: &str, status: u16, time: Duration) {
        let status = status.to_string();
        self.0
            .web_requests
            .with_label_values(&[route, &status])
            .inc();
        self.0
            .web_request_duration
            .with_label_values(&[route])
            .observe(time.as_secs_f64());
    }
}
