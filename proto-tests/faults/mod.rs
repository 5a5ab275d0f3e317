//! Mail under load while everything breaks, and the count of what went wrong: a ledger of all that
//! was done and told outside, a snapshot of all that is found afterwards, and a checker of both.

mod canary;
mod imprint;

pub mod ledger;

pub mod deciders;
pub mod load;

pub mod snapshot;

pub mod checker;
