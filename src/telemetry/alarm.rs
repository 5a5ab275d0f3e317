//! Alarms: one event when a fault begins, one when it ends, and a gauge in between.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    alarm_kind::{AlarmKind, Course},
    events,
    metrics::Metrics,
};

/// How long a fault that happens in an instant (a panic, an odd value) stays an alarm.
const MOMENT: Duration = Duration::from_secs(15 * 60);

/// How long a fault that comes and goes must stay away until its alarm ends. Longer than the half
/// minute after which a decision is tried again, and short enough that the end is told in a minute.
const QUIET: Duration = Duration::from_secs(40);

/// The alarms of one process. A cheap handle on shared state.
#[derive(Clone)]
pub struct Alarms {
    active: Arc<Mutex<BTreeMap<AlarmKind, Active>>>,
    metrics: Metrics,
}

/// A fault, told by each of the parts that feel it.
#[derive(Default)]
struct Active(BTreeMap<&'static str, Felt>);

/// What one part says of a fault, and when it felt it last.
struct Felt {
    detail: String,
    last_seen: Instant,
}

impl Active {
    fn detail(&self) -> String {
        let details: Vec<&str> = self.0.values().map(|felt| felt.detail.as_str()).collect();
        details.join("; ")
    }

    /// Whether no part has felt it for so long.
    fn is_quiet(&self, quiet: Duration, now: Instant) -> bool {
        self.0.values().all(|felt| felt.is_quiet(quiet, now))
    }
}

impl Felt {
    fn is_quiet(&self, quiet: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.last_seen) >= quiet
    }
}

/// The part that speaks for the whole.
const WHOLE: &str = "";

impl Alarms {
    /// Starts without any alarm.
    pub fn new(metrics: Metrics) -> Self {
        for kind in AlarmKind::ALL {
            metrics.alarm(kind.as_str(), false);
        }
        Self {
            active: Arc::default(),
            metrics,
        }
    }

    /// Begins an alarm, or notes that its fault still stands.
    pub fn raise(&self, kind: AlarmKind, detail: &str) {
        self.raise_part(kind, WHOLE, detail);
    }

    /// The same as one part of the process feels it: the alarm goes on until the last part that
    /// raised it has cleared it. Where one part works and another does not, it does not come and go.
    pub fn raise_part(&self, kind: AlarmKind, part: &'static str, detail: &str) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = !active.contains_key(&kind);
        let felt = Felt {
            detail: detail.to_owned(),
            last_seen: Instant::now(),
        };
        active.entry(kind).or_default().0.insert(part, felt);
        if begins {
            self.metrics.alarm(kind.as_str(), true);
            events::alarm_began(kind.as_str(), detail);
        }
    }

    /// Ends an alarm on the word of somebody who was asked at that moment, unless its fault was seen
    /// again meanwhile.
    pub fn clear_unless_seen_since(&self, kind: AlarmKind, asked: Instant) {
        self.end(kind, |fault| {
            let is_over = fault.0.values().all(|felt| felt.last_seen < asked);
            fault.0.retain(|_, _| !is_over);
        });
    }

    /// Ends an alarm whose fault is cured.
    pub fn clear(&self, kind: AlarmKind) {
        self.end(kind, |fault| fault.0.clear());
    }

    /// One part does not feel the fault any more; the last one ends the alarm.
    pub fn clear_part(&self, kind: AlarmKind, part: &'static str) {
        self.end(kind, |fault| drop(fault.0.remove(part)));
    }

    /// The same where the fault comes and goes, so that its alarm does not: the part must not have
    /// felt it for a while. Called from time to time.
    /// Whether it is over.
    pub fn clear_quiet_part(&self, kind: AlarmKind, part: &'static str, now: Instant) -> bool {
        let mut is_over = true;
        self.end(kind, |fault| {
            is_over = fault
                .0
                .get(part)
                .is_none_or(|felt| felt.is_quiet(QUIET, now));
            fault.0.retain(|one, _| *one != part || !is_over);
        });
        is_over
    }

    /// Ends an alarm whose fault was not felt for as long as a momentary alarm stands.
    pub fn clear_quiet(&self, kind: AlarmKind, now: Instant) {
        self.end(kind, |fault| {
            let is_over = fault.is_quiet(MOMENT, now);
            fault.0.retain(|_, _| !is_over);
        });
    }

    /// Ends the momentary alarms that have not come again. Called from time to time.
    pub fn expire(&self, now: Instant) {
        let momentary = AlarmKind::ALL.into_iter();
        let momentary = momentary.filter(|kind| kind.course() == Course::Momentary);
        momentary.for_each(|kind| self.clear_quiet(kind, now));
    }

