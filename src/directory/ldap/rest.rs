//! How long a server that failed is left alone.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Until when a server rests.
#[derive(Default)]
pub(super) struct Rest(Mutex<Option<Instant>>);

impl Rest {
    /// Begins or prolongs the rest; tells whether the server was at work before.
    pub(super) fn begin(&self, until: Instant) -> bool {
        self.set(Some(until)).is_none()
    }

    /// Ends the rest; tells whether there was one.
    pub(super) fn end(&self) -> bool {
        self.set(None).is_some()
    }

    /// Whether the server rests now.
    pub(super) fn is_on(&self, now: Instant) -> bool {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| now < until)
    }

    fn set(&self, until: Option<Instant>) -> Option<Instant> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *held, until)
    }
}
