//! `mailhold migrate`: the schema and, on demand, the logins of the other processes.

use std::{io::Write, path::Path, process::ExitCode};

use super::{Failure, Outcome, args::MigrateArguments, exit};
use crate::{
    config::{ConfigFile, roles},
    store::{
        StoreError,
        schema::{self, Login, LoginRole},
    },
};

/// Migrates, and says what it did.
pub fn run(config: &Path, arguments: &MigrateArguments) -> Outcome {
    let config = roles::migrate(&ConfigFile::read(config)?)?;
    let logins = [
        Login {
            role: LoginRole::Milter,
            password: config.milter_password,
        },
        Login {
            role: LoginRole::Worker,
            password: config.worker_password,
        },
        Login {
            role: LoginRole::Reviews,
            password: config.reviews_password,
        },
    ];
    let applied = super::runtime()?.block_on(async {
        if arguments.create_roles {
            schema::create_roles(&config.database, &logins).await?;
        }
        schema::migrate(&config.database).await
    });
    let applied = applied.map_err(refused)?;
    let text = match applied.as_slice() {
        [] => format!(
            "the schema is at version {}, nothing to do",
            schema::needed_version()
        ),
        applied => format!(
            "{} migrations applied, the schema is at version {}",
            applied.len(),
            schema::needed_version()
        ),
    };
    let written = writeln!(std::io::stdout(), "{text}");
    written.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

fn refused(error: StoreError) -> Failure {
    let code = if error.is_transient() {
        exit::UNAVAILABLE
    } else {
        exit::SOFTWARE
    };
    Failure::new(code, error)
}
