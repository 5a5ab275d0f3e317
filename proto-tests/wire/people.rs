//! Who is flagged, and directories that are out of order for one person. Never asks a server.

use std::{fs, future::pending, io, panic::resume_unwind, sync::Arc};

use async_trait::async_trait;
use mailhold::{
    directory::{
        Directory, DirectoryError,
        table::{self, Table},
    },
    domain::{
        folding::Folding,
        identity::Identity,
        person::{FlagValues, Standing},
    },
};
use tokio::time::Instant;

/// Anna is flagged by address and login, Odette's value is doubtful, all others are not flagged.
const PEOPLE: &str = "anna@corp.test Y\nanna Y\nodette@corp.test maybe\nben@corp.test N\nben N\n";

/// The person for whom the directory is out of order.
pub const TROUBLED: &str = "<tom@corp.test>";

/// The directory of most tests.
pub fn table() -> Table {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, PEOPLE).unwrap();
    let settings = table::Settings {
        file: file.path().to_owned(),
        values: FlagValues::default(),
    };
    Table::read(&settings, Folding::default()).unwrap()
}

/// What a directory does when it is asked for [`TROUBLED`].
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// It cannot be reached.
    Unreachable,
    /// It never answers, and does not look at the clock.
    Hangs,
    /// It panics.
    Panics,
}

/// The table, but for one person.
pub fn troubled(trouble: Trouble) -> Arc<dyn Directory> {
    Arc::new(Troubled {
        table: table(),
        trouble,
    })
}

struct Troubled {
    table: Table,
    trouble: Trouble,
}

#[async_trait]
impl Directory for Troubled {
    async fn standing(
        &self,
        identity: &Identity,
        deadline: Instant,
    ) -> Result<Standing, DirectoryError> {
        if identity.to_bytes() != TROUBLED.trim_matches(['<', '>']).as_bytes() {
            return self.table.standing(identity, deadline).await;
        }
        match self.trouble {
            Trouble::Unreachable => Err(DirectoryError::Connect {
                server: "ldap://directory.test".to_owned(),
                cause: Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)),
            }),
            Trouble::Hangs => pending().await,
            // As a panic does, without a report on the screen.
            Trouble::Panics => resume_unwind(Box::new("part of a test")),
        }
    }

    async fn probe(&self, _: Instant) -> Result<(), DirectoryError> {
        Ok(())
    }
}
