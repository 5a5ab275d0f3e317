//! A decision by the page's form: stored together with its entry in the record, or not at all. The first
//! one wins; whoever is slower sees who won.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use tokio::time::timeout;

use super::{
    Desk, clock,
    error::WebError,
    fields::{At, Named, Sent},
    guard::{Seat, Subject},
    inbox::{self, Asked, Beside},
    lines,
    page::{self, Notice},
    paths::Inbox,
    tried::Tried,
    words::{Value, Words},
};
use crate::{
    domain::{
        audit::AuditKind, capture_id::CaptureId, decision::Decision, query::Query, rights::Act,
    },
    store::{
        decisions::{Answer, Ballot, Via, Winner},
        listing::Search,
        reviews::Position,
    },
};

/// No page lets more be typed; the end of a line counts as one. `error-long-note` tells the figure.
const LONGEST_NOTE_CHARS: usize = 1_000;
/// No page offers a longer reason.
const LONGEST_REASON_CHARS: usize = 200;

/// The next message is looked for as long as this: the decision is not to wait for it.
const NEXT: Duration = Duration::from_secs(2);

/// What the form holds.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    token: String,
    decision: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: String,
}

/// What the token of a message's form is for.
pub fn act(id: CaptureId) -> String {
    format!("decide {id}")
}

/// Stores a decision, and goes on to the next message.
pub async fn decide(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    At(Named(id)): At<Named>,
    Sent(given): Sent<Given>,
) -> Result<Response, WebError> {
    let decision: Decision = given
        .decision
        .parse()
        .map_err(|_| WebError::Malformed("decision"))?;
    let subject = seat.allow_over(&desk, Act::Decide(decision), id).await?;
    seat.check_token(&desk, &act(id), &given.token, Some(id))
        .await?;
    let ballot = Ballot {
        capture_id: id,
        decision,
        reviewer: seat.principal().login.clone(),
        os_user: None,
        via: Via::Web,
        note: note(&given)?,
    };
    let event = seat.event(AuditKind::Decided, Some(id), decision.as_str());
    // What comes next does not depend on what is stored here.
    let (answer, next) = tokio::join!(
        desk.store
            .decide_on_record(&ballot, &desk.audit_key, &event),
        timeout(NEXT, next(&desk, &seat, &given, subject.sender.position())),
    );
    let answer = answer?;
    if !matches!(answer, Answer::Accepted { .. }) {
        return refused(&desk, &seat, &given, id, &answer).await;
    }
    let next = next.unwrap_or(Err(WebError::Slow));
    let onward = Onward::new(&given, next, id);
    match seat.visitor.wants_page {
        true => onward.page(&desk, &seat, decision).await,
        false => Ok(onward.redirect()),
    }
}

impl Given {
    fn after(&self) -> Option<String> {
        (!self.after.is_empty()).then(|| self.after.clone())
    }
}

/// Reason and note as one text, whole: nothing of it is cut off unseen.
fn note(given: &Given) -> Result<Option<String>, WebError> {
    // A browser ends lines with both, and counts them as one.
    let note = given.note.trim().replace("\r\n", "\n");
    let reason = given.reason.trim();
    let is_longer = |text: &str, limit| text.chars().nth(limit).is_some();
    if is_longer(&note, LONGEST_NOTE_CHARS) {
        return Err(WebError::LongNote);
    }
    if is_longer(reason, LONGEST_REASON_CHARS) {
        return Err(WebError::TooLong);
    }
    let parts = [reason, &note];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    let text = parts.join(": ");
    Ok((!text.is_empty()).then_some(text))
}

/// Where it goes on. The decision stands, whatever happens from here on: where no next message can be
/// looked for, the list says what is decided, and no page that nothing was done.
struct Onward {
    asked: Asked,
    /// What is known of the message to which it goes on.
    known: Option<Subject>,
}

impl Onward {
    fn new(given: &Given, next: Result<Option<Next>, WebError>, decided: CaptureId) -> Self {
        let (known, after) = match next {
            Ok(Some(next)) => {
                let after = given.after().filter(|_| !next.is_first);
                (Some(next.subject), after)
            }
            Ok(None) => (None, None),
            Err(fault) => {
                fault.log();
                (None, given.after())
            }
        };
        let at = known.as_ref();
        Self {
            asked: Asked {
                q: given.q.clone(),
                at: at.map(|subject| subject.sender.capture_id.to_string()),
                after,
                told: Some(decided.to_string()),
                ..Asked::default()
            },
            known,
        }
    }

