//! Postfix's name of a queue file, in its long form only.

use std::{fmt, str::FromStr};

/// The longest name that Postfix itself accepts (`mail_queue_id_ok` in `src/global/mail_queue.c`).
const LONGEST_ID: usize = 255;

/// A long queue ID, as `enable_long_queue_ids = yes` makes them.
///
/// Long IDs do not repeat, and neither `ALL`, `-` nor a path can be spelled in them: Postfix builds
/// them from digits and consonants (`src/global/mail_queue.h`, `safe_ultostr.c`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueId(String);

/// A text that is not a long queue ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a long queue ID such as 4jWkMG56f7z1j")]
pub struct BadQueueId(String);

impl QueueId {
    /// The ID as Postfix writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The second in which Postfix made the queue file (seconds since 1970).
    pub fn second(&self) -> Option<u64> {
        let (time, _) = self.0.rsplit_once('z')?;
        let seconds = time.get(..time.len().checked_sub(4)?)?;
        decode(seconds, 52)
    }

    /// The microsecond within [`QueueId::second`].
    pub fn microsecond(&self) -> Option<u32> {
        let (time, _) = self.0.rsplit_once('z')?;
        let micros = time.get(time.len().checked_sub(4)?..)?;
        u32::try_from(decode(micros, 52)?).ok()
    }

    /// The inode number that the queue file was made with.
    pub fn inode(&self) -> Option<u64> {
        let (_, inode) = self.0.rsplit_once('z')?;
        decode(inode, 51)
    }
}

impl FromStr for QueueId {
    type Err = BadQueueId;

    fn from_str(text: &str) -> Result<Self, BadQueueId> {
        let well_formed = text.len() <= LONGEST_ID
            && text.bytes().all(is_safe)
            && text
                .rsplit_once('z')
                .is_some_and(|(time, inode)| 10 <= time.len() && !inode.is_empty());
        if !well_formed {
            let shown = text.chars().take(64).collect();
            return Err(BadQueueId(shown));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Postfix leaves the vowels out, so no ID spells a word, `ALL` included.
fn is_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !b"AEIOUaeiou".contains(&byte)
}

/// Reads a number in Postfix's safe alphabet: digits, then upper, then lower case consonants.
fn decode(text: &str, base: u64) -> Option<u64> {
    const ALPHABET: &[u8] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    text.bytes().try_fold(0_u64, |sum, byte| {
        let digit = u64::try_from(ALPHABET.iter().position(|known| *known == byte)?).ok()?;
        if digit >= base {
            return None;
        }
        sum.checked_mul(base)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_id_tells_its_second_and_inode() {
        let id: QueueId = "4jWkMG56f7z1j".parse().unwrap();
        assert_eq!(id.second(), Some(1_795_246_090));
        assert_eq!(id.microsecond(), Some(721_039));
        assert_eq!(id.inode(), Some(88));
    }

    #[test]
    fn anything_else_is_refused() {
        let long = format!("4jWkMG56f7z{}", "1".repeat(300));
        for text in [
            "",
            "ALL",
            "-",
            "-d",
            "D305C34",
            "0123456789ABCDEF",
            "../hold/4jWkMG56f7z1j",
            "4jWkMG56f7z",
            "z1j",
            "4jWkMG56f7z1j\n",
            "4jWkMG56f7z1j ",
            "4jWkMG56f7z1\u{e9}",
            &long,
        ] {
            assert!(text.parse::<QueueId>().is_err(), "{text:?} must be refused");
        }
    }
}
