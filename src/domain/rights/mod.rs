//! What a person who is signed in may do at the review desk: one function says it, for pages,
//! decisions and downloads alike. Never asks who somebody is; that was answered at the sign-in.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::{
    address::Address, decision::Decision, envelope::Path, folding::Folding, identity::Identity,
    person::folded_entry, scope::Scope, verdict::Matched,
};

/// A part that a person plays at the desk. One person may play several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeskRole {
    /// Reads and decides mail of others, within a scope.
    Reviewer,
    /// Reads who did what; never mail.
    Auditor,
    /// Sees whether all works, strays and settings; never mail.
    Administrator,
}

/// A person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The name on the record.
    pub login: String,
    /// The name for the page.
    pub display_name: String,
    /// The entry in the directory, as it is spelt there.
    pub entry: Option<String>,
    /// The parts; none: nothing is allowed.
    pub roles: BTreeSet<DeskRole>,
    /// Whose mail, for a reviewer.
    pub scope: Scope,
    /// All names under which this very person may send mail, folded ([`own_names`]).
    pub names: BTreeSet<String>,
}

/// All that can be done at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// See the list of reviews, and search in it. Of a single line: see that line.
    List,
    /// See a message: who, to whom, text, safe HTML, names of files.
    View,
    /// See a message as it was captured, byte for byte.
    ViewRaw,
    /// Take a file out of a message.
    Download,
    /// Decide a message.
    Decide(Decision),
    /// See what was done with one message, and by whom.
    SeeTimeline,
    /// See the record of all that was done.
    SeeLog,
    /// See whether all works.
    SeeHealth,
    /// See what is on hold and was not captured.
    SeeStrays,
    /// See the settings.
    SeeSettings,
}

/// The facts of a review on which rights depend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matter {
    /// All names under which it was sent, folded.
    pub names: BTreeSet<String>,
    /// The entry of the directory for which it is held, folded; empty if there is none.
    pub entry: String,
}

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// None of the person's roles does this.
    #[error("none of your roles may do this")]
    NotYourRole,
    /// The sender is nobody whose mail this person reviews.
    #[error("this message is not in your scope")]
    OutOfScope,
    /// The person sent it, or it is held because of the person.
    #[error("this is your own mail")]
    OwnMail,
    /// Nothing is known of the message that is meant.
    #[error("nothing is known of this message")]
    NothingKnown,
}

/// Whether a person may do something; `matter` is the message that it is done with. Without one a list
/// may be opened, and what needs no message may be done.
pub fn may(principal: &Principal, act: Act, matter: Option<&Matter>) -> Result<(), Refusal> {
    let plays = |role: &DeskRole| principal.roles.contains(role);
    if !act.roles().iter().any(plays) {
        return Err(Refusal::NotYourRole);
    }
    match (act.bounds(), matter) {
        (Bounds::None, _) | (Bounds::OfEachMessage, None) => Ok(()),
        // Whoever may read the whole record may read a part of it.
        (Bounds::OfAReviewer, _) if plays(&DeskRole::Auditor) => Ok(()),
        (Bounds::OfTheMessage | Bounds::OfAReviewer, None) => Err(Refusal::NothingKnown),
        (Bounds::OfTheMessage | Bounds::OfAReviewer | Bounds::OfEachMessage, Some(matter)) => {
            may_touch(principal, matter)
        }
    }
}

fn may_touch(principal: &Principal, matter: &Matter) -> Result<(), Refusal> {
    if is_own(principal, matter) {
        return Err(Refusal::OwnMail);
    }
    if !principal.scope.covers(matter) {
        return Err(Refusal::OutOfScope);
    }
    Ok(())
}

/// Whether the person is the sender, or the one for whom the message is held.
fn is_own(principal: &Principal, matter: &Matter) -> bool {
    let own = principal.entry.as_deref().map(folded_entry);
    let is_own_entry = own.is_some_and(|own| !own.is_empty() && own == matter.entry);
    is_own_entry || !principal.names.is_disjoint(&matter.names)
}

impl Scope {
    /// Whether a message is in it.
    pub fn covers(&self, matter: &Matter) -> bool {
        self.covers_entry(&matter.entry)
    }
}

/// The kind of identity under which a stray stands that was adopted: its name is the administrator's,
/// who has not sent it.
const ADOPTED: &str = "administrator";

