//! One message as a page shows it: who and to whom, what to beware of, the tabs, what was done with it.
//! Never decides anything, and shows nothing that the outline or the record do not say.

mod facts;
mod tabs;
pub mod timeline;
mod warnings;

use chrono::{DateTime, TimeDelta, Utc};

pub use self::tabs::Tab;
use self::timeline::Notes;
use super::{
    address_book::House,
    clock,
    paths::Inbox,
    preferences::Preferences,
    view::{self, Block, Piece, Value},
    words::Words,
};
use crate::{
    domain::{decision::Decision, lifecycle::State},
    store::{
        audit::Sealed,
        outlines::{Failure, Standing},
        reviews::Review,
    },
};

/// All that is known of one message.
pub struct Known<'a> {
    /// The record.
    pub review: &'a Review,
    /// What it is made of.
    pub outline: &'a Standing,
    /// What was done with it.
    pub entries: &'a [Sealed],
    /// The message as it was captured, as much of it as is shown.
    pub raw: Option<&'a Raw>,
    /// Whose addresses are ours.
    pub house: &'a House,
    /// How long a message may wait.
    pub due_after: TimeDelta,
}

/// The beginning of a message as it was captured.
pub struct Raw {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether there is more.
    pub is_cut: bool,
}

/// Where the page stands.
pub struct Place<'a> {
    /// The search that the list shows.
    pub query: &'a str,
    /// Where the page of the list begins.
    pub after: Option<&'a str>,
    /// The tab that was asked for.
    pub tab: Option<Tab>,
    /// The token of the form in which the reader decides, if they may.
    pub token: Option<String>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A fact: a name and values, those beyond the first ones folded away.
pub struct Fact {
    /// Its name.
    pub name: String,
    /// The values that are seen at once.
    pub values: Vec<Value>,
    /// What opens the others.
    pub more_name: String,
    /// The others.
    pub more: Vec<Value>,
}

/// Something to beware of.
pub struct Warning {
    /// How it looks: `bad` or `warn`.
    pub kind: &'static str,
    /// What it says.
    pub text: String,
    /// A value out of the message that shows it.
    pub detail: Vec<Piece>,
}

/// A link to a tab.
pub struct TabLink {
    /// Where it leads.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Whether it is open.
    pub is_here: bool,
}

/// The form in which a reviewer decides.
pub struct Form {
    /// The search that the list shows.
    pub query: String,
    /// Where the page of the list begins; empty: at the beginning.
    pub after: String,
    /// What proves that the form came from this session.
    pub token: String,
    /// Why the message cannot be returned, if so.
    pub no_return: Option<String>,
    /// Reasons to choose from.
    pub reasons: Vec<String>,
    /// The key that releases.
    pub release_key: String,
    /// The key that discards.
    pub discard_key: String,
    /// The key that returns.
    pub return_key: String,
}

/// Something that was done with the message.
pub struct Moment {
    /// When, for programs.
    pub at: String,
    /// When, for people.
    pub at_shown: String,
    /// What, and by whom.
    pub text: Vec<Piece>,
}

/// What the page shows of one message.
pub struct Pane {
    /// Its name.
    pub id: String,
    /// Back to the list.
    pub back: String,
    /// The subject.
    pub subject: Vec<Piece>,
    /// Its language.
    pub lang: Option<String>,
    /// What to beware of.
    pub warnings: Vec<Warning>,
    /// Who, to whom, why.
    pub facts: Vec<Fact>,
    /// Where it can be decided.
    pub form: Option<Form>,
    /// Where it stands, if it cannot.
    pub standing: Option<String>,
    /// The tabs.
    pub tabs: Vec<TabLink>,
    /// What must be known about what follows.
    pub body_note: Option<String>,
    /// What the tab shows.
    pub blocks: Vec<Block>,
    /// What was done with it.
    pub timeline: Vec<Moment>,
}

/// The reasons that can be chosen, by their messages.
const REASONS: [&str; 5] = [
    "reason-business",
    "reason-confidential",
    "reason-personal",
    "reason-recipient",
    "reason-suspicious",
];

impl Pane {
    /// Makes the page's part.
    pub fn new(
        words: &Words,
        preferences: &Preferences,
        known: &Known<'_>,
        place: &Place<'_>,
    ) -> Self {
        let review = known.review;
        let id = review.capture.id.to_string();
        let subject = match known.outline {
            Standing::Made(outline) => outline.subject.as_deref(),
            Standing::Waits | Standing::Failed(_) => review.header.subject.as_deref(),
        };
        let subject = subject.filter(|subject| !subject.trim().is_empty());
        let tab = place.tab.unwrap_or_else(|| Tab::first(known.outline));
        let view = Inbox {
            query: place.query,
            after: place.after,
            ..Inbox::default()
        };
        let token = place.token.as_ref().filter(|_| review.state == State::Held);
        let form = token.map(|token| form(words, preferences, review, view, token));
        Self {
            back: view.path(),
            lang: match known.outline {
                Standing::Made(outline) => outline.language.clone(),
                Standing::Waits | Standing::Failed(_) => None,
            },
            subject: match subject {
                Some(subject) => view::pieces(subject),
                None => view::pieces(&words.say("no-subject")),
            },
            warnings: warnings::of(words, known),
            facts: facts::of(words, known, place.now),
            standing: form
                .is_none()
                .then(|| timeline::standing(words, review, place.now)),
            form,
            tabs: tabs::links(&id, words, tab, view),
            body_note: body_note(words, known.outline),
            blocks: tabs::blocks(tab, words, known),
            timeline: timeline::of(words, review, known.entries, Notes::Shown),
            id,
        }
    }
}

fn body_note(words: &Words, outline: &Standing) -> Option<String> {
    let why = match outline {
        Standing::Waits => "outline-waits",
        Standing::Failed(Failure::Crashed) => "outline-crashed",
        Standing::Failed(Failure::TooSlow) => "outline-too-slow",
        Standing::Failed(Failure::TooLarge) => "outline-too-large",
        Standing::Failed(Failure::Unreadable) => "outline-unreadable",
        Standing::Made(outline) if outline.is_doubtful() => "outline-doubtful",
        Standing::Made(_) => return None,
    };
    Some(words.say(why))
}

fn form(
    words: &Words,
    preferences: &Preferences,
    review: &Review,
    view: Inbox<'_>,
    token: &str,
) -> Form {
    Form {
        token: token.to_owned(),
        query: view.query.to_owned(),
        after: view.after.unwrap_or_default().to_owned(),
        no_return: no_return(review).map(|why| words.say(why)),
        reasons: REASONS.map(|reason| words.say(reason)).into(),
        release_key: preferences.key(Decision::Release.as_str()),
        discard_key: preferences.key(Decision::Discard.as_str()),
        return_key: preferences.key(Decision::Return.as_str()),
    }
}

/// Why nobody would hear of a return (RFC 3461, section 4.1; RFC 5321, section 4.5.5).
fn no_return(review: &Review) -> Option<&'static str> {
    let envelope = &review.capture.envelope;
    if envelope.sender.to_display() == "<>" {
        return Some("no-return-null-sender");
    }
    let is_never = |parameter: &Vec<u8>| parameter.eq_ignore_ascii_case(b"NOTIFY=NEVER");
    let mut recipients = envelope.recipients.iter();
    let all_never = recipients.all(|path| path.parameters.iter().any(is_never));
    (all_never && !envelope.recipients.is_empty()).then_some("no-return-notify-never")
}

/// A time for programs and one for people.
fn at(time: DateTime<Utc>) -> (String, String) {
    (clock::for_programs(time), clock::for_people(time))
}
