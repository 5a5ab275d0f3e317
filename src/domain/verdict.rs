//! What the policy says of a message: the machine's word, at end of message.

/// The policy's word on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message goes to the hold queue and waits for a person.
    Hold(Grounds),
    /// The message is flagged, but a rule lets it pass.
    Pass(Grounds),
}

/// The rule that gave the verdict, and what made it match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds {
    /// The rule's name, such as `flagged-external`.
    pub rule: String,
    /// What matched: the identity, its directory entry, and the recipient.
    pub matched: Matched,
}

/// What made a rule match, for the reviewer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// The kind of the flagged identity: `login` or `envelope sender`; empty in an outage.
    pub identity_kind: String,
    /// The flagged identity itself.
    pub identity: String,
    /// The name of the directory entry.
    pub entry: String,
    /// The flag as it stands in the directory.
    pub flag: String,
    /// The first recipient that made the mail external.
    pub recipient: String,
}
