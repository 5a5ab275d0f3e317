//! What the directory says of an identity.

use std::sync::Arc;

use chrono::{DateTime, Utc};

/// What the directory knows under one identity: its entries, none for a stranger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Every entry of that name; more than one if persons share it.
    pub entries: Vec<Arc<Entry>>,
}

impl Standing {
    /// The entry that flags this identity; one whose value is doubtful before any other, because it
    /// raises an alarm.
    pub fn flagged(&self) -> Option<&Arc<Entry>> {
        let doubtful = |entry: &&Arc<Entry>| entry.flag.reading() == Some(FlagReading::Doubtful);
        let raised = |entry: &&Arc<Entry>| entry.flag.reading().is_some();
        let found = self.entries.iter().find(doubtful);
        found.or_else(|| self.entries.iter().find(raised))
    }

    /// Whether several entries share this identity and one of them is flagged: it flags the others'
    /// mail as well.
    pub fn is_ambiguous(&self) -> bool {
        self.entries.len() > 1 && self.flagged().is_some()
    }

    /// Whether any entry of this identity is a member of `group`.
    pub fn is_in(&self, group: &Group) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.groups.contains(group))
    }
}

/// One entry of the directory, as far as reviews are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's name: a distinguished name, or the line of a table.
    pub name: String,
    /// What its flag says.
    pub flag: Flag,
    /// The groups of the settings that it is a member of.
    pub groups: Vec<Group>,
}

/// What the flag of an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flag {
    /// There is none.
    Absent,
    /// Not flagged, in so many words, such as `IsMailMonitor=N`.
    Lowered(String),
    /// Flagged.
    Raised {
        /// The flag as it stands in the directory, such as `IsMailMonitor=Y`.
        shown: String,
        /// Whether the value is one of the configured ones; an unknown one counts as flagged.
        reading: FlagReading,
    },
    /// Flagged once; not any more.
    Expired {
        /// The flag as it stands in the directory.
        shown: String,
        /// The end date, which is past.
        until: DateTime<Utc>,
    },
}

impl Flag {
    /// How the value was understood; `None` if the entry is not flagged.
    pub fn reading(&self) -> Option<FlagReading> {
        match self {
            Self::Raised { reading, .. } => Some(*reading),
            Self::Absent | Self::Lowered(_) | Self::Expired { .. } => None,
        }
    }

    /// The flag as it stands in the directory; empty if there is none.
    pub fn shown(&self) -> &str {
        match self {
            Self::Absent => "",
            Self::Lowered(shown) | Self::Raised { shown, .. } | Self::Expired { shown, .. } => {
                shown
            }
        }
    }
}

/// A group of the directory by its distinguished name. Two spellings that differ in case, in the
/// spaces around `,` and `=`, or in how a sign is escaped (RFC 4514), are the same group.
#[derive(Clone, Debug)]
pub struct Group {
    shown: String,
    folded: String,
}

impl Group {
    /// Takes a distinguished name.
    pub fn new(name: &str) -> Self {
        Self {
            shown: name.to_owned(),
            folded: folded_entry(name),
        }
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.shown
    }
}

impl PartialEq for Group {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for Group {}

/// What stands before each part of a folded name: no part can hold it, so the end of a name that begins
/// with it is a name above.
const PART: char = '\u{1f}';

/// The one form of a distinguished name that has many spellings: case, the spaces around `,` and `=`,
/// and escapes (RFC 4514) make no difference. Empty for no name. Made to be compared, never to be shown:
/// whatever is below an entry ends in the entry's form.
pub fn folded_entry(name: &str) -> String {
    if name.trim().is_empty() {
        return String::new();
    }
    parts(name).iter().fold(String::new(), |mut folded, part| {
        folded.push(PART);
        folded.push_str(part);
        folded
    })
}

/// The folded form of the entry above a name; empty if there is none.
pub fn folded_parent(name: &str) -> String {
    let folded = folded_entry(name);
    let above = folded.get(PART.len_utf8()..).and_then(|rest| {
        let at = rest.find(PART)?;
        rest.get(at..)
    });
    above.unwrap_or_default().to_owned()
}

/// A folded form and those of all entries above it, the nearest first.
pub fn with_those_above(folded: &str) -> Vec<&str> {
    let begins = folded.match_indices(PART).map(|(at, _)| at);
    begins.filter_map(|at| folded.get(at..)).collect()
}

fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![Vec::new()];
    let mut rest = name.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        let byte = match byte {
            b',' => {
                parts.push(Vec::new());
                continue;
            }
            b'\\' => match unescape(rest) {
                Some((byte, after)) => {
                    rest = after;
                    byte
                }
                None => b'\\',
            },
            byte => *byte,
        };
        if let Some(part) = parts.last_mut() {
            part.push(byte);
        }
    }
    let folded = parts
        .iter()
        .map(|part| String::from_utf8_lossy(part))
        .map(|part| match part.split_once('=') {
            Some((kind, value)) => format!("{}={}", kind.trim(), value.trim()),
            None => part.trim().to_owned(),
        })
        // A sign that came out of its escape divides nothing, and PostgreSQL's text holds no NUL.
        .map(|part| part.to_lowercase().replace([PART, '\0'], "\u{fffd}"));
    folded.collect()
}

