//! Looks in the words of the record. They are spelt and read here alone: what somebody types stands
//! behind a word of ours, so that no search passes for a look at something else.

use std::fmt;

use crate::domain::query::Query;

/// What stands before a search.
const SEARCH: &str = "search: ";
/// What stands before the number of a part.
const PAGE: &str = "the HTML of part ";
const TIMELINE: &str = "timeline";
const RECORD: &str = "the record";
const STRAYS: &str = "strays";

/// What somebody looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// A message beside the list of all that waits.
    Message,
    /// A message beside what a search has found.
    Found(String),
    /// A page of a message's HTML.
    Page(u32),
    /// What was done with a message, which shows nothing of it.
    Timeline,
    /// The record.
    Record,
    /// Mail on hold that nobody captured.
    Strays,
}

impl Look {
    /// At a message beside a list. What cannot be searched for is no search.
    pub fn beside(query: Option<&Query>) -> Self {
        match query.map(Query::to_string) {
            Some(search) if !search.is_empty() => Self::Found(search),
            _ => Self::Message,
        }
    }

    /// Reads the words of an entry. Those that are none of ours, as of the command line, tell of a
    /// message.
    pub fn of(words: &str) -> Self {
        if let Some(search) = words.strip_prefix(SEARCH) {
            return Self::Found(search.to_owned());
        }
        let part = words.strip_prefix(PAGE).map(str::parse);
        match (words, part) {
            (_, Some(Ok(part))) => Self::Page(part),
            (TIMELINE, _) => Self::Timeline,
            (RECORD, _) => Self::Record,
            (STRAYS, _) => Self::Strays,
            _ => Self::Message,
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message => Ok(()),
            Self::Found(search) => write!(f, "{SEARCH}{search}"),
            Self::Page(part) => write!(f, "{PAGE}{part}"),
            Self::Timeline => f.write_str(TIMELINE),
            Self::Record => f.write_str(RECORD),
            Self::Strays => f.write_str(STRAYS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_look_reads_as_itself() {
        let looks = [
            Look::Message,
            Look::Found("timeline".to_owned()),
            Look::Page(1),
            Look::Timeline,
            Look::Record,
            Look::Strays,
        ];
        for look in looks {
            assert_eq!(Look::of(&look.to_string()), look);
        }
    }

    #[test]
    fn a_search_never_reads_as_another_look() {
        for typed in [
            "timeline",
            "\"timeline\"",
            "\"the HTML of part 1\"",
            "\"the record\"",
            "strays",
            "\"search: timeline\"",
        ] {
            let query = Query::parse(typed).unwrap();
            let look = Look::beside(Some(&query));
            assert!(matches!(look, Look::Found(_)), "{typed}: {look:?}");
            assert_eq!(Look::of(&look.to_string()), look);
        }
    }

    #[test]
    fn an_entry_of_the_command_line_tells_of_the_message() {
        for words in ["content", "facts and header", "the HTML of part x"] {
            assert_eq!(Look::of(words), Look::Message);
        }
    }
}
