//! Which mail is held, passes or is watched: ordered rules, of which the first that matches decides.
//!
//! docs/policy.md tells the same for operators, with a table of the cases.

mod evidence;
mod judge;
pub mod overlap;
mod pattern;
mod rule;
mod schedule;
mod submitted;

pub use self::{
    evidence::{Author, Evidence, Gap, Known},
    judge::{Finding, Judgement},
    pattern::{BadPattern, DomainPattern, RecipientPattern, SenderPattern},
    rule::{Action, Matching, Rule, ToWhom, Who},
    schedule::{BadHours, Hours, Moment, Schedule},
    submitted::{BadNetwork, Networks, Submitters, parse_network},
};
use super::{capture::Client, folding::Folding, person::Group};

/// The policy of a house.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The domains of the house.
    pub internal: Vec<DomainPattern>,
    /// Recipients that do not count: what goes to nobody else is never held.
    pub exempt: Vec<RecipientPattern>,
    /// Recipients whose mail must not be read: never held, never captured.
    pub protected: Vec<RecipientPattern>,
    /// What happens to a message that is to be held but also goes to a protected correspondent.
    pub protected_mix: ProtectedMix,
    /// When the header field From belongs to the identities.
    pub header_from: HeaderFrom,
    /// Whose mail is the house's own.
    pub networks: Networks,
    /// Whether anything is held at all.
    pub mode: Mode,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// Which spellings of a mailbox are the same.
    pub folding: Folding,
}

/// What happens to a message that is to be held but also goes to a protected correspondent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProtectedMix {
    /// The sender is asked to send it separately: neither read nor let out.
    #[default]
    Refuse,
    /// It is held as a whole.
    Hold,
}

/// When the header field From belongs to the identities of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderFrom {
    /// When there is no login, which would say better who sends.
    #[default]
    Unauthenticated,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Whether the policy is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// What is to be held is held.
    #[default]
    Enforce,
    /// Nothing is held; what would have been is recorded.
    Watch,
}

/// What the header of a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderUse {
    /// It belongs to a message that is held already.
    Copied,
    /// It may decide whether a message is held.
    Judged,
}

impl Policy {
    /// A policy that holds what flagged people send out of the house.
    pub fn flagged_external(internal: Vec<DomainPattern>) -> Self {
        Self {
            internal,
            exempt: Vec::new(),
            protected: Vec::new(),
            protected_mix: ProtectedMix::default(),
            header_from: HeaderFrom::default(),
            networks: Networks::default(),
            mode: Mode::default(),
            rules: vec![Rule::flagged_external()],
            folding: Folding::default(),
        }
    }

    /// Whether any rule needs to know more of a sender than the name.
    pub fn needs_directory(&self) -> bool {
        self.rules.iter().any(|rule| rule.who.needs_directory())
    }

    /// Whether the header field From of a client's message belongs to its identities.
    pub fn author(&self, client: &Client) -> Author {
        match (self.header_use(), self.header_from) {
            (HeaderUse::Judged, HeaderFrom::Always) => Author::Awaited,
            (HeaderUse::Judged, HeaderFrom::Unauthenticated) if client.login.is_none() => {
                Author::Awaited
            }
            (HeaderUse::Judged | HeaderUse::Copied, _) => Author::Settled,
        }
    }

    /// Whether any message's header may decide.
    pub fn header_use(&self) -> HeaderUse {
        let is_asked = self.rules.iter().any(|rule| rule.who != Who::Anyone);
        match self.header_from {
            HeaderFrom::Unauthenticated | HeaderFrom::Always if is_asked => HeaderUse::Judged,
            HeaderFrom::Unauthenticated | HeaderFrom::Always | HeaderFrom::Never => {
                HeaderUse::Copied
            }
        }
    }

    /// The groups that rules name.
    pub fn groups(&self) -> Vec<Group> {
        let groups = self.rules.iter().filter_map(|rule| match &rule.who {
            Who::Group(group) => Some(group.clone()),
            Who::Flagged | Who::Listed(_) | Who::Anyone => None,
        });
        groups.collect()
    }
}

impl Rule {
    /// The rule of a house that names none: hold what flagged people send out.
    pub fn flagged_external() -> Self {
        Self {
            name: "flagged-external".to_owned(),
            who: Who::Flagged,
            to: ToWhom::External,
            when: Schedule::default(),
            action: Action::Hold,
        }
    }
}
