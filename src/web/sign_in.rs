//! Sign-in and sign-out. A session begins here and nowhere else; its token is new each time.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Redirect, Response},
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    Desk,
    error::WebError,
    fields::{Asks, Sent},
    guard::{self, COOKIE, Seat},
    page::{self, Choice, Frame},
    paths,
    preferences::language,
    visitor::Visitor,
    words::number,
};
use crate::domain::{
    audit::{AuditKind, AuditVia, Event},
    rights::Principal,
};

/// How long the directory may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Template)]
#[template(path = "sign_in.html", config = "src/web/askama.toml")]
struct Page {
    frame: Frame,
    fault: Option<String>,
    login: String,
    next: String,
    languages: Vec<Choice>,
}

/// What the page is asked with.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
    #[serde(default)]
    language: String,
}

/// What the form holds.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    next: String,
    login: String,
    password: SecretString,
}

/// The page.
pub async fn show(
    State(desk): State<Arc<Desk>>,
    mut visitor: Visitor,
    jar: CookieJar,
    Asks(asked): Asks<Asked>,
) -> Result<Response, WebError> {
    let Some(chosen) = language(&asked.language) else {
        return answer(&desk, &visitor, StatusCode::OK, None, "", &asked.next);
    };
    visitor.taste.preferences.language = Some(chosen);
    let cookie = visitor.taste.preferences.cookie();
    let page = answer(&desk, &visitor, StatusCode::OK, None, "", &asked.next)?;
    Ok((jar.add(cookie), page).into_response())
}

/// Lets somebody in, or says no more than that it does not.
pub async fn enter(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    jar: CookieJar,
    Sent(given): Sent<Given>,
) -> Result<Response, WebError> {
    let login = given.login.trim();
    if let Err(wait) = desk.attempts(|attempts, now| attempts.begin(login, visitor.client, now)) {
        return too_many(&desk, &visitor, &given, wait);
    }
    let deadline = Instant::now() + PATIENCE;
    let asked = desk.sign_in.identify(login, &given.password, deadline);
    let principal = match asked.await {
        Ok(Some(principal)) if !principal.roles.is_empty() => principal,
        Ok(_) => return refused(&desk, &visitor, &given).await,
        Err(error) => {
            desk.attempts(|attempts, _| attempts.unanswered(login, visitor.client));
            return Err(WebError::Directory(error));
        }
    };
    desk.attempts(|attempts, _| attempts.succeeded(login, visitor.client));
    begin(&desk, &visitor, jar, &principal, &given.next).await
}

async fn begin(
    desk: &Desk,
    visitor: &Visitor,
    jar: CookieJar,
    principal: &Principal,
    next: &str,
) -> Result<Response, WebError> {
    // Whoever signs in again leaves no session behind, not even another person's (ASVS 7.2.4).
    if let Some(before) = guard::session(desk, &jar).await? {
        let mut event = event(visitor, &before.principal.login, AuditKind::SignedOut);
        event.detail = "another sign-in".to_owned();
        desk.store.append_audit(&desk.audit_key, &event).await?;
        desk.store.end_session(before.id()).await?;
    }
    let event = event(visitor, &principal.login, AuditKind::SignedIn);
    desk.store.append_audit(&desk.audit_key, &event).await?;
    let token = desk.store.begin_session(principal).await?;
    let cookie = Cookie::build((COOKIE, token.expose_secret().to_owned()))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .build();
    let onward = Redirect::to(paths::onward(next));
    Ok((jar.add(cookie), onward).into_response())
}

/// Ends the session, here and in the browser.
pub async fn leave(
    State(desk): State<Arc<Desk>>,
    seat: Seat,
    jar: CookieJar,
    Sent(given): Sent<Leaving>,
) -> Result<Response, WebError> {
    seat.check_token(&desk, "sign-out", &given.token, None)
        .await?;
    seat.record(&desk, AuditKind::SignedOut, None, "").await?;
    desk.store.end_session(seat.session.id()).await?;
    let gone = Cookie::build((COOKIE, "")).path("/").secure(true).build();
    // What the browser has kept of the mail goes, too (ASVS 14.3.1).
    let clear = AppendHeaders([(
        HeaderName::from_static("clear-site-data"),
        HeaderValue::from_static("\"cache\", \"storage\""),
    )]);
    Ok((jar.remove(gone), clear, Redirect::to("/sign-in")).into_response())
}

/// What the form of the sign-out holds.
#[derive(Deserialize)]
pub struct Leaving {
    #[serde(default)]
    token: String,
}

async fn refused(desk: &Desk, visitor: &Visitor, given: &Given) -> Result<Response, WebError> {
    // People type passwords into the wrong field: only a name that is known goes on record.
    let login = given.login.trim();
    let known = desk.store.login_on_record(login).await?;
    let shown = known.as_deref().unwrap_or("unknown");
    let event = event(visitor, shown, AuditKind::SignInFailed);
    desk.store.append_audit(&desk.audit_key, &event).await?;
    let fault = visitor.frame(desk).words.say("sign-in-wrong");
    let status = StatusCode::UNAUTHORIZED;
    answer(
        desk,
        visitor,
        status,
        Some(fault),
        given.login.trim(),
        &given.next,
    )
}

fn too_many(
    desk: &Desk,
    visitor: &Visitor,
    given: &Given,
    wait: Duration,
) -> Result<Response, WebError> {
    let seconds = wait.as_secs().max(1);
    let words = visitor.frame(desk).words;
    let fault = words.say_with("sign-in-wait", [("n", number(seconds))]);
    let status = StatusCode::TOO_MANY_REQUESTS;
    let login = given.login.trim();
    let page = answer(desk, visitor, status, Some(fault), login, &given.next)?;
    Ok(([(header::RETRY_AFTER, seconds.to_string())], page).into_response())
}

/// Who tried is on record by the name that was typed, cut and without odd signs.
fn event(visitor: &Visitor, login: &str, kind: AuditKind) -> Event {
    let shown: String = login
        .chars()
        .filter(|sign| !sign.is_control())
        .take(100)
        .collect();
    Event {
        actor: if shown.is_empty() {
            "nobody".to_owned()
        } else {
            shown
        },
        os_user: None,
        via: AuditVia::Web,
        kind,
        capture_id: None,
        client: Some(visitor.client),
        detail: String::new(),
    }
}

fn answer(
    desk: &Desk,
    visitor: &Visitor,
    status: StatusCode,
    fault: Option<String>,
    login: &str,
    next: &str,
) -> Result<Response, WebError> {
    let frame = visitor.frame(desk);
    let page = Page {
        languages: frame.languages(),
        fault,
        login: login.to_owned(),
        next: paths::onward(next).to_owned(),
        frame,
    };
    page::render(status, &page)
}
