//! Mail as bytes: digests, and the header fields that a list of reviews shows.

pub mod author;
pub mod digest;
pub mod header;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;
