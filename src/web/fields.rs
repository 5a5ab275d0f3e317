//! What a request carries, or a page that says what is wrong with it.

use axum::{
    Form, RequestPartsExt as _,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::error::WebError;
use crate::domain::{capture_id::BadCaptureId, capture_id::CaptureId};

/// The fields of a form.
pub struct Sent<T>(pub T);

/// The fields behind the question mark of an address.
pub struct Asks<T>(pub T);

/// The parts that the pattern of a route leaves open.
pub struct At<T>(pub T);

/// The name of a message among them.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub struct Named(pub CaptureId);

impl TryFrom<String> for Named {
    type Error = BadCaptureId;

    fn try_from(text: String) -> Result<Self, BadCaptureId> {
        text.parse().map(Self)
    }
}

impl<S, T> FromRequest<S> for Sent<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        match Form::<T>::from_request(request, state).await {
            Ok(Form(fields)) => Ok(Self(fields)),
            Err(refusal) => Err(match refusal.status() {
                StatusCode::PAYLOAD_TOO_LARGE => WebError::TooLong,
                _ => WebError::Malformed("form"),
            }),
        }
    }
}

impl<S, T> FromRequestParts<S> for Asks<T>
where
    S: Send + Sync,
    T: DeserializeOwned + 'static,
{
    type Rejection = WebError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let read = parts.extract::<Query<T>>().await;
        read.map(|Query(fields)| Self(fields))
            .map_err(|_| WebError::Malformed("address"))
    }
}

impl<S, T> FromRequestParts<S> for At<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send + 'static,
{
    type Rejection = WebError;

    /// No page of ours leads to a path that cannot be read.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, WebError> {
        let read = parts.extract::<Path<T>>().await;
        read.map(|Path(open)| Self(open))
            .map_err(|_| WebError::NotFound)
    }
}
