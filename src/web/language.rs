//! Makes the rest of the pages' modules see one reader: preferences and language of a request.

use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::CookieJar;

use super::preferences::Preferences;

/// What a request says of its reader.
#[derive(Clone, Debug, Default)]
pub struct Taste {
    /// The preferences.
    pub preferences: Preferences,
    /// `Accept-Language`.
    pub accepted: String,
}

impl Taste {
    /// Reads a request's headers.
    pub fn of(headers: &HeaderMap) -> Self {
        let accepted = headers.get(header::ACCEPT_LANGUAGE);
        Self {
            preferences: Preferences::of(&CookieJar::from_headers(headers)),
            accepted: accepted
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_owned(),
        }
    }
}
