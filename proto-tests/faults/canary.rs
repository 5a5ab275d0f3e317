//! A token that is in every part of one message and nowhere else: wherever it is found, there is a
//! part of that message. Never looks like anything that a program writes by itself.

use std::{collections::BTreeSet, fmt, io::BufRead};

use serde::{Deserialize, Serialize};

use crate::lab::chance::Chance;

/// What each begins with. Its first byte is rare in mail, which makes the search quick.
const MARK: &[u8] = b"%canary";
const N_DIGITS: usize = 16;

/// A token that is in every part of one message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Canary(String);

impl Canary {
    /// One that no other message has.
    pub fn new(chance: &mut Chance) -> Self {
        Self(format!("%canary{:016x}", chance.next()))
    }

    /// The token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its digits alone, for names that may not hold its mark.
    pub fn digits(&self) -> &str {
        self.0.get(MARK.len()..).unwrap_or_default()
    }

    /// All that are in these bytes.
    pub fn all_in(bytes: &[u8]) -> BTreeSet<Self> {
        let mut found = BTreeSet::new();
        let mut rest = bytes;
        while rest.skip_until(MARK[0]).is_ok_and(|skipped| skipped > 0) {
            // Where nothing more is found the rest is empty, and this is the last byte.
            let at = bytes.len() - rest.len() - 1;
            let token = bytes
                .get(at..at + MARK.len() + N_DIGITS)
                .unwrap_or_default();
            let digits = token.strip_prefix(MARK).unwrap_or_default();
            if digits.len() == N_DIGITS && digits.iter().all(u8::is_ascii_hexdigit) {
                found.insert(Self(String::from_utf8_lossy(token).into_owned()));
            }
        }
        found
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
