//! What is in the spool, byte by byte. Never opens it as a milter does: that would change it.

use std::{collections::BTreeSet, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::super::canary::Canary;

/// One file of the spool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpoolFile {
    /// Its path below the spool.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// Whose parts are in its bytes.
    pub canaries: BTreeSet<Canary>,
}

/// All files below a directory.
pub fn read(spool: &Path) -> Vec<SpoolFile> {
    let mut found = Vec::new();
    let mut directories = vec![spool.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(path);
            } else if let Ok(bytes) = fs::read(&path) {
                let below = path.strip_prefix(spool).unwrap_or(&path);
                found.push(SpoolFile {
                    path: below.display().to_string(),
                    size_bytes: bytes.len() as u64,
                    canaries: Canary::all_in(&bytes),
                });
            }
        }
    }
    found
}
