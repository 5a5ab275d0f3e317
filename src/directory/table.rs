//! A fixed table of flags from a file, for small sites and tests.

use std::{collections::HashMap, error::Error as StdError, fs, path::PathBuf};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Directory, DirectoryError};
use crate::domain::{
    identity::Identity,
    person::{Entry, FlagReading, FlagValues, Standing},
};

/// Where the table is and how its values read.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Lines of an address or login, white space, and the flag's value; `#` starts a comment.
    pub file: PathBuf,
    /// The true and false values.
    pub values: FlagValues,
}

/// The table as it was read at the start.
pub struct Table {
    flags: HashMap<Vec<u8>, Entry>,
}

/// A line that is not an entry.
#[derive(Debug, thiserror::Error)]
#[error("line {0}: want an address or login, white space, and the flag's value")]
struct BadLine(usize);

impl Table {
    /// Reads the whole table.
    pub fn read(settings: &Settings) -> Result<Self, DirectoryError> {
        let path = settings.file.display().to_string();
        let fault = |cause: Box<dyn StdError + Send + Sync>| DirectoryError::Table {
            path: path.clone(),
            cause,
        };
        let text = fs::read_to_string(&settings.file).map_err(|cause| fault(cause.into()))?;
        let mut flags = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (key, value) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| fault(Box::new(BadLine(index + 1))))?;
            let value = value.trim();
            if let Some(reading) = settings.values.read(value.as_bytes()) {
                let name = format!("{path}:{}", index + 1);
                let entry = Entry {
                    name,
                    flag: value.to_owned(),
                    reading,
                };
                insert_worst(&mut flags, key.to_lowercase().into_bytes(), entry);
            }
        }
        Ok(Self { flags })
    }
}

/// Of two lines for one name the doubtful one stays: it raises an alarm.
fn insert_worst(flags: &mut HashMap<Vec<u8>, Entry>, key: Vec<u8>, entry: Entry) {
    match entry.reading {
        FlagReading::Doubtful => {
            flags.insert(key, entry);
        }
        FlagReading::Known => {
            flags.entry(key).or_insert(entry);
        }
    }
}

#[async_trait]
impl Directory for Table {
    async fn standing(&self, identity: &Identity, _: Instant) -> Result<Standing, DirectoryError> {
        let key = String::from_utf8_lossy(&identity.to_bytes())
            .to_lowercase()
            .into_bytes();
        Ok(self
            .flags
            .get(&key)
            .map_or(Standing::NotFlagged, |e| Standing::Flagged(e.clone())))
    }

    async fn probe(&self, _: Instant) -> Result<(), DirectoryError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::envelope::Path;

    fn table(text: &str) -> Result<Table, DirectoryError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        Table::read(&Settings {
            file: file.path().to_owned(),
            values: FlagValues::default(),
        })
    }

    async fn is_flagged(table: &Table, sender: &str) -> bool {
        let path = Path {
            argument: sender.as_bytes().to_vec(),
            ..Path::default()
        };
        let identity = Identity::of(None, &path).remove(0);
        let standing = table.standing(&identity, Instant::now()).await.unwrap();
        matches!(standing, Standing::Flagged(_))
    }

    #[tokio::test]
    async fn a_line_flags_its_address_in_any_case() {
        let table = table("# people\nAnna@corp.test  Y  # since May\nben@corp.test N\n\n").unwrap();
        assert!(is_flagged(&table, "<anna@CORP.test>").await);
        assert!(!is_flagged(&table, "<ben@corp.test>").await);
        assert!(!is_flagged(&table, "<eve@corp.test>").await);
    }

    #[tokio::test]
    async fn an_address_is_flagged_if_any_of_its_lines_is() {
        let table = table("anna@corp.test N\nanna@corp.test Y\nanna@corp.test N\n").unwrap();
        assert!(is_flagged(&table, "<anna@corp.test>").await);
    }

    #[test]
    fn a_line_without_a_value_is_refused_with_its_number() {
        let error = table("anna@corp.test Y\nben@corp.test\n").err().unwrap();
        let chain = crate::telemetry::chain::Chain(&error).to_string();
        assert!(chain.contains("line 2"), "{chain}");
    }
}
