//! Who asks, and whether they may. The one way from a request to a person: every handler that shows or
//! does anything takes a [`Seat`], and asks [`Seat::allow`] before it touches a message.

use std::{collections::HashSet, sync::Arc, time::Duration};

use axum::{extract::FromRequestParts, http::request::Parts};
use axum_extra::extract::cookie::CookieJar;
use chrono::Utc;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Desk,
    error::WebError,
    look::Look,
    page::{self, Frame},
    tried::Tried,
    visitor::Visitor,
};
use crate::{
    domain::{
        address::Address,
        audit::{AuditKind, AuditVia, Event},
        capture_id::CaptureId,
        rights::{Act, Matter, Principal, Refusal, may},
    },
    store::{
        outlines::{Failure, Standing},
        reviews::{Line, Review, Sender},
        sessions::Session,
    },
    telemetry::events,
};

/// The session's cookie: for this host alone, over TLS alone (RFC 6265bis, section 4.1.3.2).
pub const COOKIE: &str = "__Host-session";

/// Rights are read from the directory anew when they are older than this.
const RIGHTS_AGE: Duration = Duration::from_secs(60);
/// While the directory cannot be asked, rights as old as this still count.
const OUTAGE_AGE: Duration = Duration::from_secs(5 * 60);
/// How long the directory may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request by a person who is signed in.
pub struct Seat {
    /// The request.
    pub visitor: Visitor,
    /// The session.
    pub session: Session,
}

impl FromRequestParts<Arc<Desk>> for Seat {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, WebError> {
        let visitor = Visitor::from_request_parts(parts, desk).await?;
        let jar = CookieJar::from_headers(&parts.headers);
        let session = session(desk, &jar).await?.ok_or(WebError::SignedOut)?;
        let mut seat = Self { visitor, session };
        seat.renew(desk).await?;
        Ok(seat)
    }
}

/// The session whose cookie a request carries, if it stands.
pub async fn session(desk: &Desk, jar: &CookieJar) -> Result<Option<Session>, WebError> {
    let Some(cookie) = jar.get(COOKIE) else {
        return Ok(None);
    };
    let token = SecretString::from(cookie.value());
    let found = desk.store.find_session(&token, desk.settings.session);
    Ok(found.await?)
}

/// A message over which a person has a right.
pub struct Subject {
    /// Who sent it.
    pub sender: Sender,
    /// What is known of its content.
    pub outline: Standing,
    /// The facts on which rights over it depend.
    matter: Matter,
}

/// Everything in a message's From that is an address, as it was read when it was captured
/// (`mail::header`).
fn authors(sender: &Sender) -> Vec<Address> {
    let from = sender.header_from.iter();
    from.flat_map(|from| Address::all_in(from)).collect()
}

/// The facts on which rights over a message depend.
fn matter(desk: &Desk, sender: &Sender, authors: &[Address]) -> Matter {
    let login = sender.login.as_deref();
    Matter::sent(&desk.folding, &sender.path, login, &sender.matched, authors)
}

/// What is known of a message; whether anybody may know it is not asked.
async fn subject(desk: &Desk, capture_id: CaptureId) -> Result<Subject, WebError> {
    let ids = [capture_id];
    let (senders, outline) =
        tokio::try_join!(desk.store.senders(&ids), desk.store.outline(capture_id),)?;
    let sender = senders.into_iter().next().ok_or(WebError::NotFound)?;
    let mut authors = authors(&sender);
    match &outline {
        Standing::Made(outline) => authors.extend(
            outline
                .from
                .iter()
                .filter_map(|mailbox| Address::from_envelope(mailbox.address.as_bytes())),
        ),
        Standing::Failed(_) | Standing::Waits => {}
    }
    Ok(Subject {
        matter: matter(desk, &sender, &authors),
        sender,
        outline,
    })
}

impl Seat {
    /// The person.
    pub fn principal(&self) -> &Principal {
        &self.session.principal
    }

