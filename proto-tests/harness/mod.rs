//! Tests of the lab itself: what all other tests stand on.

pub mod desk;
pub mod leftovers;
pub mod logins;
pub mod mail;
pub mod servers;
pub mod sudo;
pub mod waiting;
