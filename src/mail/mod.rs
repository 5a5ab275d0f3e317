//! Mail content as bytes: how a message is spelt out and recognised again. Never opens a file.

pub mod digest;
