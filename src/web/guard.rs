//! Who asks, and whether they may. The one way from a request to a person: every handler that shows or
//! does anything takes a [`Seat`], and asks [`Seat::allow`] before it touches a message.

use std::{
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use axum_extra::extract::cookie::CookieJar;
use chrono::Utc;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    Desk, HERE, Listen, error::WebError, language::Taste, look::Look, page, page::Frame,
    tried::Tried,
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

/// What our script adds to a form that it sends.
const SCRIPT: &str = "x-mailhold-script";

/// Rights are read from the directory anew when they are older than this.
const RIGHTS_AGE: Duration = Duration::from_secs(60);
/// While the directory cannot be asked, rights as old as this still count.
const OUTAGE_AGE: Duration = Duration::from_secs(5 * 60);
/// How long the directory may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A request by whomever.
pub struct Visitor {
    /// Preferences and language.
    pub taste: Taste,
    /// Where the request came from.
    pub client: IpAddr,
    /// The path that was asked for.
    pub path: String,
    /// The same with its query.
    pub whole_path: String,
    /// Whether it is our script, which takes a page where a browser is led to it.
    pub wants_page: bool,
}

/// A request by a person who is signed in.
pub struct Seat {
    /// The request.
    pub visitor: Visitor,
    /// The session.
    pub session: Session,
}

impl FromRequestParts<Arc<Desk>> for Visitor {
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, WebError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(HERE, |ConnectInfo(peer)| peer.ip());
        let whole = parts.uri.path_and_query();
        Ok(Self {
            taste: Taste::of(&parts.headers),
            client: match is_proxy(&desk.settings.listen, peer) {
                true => forwarded(&parts.headers).unwrap_or(peer),
                false => peer,
            },
            path: parts.uri.path().to_owned(),
            whole_path: whole.map_or("/", |whole| whole.as_str()).to_owned(),
            wants_page: parts.headers.contains_key(SCRIPT),
        })
    }
}

/// Whether the one who connects is the proxy that the settings name.
fn is_proxy(listen: &Listen, peer: IpAddr) -> bool {
    match listen {
        Listen::Tls { .. } => false,
        Listen::Plain { proxy, .. } => *proxy == Some(peer),
        // Nobody else is served.
        Listen::Unix { proxy, .. } => proxy.is_some(),
    }
}

/// The client as the proxy before us has seen it: the last one that it has added.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
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

/// Everything in a From field, as the milter has read it, that is an address.
fn addresses(from: &Option<String>) -> Vec<Address> {
    let words = from.iter().flat_map(|from| from.split_whitespace());
    let plain = words.map(|word| word.trim_matches(|sign| "<>,;\"'()".contains(sign)));
    let addresses = plain.filter(|word| word.contains('@'));
    addresses
        .filter_map(|word| Address::from_envelope(word.as_bytes()))
        .collect()
}

/// The facts on which rights over a message depend.
fn matter(desk: &Desk, sender: &Sender, authors: &[Address]) -> Matter {
    let login = sender.login.as_deref();
    Matter::sent(&desk.folding, &sender.path, login, &sender.matched, authors)
}

impl Visitor {
    /// What stands around a page for somebody who is not signed in.
    pub fn frame(&self, desk: &Desk) -> Frame {
        let reader = page::Reader {
            preferences: &self.taste.preferences,
            accepted: &self.taste.accepted,
            seat: None,
        };
        Frame::new(&desk.catalogues, &reader, &self.path)
    }
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

    /// The message that an act is about, if this person may do that with it.
    pub async fn message(
        &self,
        desk: &Desk,
        act: Act,
        capture_id: CaptureId,
    ) -> Result<(Review, Standing), WebError> {
        let review = async {
            let found = desk.store.show(capture_id).await?;
            found.ok_or(WebError::NotFound)
        };
        // Not `try_join`: whatever becomes of the facts, a refusal is put on record before it is told.
        let (allowed, review) = tokio::join!(self.allow_over(desk, act, capture_id), review);
        let (_, outline) = allowed?;
        Ok((review?, outline))
    }

    /// Refuses what this person may not do with a message. Whatever is not in a reviewer's scope is not
    /// there for them.
    pub async fn allow_over(
        &self,
        desk: &Desk,
        act: Act,
        capture_id: CaptureId,
    ) -> Result<(Sender, Standing), WebError> {
        // Without the role, not even whether there is such a message is told.
        if let Err(refusal @ Refusal::NotYourRole) =
            may(self.principal(), act, Some(&Matter::default()))
        {
            return self.refuse(desk, act, Some(capture_id), refusal).await;
        }
        let ids = [capture_id];
        let (senders, outline) =
            tokio::try_join!(desk.store.senders(&ids), desk.store.outline(capture_id),)?;
        let sender = senders.into_iter().next().ok_or(WebError::NotFound)?;
        let mut authors = addresses(&sender.header_from);
        match &outline {
            Standing::Made(outline) => authors.extend(
                outline
                    .from
                    .iter()
                    .filter_map(|mailbox| Address::from_envelope(mailbox.address.as_bytes())),
            ),
            Standing::Failed(failure @ Failure::Unreadable) => {
                events::outline_failed(capture_id, failure.as_str());
            }
            Standing::Failed(_) | Standing::Waits => {}
        }
        match may(
            self.principal(),
            act,
            Some(&matter(desk, &sender, &authors)),
        ) {
            Ok(()) => Ok((sender, outline)),
            Err(refusal) => self.refuse(desk, act, Some(capture_id), refusal).await,
        }
    }

    /// Lines without the reader's own messages and those out of scope: a list is seen message by message.
    pub async fn visible(&self, desk: &Desk, lines: Vec<Line>) -> Result<Vec<Line>, WebError> {
        let ids: Vec<CaptureId> = lines.iter().map(|line| line.capture_id).collect();
        let senders = desk.store.senders(&ids).await?;
        let may_see = |sender: &Sender| {
            let matter = matter(desk, sender, &addresses(&sender.header_from));
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
