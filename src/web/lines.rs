//! The lines of the inbox, and the filters above them.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    House,
    clock::{self, Due},
    paths::Inbox,
    sizes,
    view::{Mark, Piece, pieces},
    words::{Value, Words, number},
};
use crate::{
    domain::{decision::Decision, query::is_waiting},
    store::reviews,
};

/// One line.
pub struct Line {
    /// The message's name.
    pub id: String,
    /// Where it opens.
    pub path: String,
    /// The envelope sender.
    pub sender: Vec<Piece>,
    /// Whom it goes to, in a few words.
    pub recipients: Vec<Piece>,
    /// The subject.
    pub subject: Vec<Piece>,
    /// Its language.
    pub lang: Option<String>,
    /// When it was captured, for programs.
    pub at: String,
    /// The same for people.
    pub at_shown: String,
    /// How long ago that was.
    pub age: String,
    /// When it is due, while it waits.
    pub due: Option<String>,
    /// Whether it has waited too long.
    pub is_late: bool,
    /// Its size.
    pub size: String,
    /// The rule that held it.
    pub rule: Vec<Piece>,
    /// What to know of it at a glance.
    pub marks: Vec<Mark>,
    /// Whether it is open.
    pub is_here: bool,
}

/// A filter that is one click away.
pub struct Chip {
    /// Where it leads.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Whether the list is filtered by it.
    pub is_here: bool,
}

/// What lines are seen with.
pub struct View<'a> {
    /// The reader's language.
    pub words: &'a Words,
    /// Whose addresses are ours.
    pub house: &'a House,
    /// How long a message may wait.
    pub due_after: TimeDelta,
    /// Now.
    pub now: DateTime<Utc>,
    /// The search.
    pub query: &'a str,
    /// Where the page of the list begins.
    pub after: Option<&'a str>,
    /// The open message.
    pub here: Option<&'a str>,
}

impl View<'_> {
    /// All lines.
    pub fn lines(&self, found: &[reviews::Line]) -> Vec<Line> {
        found.iter().map(|line| self.line(line)).collect()
    }

    fn line(&self, line: &reviews::Line) -> Line {
        let words = self.words;
        let id = line.capture_id.to_string();
        let age = self.now - line.captured_at;
        let due = is_waiting(line.state).then(|| Due::of(words, self.due_after, age));
        let subject = line
            .subject
            .as_deref()
            .filter(|text| !text.trim().is_empty());
        Line {
            path: Inbox {
                query: self.query,
                after: self.after,
                id: Some(&id),
                ..Inbox::default()
            }
            .path(),
            sender: pieces(&line.sender),
            recipients: pieces(&self.recipients(line)),
            subject: match subject {
                Some(subject) => pieces(subject),
                None => pieces(&words.say("no-subject")),
            },
            lang: line
                .glance
                .as_ref()
                .and_then(|glance| glance.language.clone()),
            at: clock::for_programs(line.captured_at),
            at_shown: clock::for_people(line.captured_at),
            age: clock::age(words, age),
            is_late: due.as_ref().is_some_and(|due| due.is_late),
            due: due.map(|due| due.text),
            size: sizes::shown(words, line.size_bytes),
            rule: pieces(&line.rule),
            marks: self.marks(line),
            is_here: self.here == Some(id.as_str()),
            id,
        }
    }

    fn recipients(&self, line: &reviews::Line) -> String {
        let first = line.recipients.join(", ");
        let shown = u32::try_from(line.recipients.len()).unwrap_or(u32::MAX);
        let n_more = line.n_recipients.saturating_sub(shown);
        if n_more == 0 {
            return first;
        }
        let values = [("first", Value::from(first)), ("n", number(n_more.into()))];
        self.words.say_with("list-more", values)
    }

    fn marks(&self, line: &reviews::Line) -> Vec<Mark> {
        let words = self.words;
        let is_external = line
            .recipients
            .iter()
            .chain(&line.further_recipients)
            .any(|address| !self.house.is_internal_text(address));
        let glance = line.glance.as_ref();
        let n_attachments = glance.map_or(0, |glance| u64::from(glance.n_attachments));
        let is_doubtful = glance.is_some_and(|glance| glance.is_doubtful);
        let marks = [
            (
                !is_waiting(line.state),
                "",
                words.say(&format!("state-{}", line.state.as_str())),
            ),
            (line.is_doubted, "bad", words.say("mark-doubted")),
            (is_doubtful, "bad", words.say("mark-doubtful")),
            (line.n_twins > 0, "warn", words.say("mark-twins")),
            (is_external, "external", words.say("mark-external")),
            (
                n_attachments > 0,
                "",
                words.count("mark-attachments", n_attachments),
            ),
        ];
        marks
            .into_iter()
            .filter(|(is_true, ..)| *is_true)
            .map(|(_, kind, text)| Mark { kind, text })
            .collect()
    }
}

/// The filters.
pub fn chips(words: &Words, query: &str) -> Vec<Chip> {
    let known = [
        ("filter-waiting", ""),
        ("filter-attachment", "has:attachment"),
        ("filter-doubt", "has:doubt"),
        ("filter-decided", "state:decided"),
        ("filter-all", "state:all"),
    ];
    let chip = |(name, filter): (&str, &str)| Chip {
        path: Inbox {
            query: filter,
            ..Inbox::default()
        }
        .path(),
        name: words.say(name),
        is_here: query.trim() == filter,
    };
    known.map(chip).into()
}

/// What the reader has just decided; `rest` is the message that says what follows.
pub fn told(words: &Words, decision: Decision, rest: Option<&str>) -> String {
    let rest = rest.map(|id| words.say(id)).unwrap_or_default();
    words.say_of(&format!("told-{decision}"), rest)
}
