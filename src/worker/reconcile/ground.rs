//! Whether the directory that was listed is the one in which the messages were that are under review or
//! decided. A queue whose file system is not mounted is another one, and empty: Postfix may even work
//! in it. Never judges a single file.

use chrono::{DateTime, Utc};

use super::{Memory, PAGE};
use crate::{
    domain::instance::Instance,
    postfix::{directory::DirectoryId, roll::Roll},
    store::{StoreError, standings::Known},
    worker::Desk,
};

/// What speaks for the directory that was listed last.
#[derive(Debug, Default)]
pub(super) struct Ground {
    listed: Option<DirectoryId>,
    /// The directory from which nothing was missing, on record.
    recorded: Option<String>,
    /// When the oldest message under review that was seen in it was captured.
    oldest_seen: Option<DateTime<Utc>>,
}

impl Ground {
    /// This directory was listed. Whether it is another one than before.
    pub fn listed(&mut self, directory: Option<&DirectoryId>) -> bool {
        if self.listed.as_ref() == directory {
            return false;
        }
        self.oldest_seen = None;
        let before = std::mem::replace(&mut self.listed, directory.cloned());
        before.is_some()
    }

    /// A held message is in it.
    pub fn seen(&mut self, known: &Known) {
        let captured_at = known.captured_at;
        let oldest = self.oldest_seen.get_or_insert(captured_at);
        *oldest = captured_at.min(*oldest);
    }

    /// Whether a message that was captured then would be in it: nothing was missing from this
    /// directory before, or an older message is in it. A newer one proves nothing: Postfix puts its
    /// mail into whatever directory is there.
    pub fn is_of(&self, captured_at: DateTime<Utc>) -> bool {
        self.is_known() || self.oldest_seen.is_some_and(|oldest| oldest <= captured_at)
    }

    /// Whether nothing was missing from this directory before, or an operator says that it is right.
    pub fn is_known(&self) -> bool {
        self.is_confirmed() || self.is_on_record()
    }

    /// Whether an operator says that whatever is missing is gone.
    pub fn is_confirmed(&self) -> bool {
        self.recorded.as_deref() == Some("")
    }

    fn is_on_record(&self) -> bool {
        match (&self.listed, self.recorded.as_deref()) {
            (Some(listed), Some(recorded)) => listed == recorded,
            _ => false,
        }
    }
}

/// Asks for the record anew: another worker may have written it, or an operator.
pub(super) async fn ask(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    memory.ground.recorded = desk.store.hold_directory(instance).await?;
    Ok(())
}

/// Records the directory that was listed once no message under review is missing from it, nor one that
/// is decided and not settled. The first one, and one that an operator let take the place of another,
/// is recorded also if decided ones are missing, or some that no worker ever saw on hold, as Postfix
/// may never have taken them.
pub(super) async fn record(
    desk: &Desk,
    instance: &Instance,
    memory: &mut Memory,
) -> Result<(), StoreError> {
    let ground = &mut memory.ground;
    let Some(listed) = ground.listed.as_ref().map(ToString::to_string) else {
        return Ok(());
    };
    let is_missed = match ground.recorded.as_deref() {
        None | Some("") => memory.absent.has_held(),
        Some(recorded) if recorded == listed => return Ok(()),
        Some(_) => {
            let apart = desk.settings().reconcile / 2;
            memory.absent.has_any(apart) || lacks_decided(desk, instance, &memory.roll).await?
        }
    };
    if is_missed {
        return Ok(());
    }
    desk.store.note_hold_directory(instance, &listed).await?;
    ground.recorded = Some(listed);
    Ok(())
}

/// Whether any message that is decided and not settled is not in the listing. Whoever settles it looks
/// into the directory on record, and gives it up if it is not there. One that was carried out just now
/// is missing, too, until that is recorded: the next listing tells.
async fn lacks_decided(desk: &Desk, instance: &Instance, roll: &Roll) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let page = desk.store.decided(instance, after, PAGE).await?;
        if page.iter().any(|known| !roll.has(&known.queue_id)) {
            return Ok(true);
        }
        if page.len() < PAGE as usize {
            return Ok(false);
        }
        after = page.last().map(|last| last.capture_id);
    }
}

/// Another directory stands where the listed one was: it takes its place unless that one is on
/// record, which an operator's word ends.
pub(super) async fn replace(desk: &Desk, memory: &mut Memory) -> Result<(), StoreError> {
    ask(desk, &desk.settings().instance, memory).await?;
    if !memory.ground.is_on_record() {
        memory.roll.leave_directory();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{capture_id::CaptureId, lifecycle::State};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn held(second: i64) -> Known {
        Known {
            capture_id: CaptureId::new(Uuid::nil()),
            queue_id: "4jWpV34xY7z1X8k0".parse().unwrap(),
            captured_at: at(second),
            state: State::Held,
        }
    }

    #[test]
    fn only_an_older_message_tells_that_a_directory_is_the_right_one() {
        let mut ground = Ground {
            recorded: Some("inode 1".to_owned()),
            ..Ground::default()
        };
        assert!(!ground.is_of(at(5)));
        for second in [4, 6] {
            ground.seen(&held(second));
        }
        let answers = [3, 4, 5].map(|second| ground.is_of(at(second)));
        assert_eq!(answers, [false, true, true]);
    }

    #[test]
    fn an_operators_word_stands_for_every_directory() {
        let ground = |recorded: Option<&str>| Ground {
            recorded: recorded.map(str::to_owned),
            ..Ground::default()
        };
        assert!(!ground(None).is_of(at(5)) && !ground(Some("inode 1")).is_known());
        assert!(ground(Some("")).is_of(at(5)) && ground(Some("")).is_confirmed());
    }
}
