//! The rules of the house, each a function from text to findings. Never reads a file by itself:
//! `tidy` gives each rule the tree, and each rule's own tests give it what must be found.

pub mod tables;
pub mod tokens;
pub mod tree;

pub mod crates;
pub mod failpoints;
pub mod imports;
pub mod paths;
pub mod spawning;

pub mod forms;
pub mod names;
pub mod places;
pub mod words;

pub mod links;
pub mod monitoring;
pub mod settings;

/// What breaks a rule, for a person: file, line and what to do.
pub type Findings = Vec<String>;

/// Ends a test with all findings at once.
///
/// # Panics
/// Unless there is none.
pub fn none(findings: &Findings) {
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// Ends a test unless exactly one finding holds all the words.
///
/// # Panics
/// With the findings.
pub fn one(findings: &Findings, words: &[&str]) {
    assert_eq!(findings.len(), 1, "{findings:?}");
    for word in words {
        assert!(findings[0].contains(word), "no {word:?} in {findings:?}");
    }
}
