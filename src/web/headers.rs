//! What every answer says to the browser, and which requests are none of ours. OWASP ASVS 5.0, chapters
//! 3.2 to 3.5.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use axum_extra::extract::cookie::CookieJar;

use super::{
    Desk, Listen,
    error::WebError,
    guard::{self, Seat},
    tried::Tried,
    visitor::Visitor,
};

/// A page of ours: our own style, script and frames, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types page";

/// HTML of a mail: a place without scripts, without an origin, without the network. What it may show is
/// in itself.
pub const MAIL_POLICY: &str = "sandbox; default-src 'none'; img-src data:; \
     style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'";

/// A file of a mail: nothing at all.
pub const FILE_POLICY: &str = "sandbox; default-src 'none'";

/// Answers only requests that mean us: whoever calls us by another name may have been led here by
/// another page (RFC 9110, section 15.5.20).
pub async fn check_host(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_ours = |ours: &String| ours.eq_ignore_ascii_case(host);
    if desk.settings.hosts.iter().any(is_ours) {
        return next.run(request).await;
    }
    WebError::Host.into_response()
}

/// Refuses what another site's page sends: such a request changes nothing, whatever its token. That it
/// came with somebody's session is on record.
pub async fn check_origin(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    jar: CookieJar,
    request: Request,
    next: Next,
) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let site = request.headers().get("sec-fetch-site");
    let is_foreign = match site {
        Some(site) => site != "same-origin" && site != "none",
        None => has_foreign_origin(request.headers()),
    };
    if is_foreign && !is_safe {
        return foreign(&desk, visitor, &jar).await.into_response();
    }
    next.run(request).await
}

async fn foreign(desk: &Desk, visitor: Visitor, jar: &CookieJar) -> WebError {
    let session = match guard::session(desk, jar).await {
        Ok(Some(session)) => session,
        Ok(None) => return WebError::Foreign,
        Err(error) => return error,
    };
    let seat = Seat { visitor, session };
    let recorded = seat.tried(desk, Tried::ForeignForm, None).await;
    recorded.err().unwrap_or(WebError::Foreign)
}

/// What an older browser tells of where a form came from; a client that is no browser tells nothing.
fn has_foreign_origin(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let host = text(header::HOST).unwrap_or_default();
    text(header::ORIGIN).is_some_and(|origin| {
        let (_, of_origin) = origin.split_once("://").unwrap_or_default();
        !of_origin.eq_ignore_ascii_case(host)
    })
}

/// Adds what every answer says. What a handler has said for itself stays.
pub async fn add(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    say(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    say(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(header::REFERRER_POLICY, "no-referrer");
    say(header::CACHE_CONTROL, "no-store");
    say(header::X_FRAME_OPTIONS, "SAMEORIGIN");
    say(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    say(
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    );
    let none = "camera=(), microphone=(), geolocation=(), payment=(), usb=()";
    say(HeaderName::from_static("permissions-policy"), none);
    if matches!(desk.settings.listen, Listen::Tls { .. }) {
        let year = "max-age=31536000";
        say(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Counts a request by its route's pattern.
pub async fn count(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let begun = Instant::now();
    let response = next.run(request).await;
    desk.metrics
        .web_request(&route, response.status().as_u16(), begun.elapsed());
    response
}
