//! A fixed table of flags from a file, for small sites and tests.

use std::{collections::HashMap, error::Error as StdError, fs, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tokio::time::Instant;

use super::{Directory, DirectoryError};
use crate::domain::{
    folding::Folding,
    identity::Identity,
    person::{Entry, Flag, FlagReading, FlagValues, Standing},
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
    flags: HashMap<Vec<u8>, Arc<Entry>>,
    folding: Folding,
}

/// A line that is not an entry.
#[derive(Debug, thiserror::Error)]
#[error("line {0}: want an address or login, white space, and the flag's value")]
struct BadLine(usize);

impl Table {
    /// Reads the whole table.
    pub fn read(settings: &Settings, folding: Folding) -> Result<Self, DirectoryError> {
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
                let flag = Flag::Raised {
                    shown: value.to_owned(),
                    reading,
                };
                let entry = Entry {
                    name,
                    flag,
                    groups: Vec::new(),
                };
                insert_worst(&mut flags, folding.fold_login(key.as_bytes()), entry);
            }
        }
        Ok(Self { flags, folding })
    }
}

/// Of two lines for one name the doubtful one stays: it raises an alarm.
fn insert_worst(flags: &mut HashMap<Vec<u8>, Arc<Entry>>, key: Vec<u8>, entry: Entry) {
    if entry.flag.reading() == Some(FlagReading::Doubtful) {
        flags.insert(key, Arc::new(entry));
    } else {
        flags.entry(key).or_insert_with(|| Arc::new(entry));
    }
}

#[async_trait]
impl Directory for Table {
    async fn standing(&self, identity: &Identity, _: Instant) -> Result<Standing, DirectoryError> {
        let keys = identity.fold(&self.folding);
        let entries = keys.iter().filter_map(|key| self.flags.get(key));
        Ok(Standing {
            entries: entries.cloned().collect(),
        })
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
        let settings = Settings {
            file: file.path().to_owned(),
            values: FlagValues::default(),
        };
        Table::read(&settings, Folding::default())
    }

    async fn is_flagged(table: &Table, sender: &str) -> bool {
        let path = Path {
            argument: sender.as_bytes().to_vec(),
            ..Path::default()
        };
        let identity = Identity::of(None, &path).remove(0);
        let standing = table.standing(&identity, Instant::now()).await.unwrap();
        standing.flagged().is_some()
    }

    #[tokio::test]
    async fn a_line_flags_its_address_in_any_case() {
        let table = table("# people\nAnna@corp.test  Y  # since May\nben@corp.test N\n\n").unwrap();
        assert!(is_flagged(&table, "<anna@CORP.test>").await);
        assert!(!is_flagged(&table, "<ben@corp.test>").await);
        assert!(!is_flagged(&table, "<eve@corp.test>").await);
    }

    #[tokio::test]
    async fn a_tag_is_no_other_person_on_either_side() {
        let table = table("anna@corp.test Y\nben+office@corp.test Y\n").unwrap();
        assert!(is_flagged(&table, "<anna+news@corp.test>").await);
        assert!(is_flagged(&table, "<ben@corp.test>").await);
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
