//! `mailhold migrate`: the schema and, on demand, the logins of the other processes.

use std::{io::Write, path::Path, process::ExitCode};

use super::{Failure, Outcome, args::MigrateArguments, exit};
use crate::{
    config::{ConfigFile, roles},
    store::schema::{self, Login, LoginRole},
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
    let version = schema::needed_version();
    let text = match applied?.as_slice() {
        [] => format!("the schema is at version {version}, nothing to do"),
        [_] => format!("1 migration applied, the schema is at version {version}"),
        applied => format!(
            "{} migrations applied, the schema is at version {version}",
            applied.len()
        ),
    };
    let mut lines = vec![text];
    if arguments.create_roles {
        lines.extend(logins.iter().map(made));
    }
    let written = writeln!(std::io::stdout(), "{}", lines.join("\n"));
    written.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    Ok(ExitCode::SUCCESS)
}

fn made(login: &Login) -> String {
    let name = login.role.as_str();
    match login.password {
        Some(_) => format!("login {name}: has the password of its section"),
        None => format!(
            "login {name}: no password set, its section names no password_file; \
             pg_hba.conf must let it in by other means"
        ),
    }
}
