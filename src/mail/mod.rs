//! Mail as bytes: digests, the header fields that a list of reviews shows, and the outline of a message
//! for people.

mod attribution;
pub mod author;
mod charset;
pub mod digest;
mod excerpt;
pub mod header;
mod html;
mod library;
mod mailboxes;
mod making;
pub mod outline;
mod plain;
mod transfer;
mod words;

pub use making::{Limits, outline};

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;
