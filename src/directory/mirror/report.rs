//! Tells people how the mirror fares: once when it changes, not at every try.

use std::time::Duration;

use super::{Wanted, refresh::Kind, source::Loss};
use crate::telemetry::{AlarmKind, Alarms, Metrics, chain::Chain, events};

/// What was told last.
pub struct Report {
    metrics: Metrics,
    alarms: Alarms,
    said: Said,
}

enum Said {
    Nothing,
    Ready,
    Lost(String),
}

impl Report {
    /// Nothing was told yet.
    pub fn new(metrics: Metrics, alarms: Alarms) -> Self {
        Self {
            metrics,
            alarms,
            said: Said::Nothing,
        }
    }

    /// Where the figures go.
    pub fn figures(&self) -> Metrics {
        self.metrics.clone()
    }

    /// The set is whole and follows the server.
    pub fn ready(&mut self, kind: Kind, n_entries: usize, duration: Duration) {
        self.metrics.mirror_refreshed(kind.as_str());
        events::mirror_ready(kind.as_str(), n_entries, duration);
        self.alarms.clear(AlarmKind::MirrorLost);
        self.said = Said::Ready;
    }

    /// A connection was lost, or could not be made. The first loss is an event alone: most servers
    /// are back at the next try. A server that never offered a mirror is no fault unless the
    /// settings say that it does.
    pub fn lost(&mut self, loss: &Loss, wanted: Wanted) {
        let text = Chain(loss).to_string();
        let is_absent = matches!((loss, wanted), (Loss::Unsupported { .. }, Wanted::Auto));
        let was_ready = matches!(self.said, Said::Ready);
        let is_news = !matches!(&self.said, Said::Lost(before) if *before == text);
        if is_absent {
            self.alarms.clear(AlarmKind::MirrorLost);
        } else if !(was_ready && loss.is_transient()) {
            self.alarms.raise(AlarmKind::MirrorLost, &text);
        }
        if is_news && is_absent {
            events::mirror_absent(&text);
        } else if is_news {
            events::mirror_lost(&text);
        }
        self.said = Said::Lost(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> (Report, Alarms) {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        (Report::new(metrics, alarms.clone()), alarms)
    }

    fn cut() -> Loss {
        Loss::Cut("end of file".into())
    }

    fn is_alarmed(alarms: &Alarms) -> bool {
        alarms.detail(AlarmKind::MirrorLost).is_some()
    }

    #[test]
    fn a_connection_that_is_back_at_the_next_try_is_no_alarm() {
        let (mut report, alarms) = report();
        report.ready(Kind::Full, 1, Duration::ZERO);
        report.lost(&cut(), Wanted::On);
        assert!(!is_alarmed(&alarms));
        report.lost(&cut(), Wanted::On);
        assert!(is_alarmed(&alarms));
        report.ready(Kind::Resumed, 1, Duration::ZERO);
        assert!(!is_alarmed(&alarms));
    }

    #[test]
    fn a_refusal_is_an_alarm_at_once() {
        let (mut report, alarms) = report();
        report.ready(Kind::Full, 1, Duration::ZERO);
        report.lost(&Loss::Refused("unwilling".into()), Wanted::Auto);
        assert!(is_alarmed(&alarms));
        assert!(alarms.not_ready().is_empty(), "people are looked up");
    }

    #[test]
    fn a_server_without_a_mirror_is_an_alarm_only_if_one_is_wanted() {
        let absent = Loss::Unsupported {
            base: String::new(),
        };
        for (wanted, alarmed) in [(Wanted::Auto, false), (Wanted::On, true)] {
            let (mut report, alarms) = report();
            report.lost(&absent, wanted);
            assert_eq!(is_alarmed(&alarms), alarmed, "{wanted:?}");
        }
    }
}
