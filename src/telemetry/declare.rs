//! Declares and registers figures, each under our prefix. Never counts anything.

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, core::Collector,
};

/// From half a millisecond, a message over a UNIX socket, to the longest deadline.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 20.0,
];

/// Declares figures under our prefix. A refusal is a fault of this file, seen by the first test.
pub struct Declare<'a>(pub &'a Registry);

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants of this file"
)]
impl Declare<'_> {
    fn register<C: Collector + Clone + 'static>(&self, figure: prometheus::Result<C>) -> C {
        let figure = figure.expect("a well-formed name");
        self.0
            .register(Box::new(figure.clone()))
            .expect("a name used once");
        figure
    }

    fn opts(name: &str, help: &str) -> Opts {
        Opts::new(format!("mailhold_{name}"), help)
    }

    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::with_opts(Self::opts(name, help)))
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Self::opts(name, help), labels))
    }

    pub fn count_now(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::with_opts(Self::opts(name, help)))
    }

    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.register(Gauge::with_opts(Self::opts(name, help)))
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.register(GaugeVec::new(Self::opts(name, help), labels))
    }

    pub fn histogram(&self, name: &str, help: &str) -> Histogram {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(SECONDS.to_vec());
        self.register(Histogram::with_opts(opts))
    }

    pub fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let opts = HistogramOpts::from(Self::opts(name, help)).buckets(SECONDS.to_vec());
        self.register(HistogramVec::new(opts, labels))
    }

    /// The figures of every process: memory, handles, CPU time.
    pub fn process(&self) {
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.0.register(Box::new(process)).expect("registered once");
    }
}
