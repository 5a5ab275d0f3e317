//! Runs a program beside a freshly migrated database: how `./test` finds out whether `.sqlx/` is what
//! the schema gives.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use tokio::runtime::Runtime;

use crate::lab::{
    Tools,
    postgres::{OWNER, Postgres},
};

/// Runs `words` with `DATABASE_URL` set, and ends as it does.
#[expect(
    clippy::disallowed_methods,
    reason = "the program is the caller's, with the caller's environment and terminal"
)]
pub fn with_database(words: &[String]) -> ExitCode {
    let [program, arguments @ ..] = words else {
        eprintln!("usage: with-database PROGRAM [ARGUMENT …]");
        return ExitCode::from(64);
    };
    let tools = Tools::make();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        Runtime::new().unwrap().block_on(async {
            let database = Postgres::start(&tools).await.database().await;
            let login = database.login(OWNER);
            let url = database
                .url(OWNER)
                .replace('@', &format!(":{}@", login.password));
            let mut command = tokio::process::Command::new(program);
            command
                .args(arguments)
                .env("DATABASE_URL", url)
                .kill_on_drop(true);
            command.status().await.unwrap()
        })
    }));
    tools.end();
    match ran {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
