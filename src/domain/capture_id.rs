//! Our own name of a capture.

use std::{fmt, str::FromStr};

use uuid::Uuid;

/// A capture's identity: a UUID of version 7, so that captures sort by the time they were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId(Uuid);

/// A text that is not a capture ID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a capture ID such as 01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f")]
pub struct BadCaptureId(String);

impl CaptureId {
    /// Wraps a UUID that is known to name a capture.
    pub fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID itself.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl FromStr for CaptureId {
    type Err = BadCaptureId;

    fn from_str(text: &str) -> Result<Self, BadCaptureId> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| BadCaptureId(text.chars().take(64).collect()))
    }
}

impl fmt::Display for CaptureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
