//! The name that a held message gets when Postfix turns to short queue IDs: it renames what it has at
//! its next start or reload (`postsuper_super` in `src/postsuper/postsuper.c`), and nothing back. Such
//! names repeat, so nothing acts on them; they are only told.

use super::{error::PostfixError, hold::Queues, presence::Presence};
use crate::domain::queue_id::QueueId;

/// The microsecond and the inode, in hexadecimal (`MQID_SH_ENCODE_USEC` in `src/global/mail_queue.h`).
fn short_name(id: &QueueId) -> Option<String> {
    Some(format!("{:05X}{:X}", id.microsecond()?, id.inode()?))
}

impl Queues {
    /// The short name under which the file of this message is on hold, if it is.
    pub fn shortened(&self, id: &QueueId) -> Result<Option<String>, PostfixError> {
        let Some(name) = short_name(id) else {
            return Ok(None);
        };
        let found = self.look_up_as("hold", id, &name)?;
        let is_its_file = found.is_some_and(|file| {
            Some(file.st_ino) == id.inode() && Presence::of(&file) != Presence::NotRegular
        });
        Ok(is_its_file.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_name_has_the_microsecond_and_the_inode() {
        let id: QueueId = "4jWkMG56f7z1j".parse().unwrap();
        assert_eq!(short_name(&id).unwrap(), "B008F58");
    }
}
