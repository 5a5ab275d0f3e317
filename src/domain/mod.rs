//! The words of the trade as types. Pure: no I/O, no clock, no async, nothing of ours below it.

pub mod address;
pub mod attempts;
pub mod audit;
pub mod capture;
pub mod capture_id;
pub mod decision;
pub mod envelope;
pub mod folding;
pub mod grams;
pub mod identity;
pub mod idn;
pub mod instance;
pub mod lifecycle;
pub mod pace;
pub mod person;
pub mod policy;
pub mod query;
pub mod queue_id;
pub mod reply;
pub mod rights;
pub mod scope;
pub mod signs;
pub mod verdict;
pub mod watched;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;
