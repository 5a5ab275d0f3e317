//! Reads the log of a private Postfix. Never reads the machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mailhold::domain::queue_id::QueueId;

use super::super::{eventually::eventually, program::text};

/// The log of a private Postfix.
pub struct PostfixLog {
    path: PathBuf,
}

impl PostfixLog {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// All lines that hold every one of the words.
    pub fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let all = text(&bytes);
        let wanted = all
            .lines()
            .filter(|line| words.iter().all(|word| line.contains(word)));
        wanted.map(str::to_owned).collect()
    }

    /// Waits for a line that holds every one of the words.
    ///
    /// # Panics
    /// When `bound` has passed; it shows the log's last lines.
    pub async fn line_with(&self, words: &[&str], bound: Duration) -> String {
        let what = format!("a log line with {words:?}");
        eventually(&what, bound, async || {
            let found = self.lines_with(words).into_iter().next();
            found.ok_or_else(|| {
                let all = self.lines_with(&[]);
                all[all.len().saturating_sub(20)..].join("\n")
            })
        })
        .await
    }

    /// Waits until Postfix has removed a message: delivered, returned or discarded.
    pub async fn removed(&self, id: &QueueId, bound: Duration) -> String {
        self.line_with(&[id.as_str(), ": removed"], bound).await
    }
}
