//! One rule: who sends, to whom, when, and what becomes of the message then.

use super::{
    evidence::{Author, Evidence, Gap, Known},
    pattern::{RecipientPattern, SenderPattern},
    schedule::Schedule,
};
use crate::domain::{folding::Folding, person::Group};

/// A rule of the policy. The first one that matches decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in logs, records and figures.
    pub name: String,
    /// Whose mail it is about.
    pub who: Who,
    /// To whom the mail goes.
    pub to: ToWhom,
    /// When it applies.
    pub when: Schedule,
    /// What it says.
    pub action: Action,
}

/// Whose mail a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Of people who are flagged in the directory.
    Flagged,
    /// Of the people of a list.
    Listed(Vec<SenderPattern>),
    /// Of the members of a group of the directory.
    Group(Group),
    /// Of everybody.
    Anyone,
}

/// To whom the mail of a rule goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToWhom {
    /// Out of the house.
    External,
    /// Anywhere.
    Any,
    /// To the recipients of a list.
    Listed(Vec<RecipientPattern>),
}

/// What a rule says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is held for review.
    Hold,
    /// It goes on.
    Pass,
    /// It goes on, and a record says that it would have been held.
    Watch,
}

/// Whether a part of a rule matches a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// It does.
    Yes,
    /// It does not, and will not.
    No,
    /// The header field From will tell.
    Open,
}

/// How many of several senders or recipients must be meant for a rule to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    Any,
    All,
}

impl Action {
    /// The word of the settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Pass => "pass",
            Self::Watch => "watch",
        }
    }

    /// One sender or recipient that is meant is enough to hold a message. To let it pass all of them
    /// must be meant, or adding one would be a way around the rules behind.
    pub(super) fn quantity(self) -> Quantity {
        match self {
            Self::Hold | Self::Watch => Quantity::Any,
            Self::Pass => Quantity::All,
        }
    }
}

impl Who {
    /// Whether the directory is needed to tell.
    pub fn needs_directory(&self) -> bool {
        match self {
            Self::Flagged | Self::Group(_) => true,
            Self::Listed(_) | Self::Anyone => false,
        }
    }

    /// Whether one identity is meant.
    pub fn means(&self, one: &Known, folding: &Folding) -> bool {
        match self {
            Self::Flagged => one.standing.flagged().is_some(),
            Self::Listed(list) => list
                .iter()
                .any(|pattern| pattern.matches(&one.identity, folding)),
            Self::Group(group) => one.standing.is_in(group),
            Self::Anyone => true,
        }
    }

    /// Whether the senders of a message are meant by a rule with this action.
    pub(super) fn matches(
        &self,
        evidence: &Evidence,
        action: Action,
        folding: &Folding,
    ) -> Matching {
        if *self == Self::Anyone {
            return Matching::Yes;
        }
        let login = evidence.known.iter().find(|one| one.identity.is_login());
        match (self, action, login) {
            // Who has signed in need not, and must not, be flagged by another name to pass.
            (Self::Flagged, Action::Pass, Some(login)) => {
                let proved = Evidence {
                    known: vec![login.clone()],
                    author: Author::Settled,
                    gap: evidence.gap,
                };
                self.matches_of(&proved, action, folding)
            }
            _ => self.matches_of(evidence, action, folding),
        }
    }

    fn matches_of(&self, evidence: &Evidence, action: Action, folding: &Folding) -> Matching {
        let means = |one: &Known| self.means(one, folding);
        let is_doubtful = self.needs_directory() && evidence.gap == Gap::Outage;
        let quantity = self.quantity(action);
        let settled = match quantity {
            Quantity::Any if evidence.known.iter().any(means) => Some(Matching::Yes),
            Quantity::All if !evidence.known.iter().all(means) => Some(Matching::No),
            // Who cannot be looked up is meant where that holds a message, and not where it does not.
            Quantity::Any | Quantity::All if is_doubtful => Some(match action {
                Action::Hold | Action::Watch => Matching::Yes,
                Action::Pass => Matching::No,
            }),
            Quantity::Any | Quantity::All => None,
        };
        match (settled, evidence.author, quantity) {
            (Some(settled), _, _) => settled,
            (None, Author::Awaited, _) => Matching::Open,
            (None, Author::Settled, Quantity::Any) => Matching::No,
            // Nobody is no one of them.
            (None, Author::Settled, Quantity::All) if evidence.known.is_empty() => Matching::No,
            (None, Author::Settled, Quantity::All) => Matching::Yes,
        }
    }

    /// A list or a group that lets pass must mean all senders: one of them written into a message
    /// that another one sends would be a way around the rules behind. Of flagged people's mail the
    /// login tells, where there is one.
    fn quantity(&self, action: Action) -> Quantity {
        match self {
            Self::Flagged | Self::Anyone => Quantity::Any,
            Self::Listed(_) | Self::Group(_) => action.quantity(),
        }
    }
}
