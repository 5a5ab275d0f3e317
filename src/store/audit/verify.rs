//! Whether the audit record is whole: reads all of it in its order and compares every seal. Finds what
//! was changed, taken away, put in or moved, whoever did it; never mends anything.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, Utc};
use data_encoding::HEXLOWER;

use crate::domain::audit::Seal;

use super::{
    super::{Store, StoreError, within},
    AuditKey, Sealed, seal,
};

/// Entries in memory at once.
const BATCH: u32 = 1_000;

/// The end of the record at some time, to be kept where nobody can reach both: with it, it shows when
/// the last entries were taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry; 0 of an empty record.
    pub seq: i64,
    /// Its seal; zeros of an empty record.
    pub hash: Seal,
    /// When it was appended; of an empty record when it was asked for.
    pub at: DateTime<Utc>,
}

/// What was found out about the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Soundness {
    /// Every entry has its seal, and none is missing.
    Sound {
        /// How many there are.
        n_entries: i64,
    },
    /// It was tampered with, or the key is another one.
    Broken {
        /// The number at which it shows first.
        seq: i64,
        /// What shows.
        fault: Fault,
    },
}

/// What is wrong at one place of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A number is left out.
    #[error("this entry is missing")]
    Missing,
    /// An entry does not name the seal of the one before.
    #[error("this entry does not follow the one before it")]
    Unlinked,
    /// The seal is not that of the entry.
    #[error("this entry was changed, or the key is not the one that it was sealed with")]
    Altered,
    /// The last entries are not there any more.
    #[error("this entry and all after it were taken away")]
    Truncated,
    /// An entry is another one than at the time when the head was kept.
    #[error("this entry is not the one whose head was kept")]
    Replaced,
}

impl Store {
    /// The end of the record.
    pub async fn audit_head(&self) -> Result<Head, StoreError> {
        let failed = |cause| StoreError::Audit { cause };
        let asked = sqlx::query!(
            r#"select h.seq, h.hash, coalesce(e.at, now()) as "at!"
            from audit_head h
            left join audit_event e on e.seq = h.seq"#
        )
        .fetch_one(&self.pool);
        let head = within(asked).await.map_err(failed)?;
        Ok(Head {
            seq: head.seq,
            hash: seal(&head.hash).map_err(failed)?,
            at: head.at,
        })
    }

    /// Reads the whole record and compares it with itself, with the key, and with heads that were kept
    /// elsewhere. What is appended meanwhile may be read or not.
    pub async fn verify_audit(
        &self,
        key: &AuditKey,
        kept: &[Head],
    ) -> Result<Soundness, StoreError> {
        // Read first: nothing before it may be missing later.
        let mut heads = vec![self.audit_head().await?];
        heads.extend_from_slice(kept);
        let mut walk = Walk::default();
        loop {
            let batch = self.audit_after(walk.seq, BATCH).await?;
            if batch.is_empty() {
                break;
            }
            for sealed in &batch {
                if let Err((seq, fault)) = walk.step(key, sealed, &heads) {
                    return Ok(Soundness::Broken { seq, fault });
                }
            }
        }
        let longest = heads.iter().map(|head| head.seq).max().unwrap_or_default();
        Ok(if longest > walk.seq {
            Soundness::Broken {
                seq: walk.seq + 1,
                fault: Fault::Truncated,
            }
        } else {
            Soundness::Sound {
                n_entries: walk.seq,
            }
        })
    }
}

/// How far the record was read and found sound.
#[derive(Default)]
struct Walk {
    seq: i64,
    hash: Seal,
}

impl Walk {
    fn step(
        &mut self,
        key: &AuditKey,
        sealed: &Sealed,
        heads: &[Head],
    ) -> Result<(), (i64, Fault)> {
        let Sealed { entry, hash } = sealed;
        let expected = self.seq + 1;
        if entry.seq != expected {
            return Err((expected, Fault::Missing));
        }
        // An entry that was changed and does not follow either was changed first of all.
        if !key.has_sealed(entry, hash) {
            return Err((expected, Fault::Altered));
        }
        if entry.previous != self.hash {
            return Err((expected, Fault::Unlinked));
        }
        let is_other = |head: &&Head| head.seq == expected && head.hash != *hash;
        if heads.iter().any(|head| is_other(&head)) {
            return Err((expected, Fault::Replaced));
        }
        self.seq = expected;
        self.hash = *hash;
        Ok(())
    }
}

/// `number seal time`, on one line.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = HEXLOWER.encode(&self.hash);
        let at = self.at.to_rfc3339_opts(SecondsFormat::Micros, true);
        write!(f, "{} {hash} {at}", self.seq)
    }
}

/// A line that is no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no line that `mailhold audit head` has printed")]
pub struct BadHead(String);

impl FromStr for Head {
    type Err = BadHead;

    fn from_str(line: &str) -> Result<Self, BadHead> {
        let bad = || BadHead(line.chars().take(120).collect());
        let mut words = line.split_ascii_whitespace();
        let (seq, hash, at) = (words.next(), words.next(), words.next());
        let (Some(seq), Some(hash), Some(at), None) = (seq, hash, at, words.next()) else {
            return Err(bad());
        };
        let hash = HEXLOWER.decode(hash.as_bytes()).map_err(|_| bad())?;
        let at = DateTime::parse_from_rfc3339(at).map_err(|_| bad())?;
        Ok(Self {
            seq: seq.parse().ok().filter(|seq| *seq >= 0).ok_or_else(bad)?,
            hash: hash.try_into().map_err(|_| bad())?,
            at: at.with_timezone(&Utc),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_printed() {
        let mut hash = [0; 32];
        (hash[0], hash[31]) = (0xab, 0x01);
        let head = Head {
            seq: 12,
            hash,
            at: DateTime::UNIX_EPOCH,
        };
        let line = head.to_string();
        assert!(line.starts_with("12 ab00"), "{line}");
        assert!(line.ends_with("01 1970-01-01T00:00:00.000000Z"), "{line}");
        assert_eq!(line.parse(), Ok(head));
        for bad in ["", "12", &line[1..20], &line.replace("ab", "xy"), "a b c d"] {
            assert!(bad.parse::<Head>().is_err(), "{bad:?}");
        }
    }
}
