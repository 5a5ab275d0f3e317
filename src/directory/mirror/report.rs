//! Tells people how the mirror fares: once when it changes, not at every try.

use std::time::Duration;

use super::{Wanted, refresh::Kind, source::Loss};
use crate::telemetry::{AlarmKind, Alarms, Metrics, chain::Chain, events};

/// Where a mirror shows itself. After a reload the one before may live on for a while, for mail on its
/// way: the newest alone shows itself.
#[derive(Clone)]
pub struct Display {
    metrics: Metrics,
    alarms: Alarms,
    number: u64,
}

impl Display {
    /// For one more mirror.
    pub fn new(metrics: Metrics, alarms: Alarms) -> Self {
        let number = metrics.mirror_began();
        Self {
            metrics,
            alarms,
            number,
        }
    }

    /// The people in memory, and the time since they were known to be right.
    pub fn figures(&self, n_entries: usize, age: Option<Duration>) {
        if self.is_newest() {
            self.metrics.mirror(n_entries, age);
        }
    }

    /// The mirror ends.
    pub fn end(&self) {
        if self.is_newest() {
            self.alarms.clear(AlarmKind::MirrorLost);
            self.metrics.mirror(0, None);
        }
        self.metrics.mirror_ended(self.number);
    }

    fn is_newest(&self) -> bool {
        self.metrics.is_newest_mirror(self.number)
    }
}

/// What was told last.
pub struct Report {
    display: Display,
    said: Said,
}

enum Said {
    Nothing,
    Ready,
    Lost(String),
}

impl Report {
    /// Nothing was told yet.
    pub fn new(display: Display) -> Self {
        Self {
            display,
            said: Said::Nothing,
        }
    }

    /// Where the figures go.
    pub fn display(&self) -> Display {
        self.display.clone()
    }

    /// The set is whole and follows the server.
    pub fn ready(&mut self, kind: Kind, n_entries: usize, duration: Duration) {
        self.said = Said::Ready;
        if self.display.is_newest() {
            self.display.metrics.mirror_refreshed(kind.as_str());
            events::mirror_ready(kind.as_str(), n_entries, duration);
            self.display.alarms.clear(AlarmKind::MirrorLost);
        }
    }

    /// A connection was lost, or could not be made. The first loss is an event alone: most servers
    /// are back at the next try. A server that never offered a mirror is no fault unless the
    /// settings say that it does.
    pub fn lost(&mut self, loss: &Loss, wanted: Wanted) {
        let text = Chain(loss).to_string();
        let is_absent = matches!((loss, wanted), (Loss::Unsupported { .. }, Wanted::Auto));
        let was_ready = matches!(self.said, Said::Ready);
        let is_news = !matches!(&self.said, Said::Lost(before) if *before == text);
        self.said = Said::Lost(text.clone());
        if !self.display.is_newest() {
            return;
        }
        if is_absent {
            self.display.alarms.clear(AlarmKind::MirrorLost);
        } else if !(was_ready && loss.is_transient()) {
            self.display.alarms.raise(AlarmKind::MirrorLost, &text);
        }
        if is_news && is_absent {
            events::mirror_absent(&text);
        } else if is_news {
            events::mirror_lost(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> (Report, Alarms) {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        (Report::new(Display::new(metrics, alarms.clone())), alarms)
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

    #[test]
    fn the_newest_mirror_alone_shows_itself() {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        let display = || Display::new(metrics.clone(), alarms.clone());
        let has = |figure: &str| metrics.to_text().contains(figure);
        assert!(has("mailhold_directory_mirror_age_seconds NaN"));
        let (old, new) = (display(), display());
        new.figures(7, Some(Duration::from_secs(1)));
        old.figures(3, None);
        assert!(has("mirror_entries 7") && has("mirror_age_seconds 1"));
        let mut report = Report::new(old.clone());
        report.lost(&Loss::Refused("unwilling".into()), Wanted::On);
        assert!(!is_alarmed(&alarms));
        let mut report = Report::new(new.clone());
        report.lost(&Loss::Refused("unwilling".into()), Wanted::On);
        old.end();
        assert!(is_alarmed(&alarms) && has("mirror_entries 7"));
        new.end();
        assert!(!is_alarmed(&alarms) && has("mirror_age_seconds NaN"));
    }
}