    /// Takes out what is over; what is left of an alarm goes on.
    fn end(&self, kind: AlarmKind, take_out: impl FnOnce(&mut Active)) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fault) = active.get_mut(&kind) else {
            return;
        };
        take_out(fault);
        if fault.0.is_empty() {
            active.remove(&kind);
            self.metrics.alarm(kind.as_str(), false);
            events::alarm_ended(kind.as_str());
        }
    }

    /// What an alarm that stands says.
    pub fn detail(&self, kind: AlarmKind) -> Option<String> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active.get(&kind).map(Active::detail)
    }

    /// All alarms that stand, with their details.
    pub fn standing(&self) -> Vec<(AlarmKind, String)> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let told = active.iter().map(|(kind, fault)| (*kind, fault.detail()));
        told.collect()
    }

    /// The faults that keep the process from being ready, with their details.
    pub fn not_ready(&self) -> Vec<(AlarmKind, String)> {
        let mut standing = self.standing();
        standing.retain(|(kind, _)| kind.is_in_the_way());
        standing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_stands_keeps_the_process_from_being_ready_until_it_is_cured() {
        let alarms = Alarms::new(Metrics::new());
        alarms.raise(AlarmKind::StoreUnreachable, "connection refused");
        alarms.expire(Instant::now() + MOMENT * 2);
        assert_eq!(alarms.not_ready().len(), 1);
        alarms.clear(AlarmKind::StoreUnreachable);
        assert!(alarms.not_ready().is_empty());
    }

    #[test]
    fn refused_settings_stay_an_alarm_while_the_process_is_ready() {
        let alarms = Alarms::new(Metrics::new());
        alarms.raise(AlarmKind::ConfigRefused, "policy: no such setting");
        alarms.expire(Instant::now() + MOMENT * 2);
        assert!(alarms.not_ready().is_empty());
        assert!(
            alarms
                .metrics
                .to_text()
                .contains("{kind=\"config_refused\"} 1")
        );
        alarms.clear(AlarmKind::ConfigRefused);
        assert!(
            alarms
                .metrics
                .to_text()
                .contains("{kind=\"config_refused\"} 0")
        );
    }

    #[test]
    fn an_alarm_of_several_parts_ends_with_the_last_of_them() {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        let stands = || metrics.to_text().contains("{kind=\"store_unreachable\"} 1");
        for (part, detail) in [("counting", "refused"), ("settling", "too slow")] {
            alarms.raise_part(AlarmKind::StoreUnreachable, part, detail);
        }
        let told = alarms.not_ready();
        assert_eq!(
            told,
            [(AlarmKind::StoreUnreachable, "refused; too slow".to_owned())]
        );
        alarms.clear_part(AlarmKind::StoreUnreachable, "counting");
        alarms.clear_part(AlarmKind::StoreUnreachable, "confirming");
        assert!(stands(), "another part still feels it");
        alarms.clear_part(AlarmKind::StoreUnreachable, "settling");
        assert!(!stands() && alarms.standing().is_empty());
    }

    #[test]
    fn a_fault_that_comes_and_goes_is_one_alarm() {
        let alarms = Alarms::new(Metrics::new());
        let kind = AlarmKind::SpoolFailing;
        let end = |after| {
            let now = Instant::now() + after;
            alarms.clear_quiet_part(kind, "mail", now);
            alarms.detail(kind).is_none()
        };
        alarms.raise_part(kind, "mail", "cannot write");
        assert!(!end(Duration::ZERO) && !end(QUIET / 2));
        alarms.raise_part(kind, "recorder", "cannot read");
        assert!(!end(QUIET), "another part still feels it");
        alarms.clear_part(kind, "recorder");
        assert!(alarms.detail(kind).is_none());
        alarms.raise_part(kind, "mail", "cannot write");
        assert!(end(QUIET));
    }

    #[test]
    fn what_may_name_a_message_is_not_for_everybody() {
        for kind in [
            AlarmKind::Gone,
            AlarmKind::IdentityMismatch,
            AlarmKind::Stray,
            AlarmKind::FlagUnknown,
            AlarmKind::ConfigRefused,
        ] {
            assert!(!kind.is_for_everybody(), "{}", kind.as_str());
        }
        assert!(AlarmKind::SpoolFull.is_for_everybody());
        assert!(AlarmKind::DecisionWaits.is_for_everybody());
    }

    #[test]
    fn an_alarm_does_not_end_on_word_that_is_older_than_its_fault() {
        let alarms = Alarms::new(Metrics::new());
        let asked = Instant::now();
        alarms.raise(AlarmKind::IdentityMismatch, "another message");
        alarms.clear_unless_seen_since(AlarmKind::IdentityMismatch, asked);
        assert!(alarms.detail(AlarmKind::IdentityMismatch).is_some());
        let later = Instant::now() + MOMENT;
        alarms.expire(later);
        alarms.clear_unless_seen_since(AlarmKind::IdentityMismatch, later);
        assert_eq!(alarms.detail(AlarmKind::IdentityMismatch), None);
    }

    #[test]
    fn a_momentary_alarm_ends_by_itself() {
        let metrics = Metrics::new();
        let alarms = Alarms::new(metrics.clone());
        alarms.raise(AlarmKind::SessionPanicked, "index out of bounds");
        assert!(alarms.not_ready().is_empty());
        assert!(
            metrics
                .to_text()
                .contains("mailhold_alarm{kind=\"session_panicked\"} 1")
        );
        alarms.expire(Instant::now() + MOMENT);
        assert!(
            metrics
                .to_text()
                .contains("mailhold_alarm{kind=\"session_panicked\"} 0")
        );
    }
}