    /// What stands around a page.
    pub fn frame(&self, desk: &Desk) -> Frame {
        self.frame_at(desk, &self.visitor.path)
    }

    /// The same where another page is the answer than the one that was asked for.
    pub fn frame_at(&self, desk: &Desk, path: &str) -> Frame {
        let token = self.session.form_token("sign-out");
        let reader = page::Reader {
            preferences: &self.visitor.taste.preferences,
            accepted: &self.visitor.taste.accepted,
            seat: Some((self.principal(), &token)),
        };
        Frame::new(&desk.catalogues, &reader, path)
    }

    /// Refuses a form that no page of this session has made for this act, and puts it on record.
    pub async fn check_token(
        &self,
        desk: &Desk,
        act: &str,
        token: &str,
        message: Option<CaptureId>,
    ) -> Result<(), WebError> {
        if self.session.is_form_token(act, token) {
            return Ok(());
        }
        self.tried(desk, Tried::Form, message).await?;
        Err(WebError::Token)
    }

    /// An event of this person.
    pub fn event(&self, kind: AuditKind, message: Option<CaptureId>, detail: &str) -> Event {
        Event {
            actor: self.principal().login.clone(),
            os_user: None,
            via: AuditVia::Web,
            kind,
            capture_id: message,
            client: Some(self.visitor.client),
            detail: detail.to_owned(),
        }
    }

    /// Puts on record what this person is about to see or do. Without the record it is not done.
    pub async fn record(
        &self,
        desk: &Desk,
        kind: AuditKind,
        message: Option<CaptureId>,
        detail: &str,
    ) -> Result<(), WebError> {
        let event = self.event(kind, message, detail);
        desk.store.append_audit(&desk.audit_key, &event).await?;
        Ok(())
    }

    /// Puts on record what this person is about to look at, and of which message.
    pub async fn look(
        &self,
        desk: &Desk,
        look: &Look,
        message: Option<CaptureId>,
    ) -> Result<(), WebError> {
        self.record(desk, AuditKind::Viewed, message, &look.to_string())
            .await
    }

    /// Puts on record what this person has tried in vain.
    pub async fn tried(
        &self,
        desk: &Desk,
        tried: Tried,
        message: Option<CaptureId>,
    ) -> Result<(), WebError> {
        self.record(desk, AuditKind::Refused, message, &tried.to_string())
            .await
    }

    /// Refuses what this person may not do, and puts the try on record.
    pub async fn allow(&self, desk: &Desk, act: Act) -> Result<(), WebError> {
        match may(self.principal(), act, None) {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(desk, act, None, refusal).await,
        }
    }

    /// The message that an act is about, if this person may do that with it. What is known of it already is
    /// not asked for again.
    pub async fn message(
        &self,
        desk: &Desk,
        act: Act,
        capture_id: CaptureId,
        known: Option<Subject>,
    ) -> Result<(Review, Subject), WebError> {
        let known = known.filter(|known| known.sender.capture_id == capture_id);
        let allowed = async {
            match known {
                Some(subject) => self.allow_known(desk, act, subject).await,
                None => self.allow_over(desk, act, capture_id).await,
            }
        };
        let review = async {
            let found = desk.store.show(capture_id).await?;
            found.ok_or(WebError::NotFound)
        };
        // Not `try_join`: whatever becomes of the facts, a refusal is put on record before it is told.
        let (allowed, review) = tokio::join!(allowed, review);
        let subject = allowed?;
        Ok((review?, subject))
    }

    /// Refuses what this person may not do with a message. Whatever is not in a reviewer's scope is not
    /// there for them.
    pub async fn allow_over(
        &self,
        desk: &Desk,
        act: Act,
        capture_id: CaptureId,
    ) -> Result<Subject, WebError> {
        // Without the role, not even whether there is such a message is told.
        if let Err(refusal @ Refusal::NotYourRole) =
            may(self.principal(), act, Some(&Matter::default()))
        {
            return self.refuse(desk, act, Some(capture_id), refusal).await;
        }
        let subject = subject(desk, capture_id).await?;
        self.allow_known(desk, act, subject).await
    }