    fn path(&self) -> String {
        let asked = &self.asked;
        let view = Inbox {
            query: &asked.q,
            after: asked.after.as_deref(),
            id: asked.at.as_deref(),
            told: asked.told.as_deref(),
            ..Inbox::default()
        };
        view.path()
    }

    fn redirect(&self) -> Response {
        Redirect::to(&self.path()).into_response()
    }

    /// The page itself, with its address: a way to the browser and back less. Where it cannot be made, it
    /// is told nevertheless what was stored.
    async fn page(
        self,
        desk: &Desk,
        seat: &Seat,
        decision: Decision,
    ) -> Result<Response, WebError> {
        let path = self.path();
        let beside = Beside {
            told: None,
            known: self.known,
        };
        let made = inbox::answer(desk, seat, StatusCode::OK, &self.asked, beside).await;
        let fault = match (made, HeaderValue::from_str(&path)) {
            (Ok(page), Ok(path)) => {
                return Ok(([(header::CONTENT_LOCATION, path)], page).into_response());
            }
            (Err(fault), _) => fault,
            (Ok(_), Err(error)) => WebError::Ours(error.to_string()),
        };
        let (_, message) = fault.told(true);
        let frame = seat.frame_at(desk, "/inbox");
        let notice = Notice {
            title: lines::told(&frame.words, decision, None),
            text: frame.words.say(message),
            reference: fault.log(),
            back: "/inbox".to_owned(),
            frame,
        };
        page::render(StatusCode::OK, &notice)
    }
}

/// The message that comes next.
struct Next {
    subject: Subject,
    /// Whether it is the first of all: the list begins anew.
    is_first: bool,
}

/// The message that takes the place of the decided one in the list, or else the first of all, of those
/// that open for this person: whoever decides one message has not tried to open another.
async fn next(
    desk: &Desk,
    seat: &Seat,
    given: &Given,
    decided: Position,
) -> Result<Option<Next>, WebError> {
    let query = Query::parse(&given.q).unwrap_or_default();
    for after in [Some(decided), None] {
        let mut search = Search::new(query.clone(), seat.principal().scope.clone());
        search.after = after;
        search.limit = 20;
        let page = desk.store.search(&search).await?;
        let lines = seat.visible(desk, page.lines).await?;
        let ids = lines.into_iter().map(|line| line.capture_id);
        for id in ids.filter(|id| *id != decided.capture_id) {
            // An outline may tell that it is the reader's own, which no line does.
            if let Some(subject) = seat.would_open(desk, id).await? {
                let is_first = after.is_none();
                return Ok(Some(Next { subject, is_first }));
            }
        }
    }
    Ok(None)
}

/// Says who was faster, or why the message cannot be decided, on the page of the message itself.
async fn refused(
    desk: &Desk,
    seat: &Seat,
    given: &Given,
    id: CaptureId,
    answer: &Answer,
) -> Result<Response, WebError> {
    let words = seat.frame(desk).words;
    let (status, text) = told(&words, answer, &seat.principal().login);
    let asked = Asked {
        q: given.q.clone(),
        after: given.after(),
        at: Some(id.to_string()),
        ..Asked::default()
    };
    seat.tried(desk, Tried::Decision, Some(id)).await?;
    let beside = Beside {
        told: Some(text),
        known: None,
    };
    inbox::answer(desk, seat, status, &asked, beside).await
}

fn told(words: &Words, answer: &Answer, me: &str) -> (StatusCode, String) {
    let conflict = StatusCode::CONFLICT;
    match answer {
        Answer::AlreadyDecided(winner) => (conflict, won(words, winner, me)),
        Answer::NotHeldYet => (conflict, words.say("lost-not-held")),
        Answer::AlreadySettled(state) => {
            let standing = words.say(&format!("standing-{}", state.as_str()));
            (conflict, words.say_of("lost-settled", standing))
        }
        Answer::NobodyToReturnTo | Answer::NobodyToBeTold => {
            (StatusCode::UNPROCESSABLE_ENTITY, words.say("lost-nobody"))
        }
        Answer::Unknown => (StatusCode::NOT_FOUND, words.say("error-not-found")),
        Answer::Accepted { .. } => (StatusCode::OK, String::new()),
    }
}

/// Who was faster; perhaps the same person, whose first answer got lost.
fn won(words: &Words, winner: &Winner, me: &str) -> String {
    let values = [
        ("decision", Value::from(winner.decision.as_str())),
        ("reviewer", Value::from(winner.reviewer.as_str())),
        ("when", Value::from(clock::for_people(winner.decided_at))),
    ];
    let decided = words.say_with("decided-by", values);
    let id = match winner.reviewer == me {
        true => "lost-to-me",
        false => "lost-to",
    };
    words.say_of(id, decided)
}
