//! What the policy says of a message: the machine's word, once all that matters is known.

/// The policy's word on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message goes to the hold queue and waits for a person.
    Hold(Grounds),
    /// The message goes on; a record says that it would have been held.
    Watch(Grounds),
    /// The sender is flagged, but a rule, or the want of one, lets the message pass.
    Pass(Grounds),
    /// The sender is asked to send the message in parts: it is to be held, but also goes to a
    /// protected correspondent.
    Refuse(Grounds),
    /// The message is none of our business: it is counted and leaves no other trace.
    Free(Freedom),
}

impl Verdict {
    /// The label of the figure that counts it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Hold(_) => "hold",
            Self::Watch(_) => "watch",
            Self::Pass(_) => "pass",
            Self::Refuse(_) => "refuse",
            Self::Free(freedom) => freedom.as_str(),
        }
    }
}

/// Why a message is none of our business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freedom {
    /// Nothing is known against its sender.
    Unflagged,
    /// It goes to exempt recipients only.
    Exempt,
    /// It goes to a protected correspondent.
    Protected,
    /// The directory could not be asked, and the operator wants such mail to go on.
    Unreviewed,
    /// It comes in; nobody of the house has sent it.
    Incoming,
}

impl Freedom {
    /// The label of the figure that counts it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unflagged => "unflagged",
            Self::Exempt => "exempt",
            Self::Protected => "protected",
            Self::Unreviewed => "unreviewed",
            Self::Incoming => "incoming",
        }
    }
}

/// The rule that gave the verdict, and what made it match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// The rule's name, such as `flagged-external`.
    pub rule: String,
    /// What matched: the identity, its directory entry, and the recipient.
    pub matched: Matched,
}

/// What made a rule match, for the reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The kind of the identity: `login`, `envelope sender` or `header From`; empty in an outage.
    pub identity_kind: String,
    /// The identity itself.
    pub identity: String,
    /// The name of the directory entry, if one matters.
    pub entry: String,
    /// The flag as it stands in the directory.
    pub flag: String,
    /// The first recipient that made the rule match.
    pub recipient: String,
}
