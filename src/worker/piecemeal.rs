//! Rows that PostgreSQL is to take at once or, where it refuses that for good, one by one: what one is
//! refused for holds up no other.

use super::{Desk, asking::Asking};
use crate::store::StoreError;

/// Rows that it was not asked to take yet, in the parts in which it is to be asked.
pub(super) struct Piecemeal<'a, T> {
    asking: Asking,
    /// The next one is the last.
    parts: Vec<&'a [T]>,
}

impl<'a, T> Piecemeal<'a, T> {
    /// All at once, at first.
    pub fn of(asking: Asking, all: &'a [T]) -> Self {
        Self {
            asking,
            parts: vec![all],
        }
    }

    /// What to give it next; nothing if it has seen all.
    pub fn next(&mut self) -> Option<&'a [T]> {
        self.parts.pop().filter(|part| !part.is_empty())
    }

    /// It did not take a part. One row that it refuses for good is told, and left out.
    ///
    /// # Errors
    /// It is away: what it did not take before waits.
    pub fn refused(
        &mut self,
        desk: &Desk,
        part: &'a [T],
        error: StoreError,
    ) -> Result<(), StoreError> {
        if error.is_transient() {
            return Err(error);
        }
        if part.len() > 1 {
            self.parts.extend(part.chunks(1).rev());
        } else {
            self.asking.note(desk, &error);
        }
        Ok(())
    }
}
