//! What a server shows of the flags as a whole, for `mailhold check`. Names nobody.

use std::time::Duration;

/// How the flag stands in a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The entries whose flag this account may read.
    pub flags: Flags,
    /// The entries that were found by a flag that this account may not read.
    pub hidden: usize,
    /// How long the search for them took.
    pub took: Duration,
    /// The server's lines of `olcDbIndex`; none where it does not show its settings.
    pub indexes: Vec<String>,
}

/// How many flags were found, of any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flags {
    /// This many.
    Counted(usize),
    /// More than a search may give.
    MoreThan(usize),
}

impl Survey {
    /// The line that names an attribute, if one does (slapd-config(5): attributes apart by commas,
    /// then the kinds of index).
    pub fn index_of(&self, attribute: &str) -> Option<&str> {
        let names = |line: &&String| {
            let (attributes, _) = line.split_once(' ').unwrap_or((line, ""));
            attributes
                .split(',')
                .any(|name| name.eq_ignore_ascii_case(attribute))
        };
        self.indexes.iter().find(names).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_found_by_the_attributes_name_alone() {
        let survey = Survey {
            flags: Flags::Counted(0),
            hidden: 0,
            took: Duration::ZERO,
            indexes: vec!["objectClass eq".into(), "mail,IsMailMonitor eq,pres".into()],
        };
        let found = survey.index_of("ismailmonitor");
        assert_eq!(found, Some("mail,IsMailMonitor eq,pres"));
        assert_eq!(survey.index_of("eq"), None);
        assert_eq!(survey.index_of("IsMail"), None);
    }
}
