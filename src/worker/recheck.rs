//! The last look before a command: is each file still the one that was read? Reading many files and
//! asking the database takes time, in which another hand can change one. Never reads a file again.

use std::collections::HashMap;

use super::settle::queue_ids;
use crate::{
    domain::capture_id::CaptureId,
    postfix::{Postfix, error::PostfixError, stamp::Stamp},
    store::work::Claimed,
};

/// The files that were found to be the captured messages, as they were then.
#[derive(Default)]
pub(super) struct Read(HashMap<CaptureId, Stamp>);

impl Read {
    /// Keeps how a file was when it was read.
    pub fn note(&mut self, work: &Claimed, stamp: Stamp) {
        self.0.insert(work.standing.capture_id, stamp);
    }

    /// Tells those whose file is the very one that was read from those that must be looked at anew.
    ///
    /// # Errors
    /// The hold queue cannot be looked at: nothing is known of any. Gives them back.
    pub async fn unchanged(
        &self,
        postfix: &Postfix,
        works: Vec<Claimed>,
    ) -> Result<(Vec<Claimed>, Vec<Claimed>), (Vec<Claimed>, PostfixError)> {
        let now = match postfix.stamps(&queue_ids(&works)).await {
            Ok(now) => now,
            Err(error) => return Err((works, error)),
        };
        let (mut same, mut changed) = (Vec::new(), Vec::new());
        for (work, stamp) in works.into_iter().zip(now) {
            let read = self.0.get(&work.standing.capture_id);
            if stamp.is_some() && stamp.as_ref() == read {
                same.push(work);
            } else {
                changed.push(work);
            }
        }
        Ok((same, changed))
    }
}
