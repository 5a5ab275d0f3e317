//! A time that something of a server lasts: the rest after a failure, the proof that it knows what we
//! ask for.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Until when it lasts; at first it is over.
#[derive(Default)]
pub(super) struct Period(Mutex<Option<Instant>>);

impl Period {
    /// Begins or prolongs it; tells whether it was not there before.
    pub(super) fn begin(&self, until: Instant) -> bool {
        self.set(Some(until)).is_none()
    }

    /// Ends it; tells whether there was one.
    pub(super) fn end(&self) -> bool {
        self.set(None).is_some()
    }

    /// Whether it lasts still.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }

    fn set(&self, until: Option<Instant>) -> Option<Instant> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, until)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_period_is_over_when_its_time_has_come_or_when_it_is_ended() {
        let (period, now) = (Period::default(), Instant::now());
        let end = now + Duration::from_secs(1);
        assert!(!period.is_on(now));
        assert!(period.begin(end));
        assert!(period.is_on(now));
        assert!(!period.is_on(end));
        assert!(period.end());
        assert!(!period.is_on(now));
    }
}
