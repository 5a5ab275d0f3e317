//! Requests of the recorder that had no answer in time: is the database to blame, or one capture that never
//! gets an answer and would stop all others?

use std::collections::HashSet;

use crate::{
    domain::capture_id::CaptureId,
    spool::Waiting,
    store::{Cause, StoreError},
};

/// So many of them in a row without any success may be due to single captures.
pub(super) const PATIENCE: usize = 3;

/// What is remembered from one batch to the next.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    n_in_a_row: usize,
    /// Captures that had no answer when they were tried alone.
    blamed: HashSet<CaptureId>,
}

impl Deadlines {
    /// Whether these captures are to be tried one by one: it may be one of them, and not the database.
    pub fn blame_one_of(&self, batch: &[Waiting]) -> bool {
        self.is_suspicious(batch.iter().map(|waiting| waiting.capture.id))
    }

    fn is_suspicious(&self, mut batch: impl Iterator<Item = CaptureId>) -> bool {
        self.n_in_a_row >= PATIENCE || batch.any(|id| self.blamed.contains(&id))
    }

    /// Takes in what stopped a batch.
    pub fn note(&mut self, error: &StoreError) {
        self.n_in_a_row += usize::from(is_late(error));
    }

    /// It was alone, and had no answer: others are not to wait with it.
    pub fn blame(&mut self, id: CaptureId) {
        self.blamed.insert(id);
    }

    /// It was the database after all.
    pub fn recorded(&mut self, id: CaptureId) {
        self.blamed.remove(&id);
    }

    /// Something was recorded.
    pub fn end(&mut self) {
        self.n_in_a_row = 0;
    }
}

/// Whether no answer came in time, which may be for what was asked.
pub(super) fn is_late(error: &StoreError) -> bool {
    let StoreError::Record { cause, .. } = error else {
        return false;
    };
    matches!(cause, Cause::Deadline(_))
}

#[cfg(test)]
mod tests {
    use std::{iter::once, time::Duration};

    use super::*;

    fn failed(cause: Cause) -> StoreError {
        StoreError::Record { count: 1, cause }
    }

    fn late() -> StoreError {
        failed(Cause::Deadline(Duration::from_secs(20)))
    }

    fn id() -> CaptureId {
        CaptureId::new(uuid::Uuid::now_v7())
    }

    #[test]
    fn one_capture_may_be_to_blame_after_deadlines_in_a_row() {
        let mut deadlines = Deadlines::default();
        for _ in 1..PATIENCE {
            deadlines.note(&late());
            deadlines.note(&failed(Cause::Unreachable("away".to_owned())));
            assert!(!deadlines.is_suspicious(once(id())));
        }
        deadlines.note(&late());
        assert!(deadlines.is_suspicious(once(id())));
        deadlines.end();
        assert!(!deadlines.is_suspicious(once(id())));
    }

    #[test]
    fn a_capture_that_was_late_alone_is_never_tried_with_others() {
        let (guilty, other) = (id(), id());
        let mut deadlines = Deadlines::default();
        deadlines.blame(guilty);
        deadlines.end();
        assert!(deadlines.is_suspicious([other, guilty].into_iter()));
        assert!(!deadlines.is_suspicious(once(other)));
        deadlines.recorded(guilty);
        assert!(!deadlines.is_suspicious(once(guilty)));
    }
}
