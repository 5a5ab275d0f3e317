//! Turns the configuration file into the settings of each process, or says all that is wrong with
//! it. Each process reads its own sections and its own secret files, nothing else.

pub mod audit;
pub mod changes;
pub mod desk;
pub mod fault;
pub mod file;
mod ldap;
mod parts;
mod policy;
pub mod roles;
mod secret;
pub mod section;
mod sign_in;
pub mod value;

#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod targets;

pub use fault::{Fault, Faults};
pub use file::ConfigFile;

#[cfg(test)]
mod ldap_tests;
#[cfg(test)]
mod tests;
