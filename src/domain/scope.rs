//! Whose mail a reviewer is shown. Never asks a directory: it compares names that were read there.

use std::collections::BTreeSet;

use super::person::folded_entry;

/// The people whose mail a reviewer may see and decide. Mail for which no entry of the directory was
/// at fault (an outage, a stray, a rule for anyone) is in no scope but [`Scope::All`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody.
    All,
    /// All entries at or below one.
    Unit {
        /// That entry, in the form of [`folded_entry`]; empty covers nobody.
        suffix: String,
    },
    /// These entries, in the form of [`folded_entry`].
    Entries(BTreeSet<String>),
}

impl Scope {
    /// These entries, as the directory spells them.
    pub fn entries<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let folded = names.into_iter().map(folded_entry);
        Self::Entries(folded.filter(|name| !name.is_empty()).collect())
    }

    /// Whether an entry of the directory, in its folded form, is in it. Empty: no entry.
    pub fn covers_entry(&self, folded: &str) -> bool {
        match self {
            Self::All => true,
            Self::Unit { suffix } => {
                !folded.is_empty() && !suffix.is_empty() && folded.ends_with(suffix.as_str())
            }
            Self::Entries(names) => !folded.is_empty() && names.contains(folded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = "uid=anna,ou=sales,dc=corp,dc=test";

    fn covers(scope: &Scope, entry: &str) -> bool {
        scope.covers_entry(&folded_entry(entry))
    }

    #[test]
    fn a_unit_covers_what_is_below_it_in_any_spelling() {
        let scope = Scope::Unit {
            suffix: folded_entry("OU=Sales,dc=corp,dc=test"),
        };
        assert!(covers(&scope, ANNA));
        assert!(covers(&scope, "UID=Anna, OU=sales, DC=corp, DC=test"));
        assert!(covers(&scope, "uid=x,ou=north,ou=sales,dc=corp,dc=test"));
        assert!(!covers(&scope, "uid=anna,ou=presales,dc=corp,dc=test"));
        assert!(!covers(&scope, ""));
    }

    #[test]
    fn entries_cover_themselves_alone() {
        let scope = Scope::entries([ANNA, ""]);
        assert!(covers(&scope, "UID=anna,ou=Sales,dc=corp,dc=test"));
        assert!(!covers(&scope, "uid=eva,ou=sales,dc=corp,dc=test"));
        assert!(!covers(&scope, ""));
    }

    #[test]
    fn a_unit_without_a_name_covers_nobody_and_all_covers_everybody() {
        let suffix = String::new();
        assert!(!covers(&Scope::Unit { suffix }, ANNA));
        assert!(covers(&Scope::All, ANNA));
        assert!(covers(&Scope::All, ""));
    }
}
