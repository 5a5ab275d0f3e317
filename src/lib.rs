//! mailhold reviews outgoing mail before it leaves a Postfix server.
//!
//! A milter sends a flagged person's message to Postfix's hold queue and keeps a durable copy; a
//! person decides; a worker carries the decision out. The modules stand in the order of their
//! floors (docs/architecture.md): a module may use those above it in this list, never those below.

pub mod domain;
mod failpoint;

pub mod mail;
pub mod telemetry;

pub mod directory;
pub mod postfix;
pub mod spool;
pub mod store;

pub mod milter;
pub mod outline;
pub mod web;
pub mod worker;

pub mod config;

pub mod cli;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;
