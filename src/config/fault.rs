//! What is wrong with a configuration file, line by line.

use std::fmt;

/// One fault: where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The line, if the fault has one.
    pub line: Option<usize>,
    /// The full key, such as `worker.lease`; empty for the file as a whole.
    pub key: String,
    /// What is wrong and how to put it right.
    pub problem: String,
}

/// All faults of one file.
#[derive(Debug)]
pub struct Faults {
    /// The file as it was named.
    pub path: String,
    /// At least one.
    pub faults: Vec<Fault>,
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:", self.path)?;
            if let Some(line) = fault.line {
                write!(f, "{line}:")?;
            }
            if !fault.key.is_empty() {
                write!(f, " {}:", fault.key)?;
            }
            write!(f, " {}", fault.problem)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
