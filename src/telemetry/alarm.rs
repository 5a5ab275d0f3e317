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

/// The alarms of one process. A cheap handle on shared state.
#[derive(Clone)]
pub struct Alarms {
    active: Arc<Mutex<BTreeMap<AlarmKind, Active>>>,
    metrics: Metrics,
}

/// A fault, told by each of the parts that feel it.
struct Active {
    details: BTreeMap<&'static str, String>,
    last_seen: Instant,
}

impl Active {
    fn detail(&self) -> String {
        let details: Vec<&str> = self.details.values().map(String::as_str).collect();
        details.join("; ")
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
        let now = Instant::now();
        let fault = active.entry(kind).or_insert_with(|| Active {
            details: BTreeMap::new(),
            last_seen: now,
        });
        fault.last_seen = now;
        fault.details.insert(part, detail.to_owned());
        if begins {
            self.metrics.alarm(kind.as_str(), true);
            events::alarm_began(kind.as_str(), detail);
        }
    }

    /// Ends an alarm on the word of somebody who was asked at that moment, unless its fault was seen
    /// again meanwhile.
    pub fn clear_unless_seen_since(&self, kind: AlarmKind, asked: Instant) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = active.get(&kind);
        if fault.is_some_and(|fault| fault.last_seen < asked) {
            active.remove(&kind);
            self.metrics.alarm(kind.as_str(), false);
            events::alarm_ended(kind.as_str());
        }
    }

    /// Ends an alarm whose fault is cured.
    pub fn clear(&self, kind: AlarmKind) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if active.remove(&kind).is_some() {
            self.metrics.alarm(kind.as_str(), false);
            events::alarm_ended(kind.as_str());
        }
    }

    /// One part does not feel the fault any more; the last one ends the alarm.
    pub fn clear_part(&self, kind: AlarmKind, part: &'static str) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(fault) = active.get_mut(&kind) else {
            return;
        };
        if fault.details.remove(part).is_some() && fault.details.is_empty() {
            active.remove(&kind);
            self.metrics.alarm(kind.as_str(), false);
            events::alarm_ended(kind.as_str());
        }
    }

    /// Ends the momentary alarms that have not come again. Called from time to time.
    pub fn expire(&self, now: Instant) {
        let over: Vec<AlarmKind> = {
            let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = |(kind, fault): &(&AlarmKind, &Active)| {
                kind.course() == Course::Momentary
                    && now.saturating_duration_since(fault.last_seen) >= MOMENT
            };
            active
                .iter()
                .filter(is_over)
                .map(|(kind, _)| *kind)
                .collect()
        };
        over.into_iter().for_each(|kind| self.clear(kind));
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
