//! Turns the configuration file into the settings of each process, or says all that is wrong with
//! it. Each process reads its own sections and its own secret files, nothing else.

pub mod fault;
pub mod file;
mod ldap;
mod parts;
pub mod roles;
mod secret;
pub mod section;
pub mod value;

pub use fault::{Fault, Faults};
pub use file::ConfigFile;

#[cfg(test)]
mod ldap_tests;
#[cfg(test)]
mod tests;
