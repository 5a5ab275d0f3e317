//! All routes of the desk, in one table that also says what each needs. A test takes them from here.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    Desk, assets, content, decide, error::WebError, headers, health, inbox, log, page, paths,
    preferences_page as preferences, sign_in, visitor::Visitor,
};
use crate::domain::{decision::Decision, rights::Act};

/// No form of ours is longer.
const LONGEST_FORM: usize = 64 * 1_024;
/// How long a request may take in all.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// Somebody who is signed in.
    Session,
    /// Somebody who may do this.
    Right(Act),
    /// Somebody who may do this with the message that the path names.
    RightOver(Act),
}

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `get` or `post`.
    pub method: &'static str,
    /// Its pattern.
    pub path: &'static str,
    /// What it needs.
    pub needs: Needs,
}

macro_rules! routes {
    ($($method:ident $path:literal $needs:expr => $handler:path;)*) => {
        /// All routes.
        pub const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            needs: $needs,
        }),*];

        fn all() -> Router<Arc<Desk>> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
}

routes! {
    get "/" Needs::Session => inbox::start;
    get "/static/{name}" Needs::Nothing => assets::serve;
    get "/sign-in" Needs::Nothing => sign_in::show;
    post "/sign-in" Needs::Nothing => sign_in::enter;
    post "/sign-out" Needs::Session => sign_in::leave;
    get "/inbox" Needs::Right(Act::List) => inbox::show;
    get "/review/{id}/page/{part}" Needs::RightOver(Act::View) => content::page;
    get "/review/{id}/file/{part}" Needs::RightOver(Act::Download) => content::file;
    get "/review/{id}/raw" Needs::RightOver(Act::ViewRaw) => content::raw;
    post "/review/{id}/decide" Needs::RightOver(Act::Decide(Decision::Release)) => decide::decide;
    get "/review/{id}/timeline" Needs::RightOver(Act::SeeTimeline) => log::timeline;
    get "/log" Needs::Right(Act::SeeLog) => log::show;
    get "/health" Needs::Right(Act::SeeHealth) => health::show;
    get "/strays" Needs::Right(Act::SeeStrays) => health::strays;
    get "/settings" Needs::Right(Act::SeeSettings) => health::settings;
    get "/preferences" Needs::Session => preferences::show;
    post "/preferences" Needs::Session => preferences::save;
}

/// The desk as a service.
pub fn router(desk: Arc<Desk>) -> Router {
    all()
        .fallback(nothing)
        .method_not_allowed_fallback(never_so)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&desk),
            headers::check_origin,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&desk),
            headers::check_host,
        ))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), tell))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&desk),
            headers::count,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&desk),
            headers::add,
        ))
        .with_state(desk)
}

async fn nothing() -> WebError {
    WebError::NotFound
}

/// A form is sent, a page is fetched, and neither the other way.
async fn never_so() -> WebError {
    WebError::Method
}

/// Whoever waits longer is told so.
async fn in_time(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(DEADLINE, next.run(request)).await;
    answered.unwrap_or_else(|_| WebError::Slow.into_response())
}

/// Turns a fault that a handler has left in its answer into a page, and puts one of ours into the log.
async fn tell(
    State(desk): State<Arc<Desk>>,
    visitor: Visitor,
    request: Request,
    next: Next,
) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    let Some(fault) = response.extensions_mut().remove::<Arc<WebError>>() else {
        return response;
    };
    if matches!(*fault, WebError::SignedOut) {
        let next = match visitor.whole_path.as_str() {
            path if is_read && path != "/" => paths::sign_in(path),
            // The address of a form is for POST alone: one is led back to its page.
            path => match paths::page_of_form(path) {
                Some(page) => paths::sign_in(&page),
                None => "/sign-in".to_owned(),
            },
        };
        return Redirect::to(&next).into_response();
    }
    let (status, message) = fault.told(is_read);
    let reference = fault.log();
    let frame = visitor.frame(&desk);
    let notice = page::Notice {
        title: frame.words.say("error-title"),
        text: frame.words.say(message),
        reference,
        back: "/".to_owned(),
        frame,
    };
    let told = page::render(status, &notice);
    let mut told = told.unwrap_or_else(|_| status.into_response());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        told.headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    told
}

/// A handler's panic is a fault of ours, told as one.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    WebError::Ours("a panic".to_owned()).into_response()
}