    async fn allow_known(
        &self,
        desk: &Desk,
        act: Act,
        subject: Subject,
    ) -> Result<Subject, WebError> {
        if let Standing::Failed(failure @ Failure::Unreadable) = &subject.outline {
            events::outline_failed(subject.sender.capture_id, failure.as_str());
        }
        self.allow_with(desk, act, &subject).await?;
        Ok(subject)
    }

    /// Refuses a further act over a message of which the facts are known.
    pub async fn allow_with(
        &self,
        desk: &Desk,
        act: Act,
        subject: &Subject,
    ) -> Result<(), WebError> {
        match may(self.principal(), act, Some(&subject.matter)) {
            Ok(()) => Ok(()),
            Err(refusal) => {
                let message = Some(subject.sender.capture_id);
                self.refuse(desk, act, message, refusal).await
            }
        }
    }

    /// A message, if it would open. It is not opened, so nothing is put on record or told.
    pub async fn would_open(
        &self,
        desk: &Desk,
        capture_id: CaptureId,
    ) -> Result<Option<Subject>, WebError> {
        match subject(desk, capture_id).await {
            Ok(subject) => {
                let allowed = may(self.principal(), Act::View, Some(&subject.matter));
                Ok(allowed.is_ok().then_some(subject))
            }
            Err(WebError::NotFound) => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Lines without the reader's own messages and those out of scope: a list is seen message by message.
    pub async fn visible(&self, desk: &Desk, lines: Vec<Line>) -> Result<Vec<Line>, WebError> {
        let ids: Vec<CaptureId> = lines.iter().map(|line| line.capture_id).collect();
        let senders = desk.store.senders(&ids).await?;
        let may_see = |sender: &Sender| {
            let matter = matter(desk, sender, &authors(sender));
            may(self.principal(), Act::List, Some(&matter)).is_ok()
        };
        let seen = senders.iter().filter(|sender| may_see(sender));
        let seen: HashSet<CaptureId> = seen.map(|sender| sender.capture_id).collect();
        let lines = lines.into_iter();
        Ok(lines
            .filter(|line| seen.contains(&line.capture_id))
            .collect())
    }

    async fn refuse<T>(
        &self,
        desk: &Desk,
        act: Act,
        message: Option<CaptureId>,
        refusal: Refusal,
    ) -> Result<T, WebError> {
        self.tried(desk, Tried::Act(act, refusal), message).await?;
        Err(match refusal {
            Refusal::OutOfScope | Refusal::NothingKnown => WebError::NotFound,
            Refusal::NotYourRole => WebError::Refused("role"),
            Refusal::OwnMail => WebError::Refused("own mail"),
        })
    }

    /// Reads the rights anew where they may have changed. Whoever has none any more is signed out.
    async fn renew(&mut self, desk: &Desk) -> Result<(), WebError> {
        let age = (Utc::now() - self.session.renewed_at).to_std();
        let age = age.unwrap_or_default();
        if age < RIGHTS_AGE {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        let fresh = match desk.sign_in.renew(self.principal(), deadline).await {
            Ok(fresh) => fresh,
            // What was right a moment ago is not wrong because nobody can be asked.
            Err(error) if error.is_transient() && age < OUTAGE_AGE => return Ok(()),
            Err(error) => return Err(WebError::Directory(error)),
        };
        let Some(fresh) = fresh.filter(|fresh| !fresh.roles.is_empty()) else {
            self.record(desk, AuditKind::SignedOut, None, "no rights any more")
                .await?;
            desk.store.end_session(self.session.id()).await?;
            return Err(WebError::SignedOut);
        };
        if fresh != *self.principal() {
            self.record(desk, AuditKind::RightsChanged, None, "")
                .await?;
        }
        desk.store.renew_session(self.session.id(), &fresh).await?;
        self.session.principal = fresh;
        Ok(())
    }
}
