//! What the directory says of an identity.

use super::identity::Identity;

/// Whether the person behind an identity is flagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The directory answered, and no entry of this identity is flagged.
    NotFlagged,
    /// At least one entry of this identity is flagged.
    Flagged(Entry),
}

/// The directory entry that carries the flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's name: a distinguished name, or the line of a table.
    pub name: String,
    /// The flag as it stands in the directory, such as `IsMailMonitor=Y`.
    pub flag: String,
    /// Whether the value is one of the configured ones; an unknown value counts as flagged.
    pub reading: FlagReading,
}

/// How a flag's value was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagReading {
    /// One of the configured true values.
    Known,
    /// Neither true nor false by the settings: flagged, and an alarm.
    Doubtful,
}

/// Why a sender's mail is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// An identity of the message is flagged.
    Flagged {
        /// The identity that is flagged.
        identity: Identity,
        /// Its directory entry.
        entry: Entry,
    },
    /// The directory could not be asked, and the operator wants such mail held.
    DirectoryOutage,
}

/// The values that an attribute may have, as the settings name them.
#[derive(Clone, Debug)]
pub struct FlagValues {
    truths: Vec<String>,
    falsehoods: Vec<String>,
}

impl FlagValues {
    /// Takes the two lists; case never matters.
    pub fn new(truths: &[String], falsehoods: &[String]) -> Self {
        let folded = |values: &[String]| values.iter().map(|value| value.to_lowercase()).collect();
        Self {
            truths: folded(truths),
            falsehoods: folded(falsehoods),
        }
    }

    /// Reads one value: `None` if it says *not flagged*.
    pub fn read(&self, value: &[u8]) -> Option<FlagReading> {
        let text = String::from_utf8_lossy(value).trim().to_lowercase();
        if text.is_empty() || self.falsehoods.contains(&text) {
            return None;
        }
        if self.truths.contains(&text) {
            return Some(FlagReading::Known);
        }
        Some(FlagReading::Doubtful)
    }
}

impl Default for FlagValues {
    /// True: `Y YES TRUE T 1`; false: `N NO FALSE F 0`; any case.
    fn default() -> Self {
        let owned = |values: &[&str]| {
            values
                .iter()
                .map(|&value| value.to_owned())
                .collect::<Vec<_>>()
        };
        Self::new(
            &owned(&["Y", "YES", "TRUE", "T", "1"]),
            &owned(&["N", "NO", "FALSE", "F", "0"]),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_values_flag_in_any_case() {
        let values = FlagValues::default();
        for value in ["Y", "y", "YES", "Yes", "TRUE", "t", "1", " y "] {
            assert_eq!(
                values.read(value.as_bytes()),
                Some(FlagReading::Known),
                "{value}"
            );
        }
    }

    #[test]
    fn false_and_empty_values_do_not_flag() {
        let values = FlagValues::default();
        for value in ["N", "no", "False", "f", "0", "", "  "] {
            assert_eq!(values.read(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn anything_else_counts_as_flagged_and_is_doubtful() {
        let values = FlagValues::default();
        for value in [&b"maybe"[..], b"2", b"\xff\xfe", b"YN"] {
            assert_eq!(values.read(value), Some(FlagReading::Doubtful), "{value:?}");
        }
    }
}
