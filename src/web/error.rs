//! What a request that cannot be answered is told: one sentence and, where the fault is ours, a
//! reference that stands in the log. Never a word of the cause itself.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{directory::sign_in::SignInError, store::StoreError, telemetry::events};

/// Why a request is not answered as it was meant.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// Nobody is signed in, or not any more.
    #[error("nobody is signed in")]
    SignedOut,
    /// There is no such thing, or not for this person: both look the same.
    #[error("there is no such thing here")]
    NotFound,
    /// This person may not do that.
    #[error("not allowed: {0}")]
    Refused(&'static str),
    /// The form did not come from a page of this session.
    #[error("the form has no valid token")]
    Token,
    /// A page of another site has sent it.
    #[error("from a page of another site")]
    Foreign,
    /// The browser calls us by a name that is none of ours.
    #[error("another host is meant")]
    Host,
    /// What was sent is not what a page of ours sends.
    #[error("not understood: {0}")]
    Malformed(&'static str),
    /// A page was sent something, or a form was fetched.
    #[error("not by this method")]
    Method,
    /// A form that is longer than any of ours.
    #[error("the form is too long")]
    TooLong,
    /// More was written than a note may hold.
    #[error("the note is too long")]
    LongNote,
    /// It took longer than a request may.
    #[error("no answer in time")]
    Slow,
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// The directory failed.
    #[error("the directory failed")]
    Directory(#[source] SignInError),
    /// A fault of our own.
    #[error("a fault of our own: {0}")]
    Ours(String),
}

impl WebError {
    /// The status and the message that tell it. Of a form that was not only read it is not told that
    /// nothing was done: the answer alone may have been lost.
    pub fn told(&self, is_read: bool) -> (StatusCode, &'static str) {
        let away = match is_read {
            true => "error-away",
            false => "error-away-form",
        };
        match self {
            Self::SignedOut => (StatusCode::UNAUTHORIZED, "error-signed-out"),
            Self::NotFound => (StatusCode::NOT_FOUND, "error-not-found"),
            Self::Refused(_) => (StatusCode::FORBIDDEN, "error-refused"),
            Self::Token => (StatusCode::FORBIDDEN, "error-token"),
            Self::Foreign => (StatusCode::FORBIDDEN, "error-foreign"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "error-host"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "error-malformed"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "error-malformed"),
            Self::TooLong => (StatusCode::PAYLOAD_TOO_LARGE, "error-malformed"),
            Self::LongNote => (StatusCode::PAYLOAD_TOO_LARGE, "error-long-note"),
            Self::Store(error) if error.is_transient() => (StatusCode::SERVICE_UNAVAILABLE, away),
            Self::Directory(_) | Self::Slow => (StatusCode::SERVICE_UNAVAILABLE, away),
            Self::Store(_) | Self::Ours(_) => (StatusCode::INTERNAL_SERVER_ERROR, "error-ours"),
        }
    }

    /// Puts one of ours, or of a service, into the log. Gives what a person at the desk and one at the
    /// server call it by.
    pub fn log(&self) -> Option<String> {
        if !self.told(true).0.is_server_error() {
            return None;
        }
        let reference = uuid::Uuid::now_v7().simple().to_string();
        events::web_failed(&reference, self);
        Some(reference)
    }
}

impl From<StoreError> for WebError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The status alone; [`super::router`] makes a page of it, in the reader's language.
impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        let mut response = self.told(true).0.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
