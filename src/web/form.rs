//! What a form of ours has sent, or a page that says what is wrong with it.

use axum::{
    Form,
    extract::{FromRequest, Request, rejection::FormRejection},
    http::StatusCode,
};
use serde::de::DeserializeOwned;

use super::error::WebError;

/// The fields of a form.
pub struct Sent<T>(pub T);

impl<S, T> FromRequest<S> for Sent<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        let read = Form::<T>::from_request(request, state).await;
        read.map(|Form(fields)| Self(fields))
            .map_err(|refusal: FormRejection| match refusal.status() {
                StatusCode::PAYLOAD_TOO_LARGE => WebError::TooLong,
                _ => WebError::Malformed("form"),
            })
    }
}
