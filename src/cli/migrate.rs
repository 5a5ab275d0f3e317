//! `mailhold migrate`: the schema and, on demand, the logins of the other processes.

use std::{io::Write, path::Path, process::ExitCode};

use super::{Failure, Outcome, args::MigrateArguments, exit};
use crate::{
    config::{
        ConfigFile,
        roles::{self, Logins},
    },
    store::schema::{self, Login, LoginRole},
};

/// Migrates, and says what it did.
pub fn run(config: &Path, arguments: &MigrateArguments) -> Outcome {
    let file = ConfigFile::read(config)?;
    let database = roles::migrate(&file)?;
    // An operator who only migrates need not be able to read the processes' passwords.
    let logins = match arguments.create_roles {
        true => logins(roles::logins(&file)?),
        false => Vec::new(),
    };
    let applied = super::runtime()?.block_on(async {
        if !logins.is_empty() {
            schema::create_roles(&database, &logins).await?;
        }
        schema::migrate(&database).await
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

fn logins(passwords: Logins) -> Vec<Login> {
    let login = |role, password| Login { role, password };
    vec![
        login(LoginRole::Milter, passwords.milter_password),
        login(LoginRole::Worker, passwords.worker_password),
        login(LoginRole::Outline, passwords.outline_password),
        login(LoginRole::Web, passwords.web_password),
        login(LoginRole::Reviews, passwords.reviews_password),
    ]
}