/// On what an act depends beside the role.
enum Bounds {
    /// Nothing.
    None,
    /// Scope and own mail, where a message is meant.
    OfEachMessage,
    /// Scope and own mail; a message must be meant.
    OfTheMessage,
    /// The same, unless the person is an auditor.
    OfAReviewer,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NotYourRole,
        Self::OutOfScope,
        Self::OwnMail,
        Self::NothingKnown,
    ];

    /// The word used on the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotYourRole => "not_your_role",
            Self::OutOfScope => "out_of_scope",
            Self::OwnMail => "own_mail",
            Self::NothingKnown => "nothing_known",
        }
    }
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::List,
        Self::View,
        Self::ViewRaw,
        Self::Download,
        Self::Decide(Decision::Release),
        Self::Decide(Decision::Discard),
        Self::Decide(Decision::Return),
        Self::SeeTimeline,
        Self::SeeLog,
        Self::SeeHealth,
        Self::SeeStrays,
        Self::SeeSettings,
    ];

    /// The word used on the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::View => "view",
            Self::ViewRaw => "view_raw",
            Self::Download => "download",
            Self::Decide(decision) => decision.as_str(),
            Self::SeeTimeline => "see_timeline",
            Self::SeeLog => "see_log",
            Self::SeeHealth => "see_health",
            Self::SeeStrays => "see_strays",
            Self::SeeSettings => "see_settings",
        }
    }

    /// Who may do it at all.
    fn roles(self) -> &'static [DeskRole] {
        match self {
            Self::List | Self::View | Self::ViewRaw | Self::Download | Self::Decide(_) => {
                &[DeskRole::Reviewer]
            }
            Self::SeeTimeline => &[DeskRole::Reviewer, DeskRole::Auditor],
            Self::SeeLog => &[DeskRole::Auditor],
            Self::SeeHealth | Self::SeeStrays | Self::SeeSettings => &[DeskRole::Administrator],
        }
    }

    fn bounds(self) -> Bounds {
        match self {
            Self::List => Bounds::OfEachMessage,
            Self::View | Self::ViewRaw | Self::Download | Self::Decide(_) => Bounds::OfTheMessage,
            Self::SeeTimeline => Bounds::OfAReviewer,
            Self::SeeLog | Self::SeeHealth | Self::SeeStrays | Self::SeeSettings => Bounds::None,
        }
    }
}

impl Matter {
    /// Takes who sent a message, and for whom it is held.
    pub fn sent(
        folding: &Folding,
        sender: &Path,
        login: Option<&[u8]>,
        matched: &Matched,
        authors: &[Address],
    ) -> Self {
        let senders = sender.addresses();
        let addresses = senders.iter().chain(authors);
        let identity = (matched.identity_kind != ADOPTED).then_some(matched.identity.as_bytes());
        let logins = [login, identity];
        Self::new(
            folding,
            addresses,
            logins.into_iter().flatten(),
            &matched.entry,
        )
    }

    /// Takes addresses, logins and the entry of the directory, as they were sent or spelt.
    pub fn new<'a, 'b>(
        folding: &Folding,
        addresses: impl IntoIterator<Item = &'a Address>,
        logins: impl IntoIterator<Item = &'b [u8]>,
        entry: &str,
    ) -> Self {
        let addresses = addresses.into_iter().map(|address| folding.fold(address));
        let logins = logins
            .into_iter()
            .flat_map(|login| folded_login(folding, login));
        Self {
            names: addresses.chain(logins).filter_map(shown).collect(),
            entry: folded_entry(entry),
        }
    }
}

/// The folded names of a person: addresses and logins are told apart by their form alone, because
/// a client may sign in with either.
pub fn own_names<'a>(
    folding: &Folding,
    names: impl IntoIterator<Item = &'a [u8]>,
) -> BTreeSet<String> {
    let folded = names
        .into_iter()
        .flat_map(|name| folded_login(folding, name));
    folded.filter_map(shown).collect()
}

fn folded_login(folding: &Folding, login: &[u8]) -> Vec<Vec<u8>> {
    Identity::Login(login.to_vec()).fold(folding)
}

/// What is not UTF-8 is compared by what is left of it: rather too much counts as one's own.
fn shown(name: Vec<u8>) -> Option<String> {
    let text = String::from_utf8_lossy(&name).replace('\0', "\u{fffd}");
    (!text.is_empty()).then_some(text)
}

impl DeskRole {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Reviewer, Self::Auditor, Self::Administrator];

    /// The word used in the database, in files and in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reviewer => "reviewer",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of reviewer, auditor, administrator")]
pub struct BadRole(String);

impl FromStr for DeskRole {
    type Err = BadRole;

    fn from_str(text: &str) -> Result<Self, BadRole> {
        let known = Self::ALL.into_iter().find(|role| role.as_str() == text);
        known.ok_or_else(|| BadRole(text.to_owned()))
    }
}

impl fmt::Display for DeskRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