/// What a backslash stands for: a byte in hexadecimal, or the sign behind it.
fn unescape(rest: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |at| {
        let sign = rest.get(at).copied().map(char::from)?;
        u8::try_from(sign.to_digit(16)?).ok()
    };
    match (digit(0), digit(1)) {
        (Some(high), Some(low)) => Some((high << 4 | low, rest.get(2..)?)),
        _ => rest.split_first().map(|(byte, after)| (*byte, after)),
    }
}

/// How a flag's value was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagReading {
    /// One of the configured true values.
    Known,
    /// Neither true nor false by the settings: flagged, and an alarm.
    Doubtful,
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

    #[test]
    fn a_group_is_the_same_in_any_case_and_spacing() {
        let group = Group::new("cn=Brokers, ou=groups,dc=corp,dc=test");
        assert_eq!(group, Group::new("CN=brokers,OU=Groups,dc = corp,dc=test"));
        assert_ne!(group, Group::new("cn=brokers,ou=groups,dc=corp"));
    }

    #[test]
    fn a_group_is_the_same_however_its_signs_are_escaped() {
        let group = Group::new("cn=Börse\\, Wien,dc=test");
        for spelling in [
            "cn=b\\C3\\B6rse\\2c wien,dc=test",
            "CN=B\\c3\\b6rse\\2C Wien, DC=test",
        ] {
            assert_eq!(group, Group::new(spelling), "{spelling}");
        }
        for other in [
            "cn=börse,wien,dc=test",
            "cn=börse\\, wien\\,dc=test",
            "cn=b\\F6rse\\, wien,dc=test",
        ] {
            assert_ne!(group, Group::new(other), "{other}");
        }
        assert_eq!(Group::new("cn=a\\+f"), Group::new("cn=a\\2bf"));
        Group::new("cn=\\");
        Group::new("cn=\\c3\\");
    }

    #[test]
    fn what_is_below_an_entry_ends_in_its_folded_form() {
        let unit = folded_entry("OU=Sales, dc=corp,dc=test");
        assert!(folded_entry("uid=anna,ou=sales,dc=corp,dc=test").ends_with(&unit));
        assert_eq!(folded_parent("uid=a\\,b, ou=sales,dc=corp,DC=test"), unit);
        for outside in [
            "uid=anna,ou=presales,dc=corp,dc=test",
            "uid=anna\\,ou=sales,dc=corp,dc=test",
            "uid=anna\\1fou=sales,dc=corp,dc=test",
            "uid=anna,dc=corp,dc=test",
        ] {
            assert!(!folded_entry(outside).ends_with(&unit), "{outside}");
        }
        assert_eq!(folded_entry(" "), "");
        assert_eq!(folded_parent("dc=test"), "");
        assert_eq!(folded_parent(""), "");
        assert!(!folded_entry("cn=\\00").contains('\0'));
    }

    #[test]
    fn several_entries_are_ambiguous_if_one_is_flagged() {
        let entry = |flag| {
            Arc::new(Entry {
                name: String::new(),
                flag,
                groups: Vec::new(),
            })
        };
        let raised = entry(Flag::Raised {
            shown: String::new(),
            reading: FlagReading::Known,
        });
        let absent = entry(Flag::Absent);
        let is_ambiguous = |entries: &[&Arc<Entry>]| {
            let entries = entries.iter().map(|entry| Arc::clone(entry)).collect();
            Standing { entries }.is_ambiguous()
        };
        assert!(is_ambiguous(&[&absent, &raised]));
        assert!(!is_ambiguous(&[&absent, &absent]));
        assert!(!is_ambiguous(&[&raised]));
    }
}
