//! The spool as a whole, on a real directory and on a disk that fails when told to.

pub(super) mod desk;

mod faults;
mod faulty;
mod keeping;
mod restart;
