//! What is known of who sends a message, when a rule is asked.

use std::sync::Arc;

use crate::domain::{
    identity::Identity,
    person::{Entry, Standing},
};

/// One identity of a message and what the directory knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The identity.
    pub identity: Identity,
    /// What the directory said; empty if it need not be asked, or could not be.
    pub standing: Standing,
}

/// All that is known of who sends a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The identities so far, the login first.
    pub known: Vec<Known>,
    /// Whether an identity could not be looked up.
    pub gap: Gap,
    /// Whether the header field From will tell more.
    pub author: Author,
}

/// Whether every identity was looked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gap {
    /// Every one, or none need be.
    #[default]
    None,
    /// One could not be, and counts as flagged and as a member of every group.
    Outage,
    /// One could not be, and the operator wants such mail to go on.
    Unreviewed,
}

/// Whether the header field From belongs to the identities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Author {
    /// It does not, or its mailboxes are among the known ones.
    #[default]
    Settled,
    /// It does, and has not arrived yet.
    Awaited,
}

impl Evidence {
    /// The first identity that is flagged, with the entry that says so; a doubtful entry first,
    /// because it raises an alarm.
    pub fn flagged(&self) -> Option<(&Identity, &Arc<Entry>)> {
        self.known
            .iter()
            .find_map(|one| Some((&one.identity, one.standing.flagged()?)))
    }

    /// Who answers for the message: the identity that is flagged, or else the first one, which is the
    /// login if there is one.
    pub fn answerable(&self) -> Option<&Identity> {
        let flagged = self.flagged().map(|(identity, _)| identity);
        flagged.or_else(|| self.known.first().map(|one| &one.identity))
    }

    /// Whether the sender is flagged, or may be for all that is known.
    pub fn is_suspect(&self) -> bool {
        self.gap == Gap::Outage || self.flagged().is_some()
    }
}
