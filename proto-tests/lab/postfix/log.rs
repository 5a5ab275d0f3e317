//! Reads the log of a private Postfix. Never reads the machine's.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use mailhold::domain::queue_id::QueueId;

use super::super::{eventually::eventually, program::text};

/// The log of a private Postfix, from some moment on.
pub struct PostfixLog {
    path: PathBuf,
    from: usize,
}

impl PostfixLog {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            from: 0,
        }
    }

    /// The part that is written from now on.
    pub fn starting_now(mut self) -> Self {
        self.from = fs::metadata(&self.path).map_or(0, |found| found.len() as usize);
        self
    }

    /// All lines that hold every one of the words.
    pub fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let part = text(bytes.get(self.from..).unwrap_or_default());
        let wanted = part
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
