//! Refused tries in the words of the record, spelt and read here alone.

use std::fmt;

use crate::domain::rights::{Act, Refusal};

/// What somebody tried in vain at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// What they may not do.
    Act(Act, Refusal),
    /// A form that no page of their session has made.
    Form,
    /// A form that a page of another site has sent.
    ForeignForm,
    /// A decision that came too late, or that cannot be taken on this message.
    Decision,
}

const FORM: &str = "form: no valid token";
const FOREIGN_FORM: &str = "form: from another site";
const DECISION: &str = "decision: too late or not possible";

impl Tried {
    /// Reads the words of an entry; `None` if they are none of ours, as of the command line.
    pub fn of(words: &str) -> Option<Self> {
        let others = [Self::Form, Self::ForeignForm, Self::Decision];
        let other = others.into_iter().find(|other| other.to_string() == words);
        other.or_else(|| {
            let (act, why) = words.split_once(": ")?;
            let act = Act::ALL.into_iter().find(|known| known.as_str() == act)?;
            let mut refusals = Refusal::ALL.into_iter();
            let refusal = refusals.find(|known| known.as_str() == why)?;
            Some(Self::Act(act, refusal))
        })
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act(act, refusal) => write!(f, "{}: {}", act.as_str(), refusal.as_str()),
            Self::Form => f.write_str(FORM),
            Self::ForeignForm => f.write_str(FOREIGN_FORM),
            Self::Decision => f.write_str(DECISION),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_try_reads_as_itself() {
        let mut tries = vec![Tried::Form, Tried::ForeignForm, Tried::Decision];
        for act in Act::ALL {
            tries.extend(Refusal::ALL.map(|refusal| Tried::Act(act, refusal)));
        }
        for tried in tries {
            assert_eq!(Tried::of(&tried.to_string()), Some(tried));
        }
    }

    #[test]
    fn the_words_of_the_command_line_and_of_older_entries_are_others() {
        for words in [
            "release: there is no such review",
            "Decide(Release): none of your roles may do this",
            "show x",
            "",
        ] {
            assert_eq!(Tried::of(words), None, "{words}");
        }
    }
}
