//! Where a peer records held mail: a database of its own in the lab's cluster.

use std::sync::Arc;

use crate::lab::{
    desk::Servers,
    postgres::{OWNER, Postgres},
    user::User,
};

const TABLES: &str = include_str!("capture.sql");

/// A database with the peers' table.
pub struct Book {
    postgres: Arc<Postgres>,
    name: String,
}

impl Book {
    /// Makes an empty one.
    pub async fn make(servers: Servers<'_>) -> Self {
        let book = Self {
            postgres: servers.postgres.clone(),
            name: servers.postgres.empty_database().await,
        };
        book.execute(&format!("set role {OWNER};\n{TABLES}")).await;
        book
    }

    /// Runs a statement as the superuser and gives what it prints, values apart by `|`.
    pub async fn execute(&self, sql: &str) -> String {
        self.postgres.execute(&self.name, sql).await
    }

    /// What a program of `user` opens it with (libpq's keywords), the password in a file: by
    /// PostgreSQL's socket, as mailhold does here.
    pub fn sign_in(&self, servers: Servers<'_>, user: User) -> String {
        let (name, port) = (&self.name, self.postgres.port);
        let password = &self.postgres.login(OWNER).password;
        let file = format!("{name}-{}.pgpass", user.uid);
        let line = format!("*:{port}:{name}:{OWNER}:{password}\n");
        let file = servers.tools.place.file(&file, user, 0o600, line);
        let file = file.display();
        let socket = self.postgres.socket_directory.display();
        format!("host={socket} port={port} dbname={name} user={OWNER} passfile={file}")
    }
}
