//! The schema: its version, its migrations, and the logins. Run by `mailhold migrate` alone.

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use super::verifier::Verifier;
use super::{Cause, Role, Settings, StoreError, connect, connect_options, error::SchemaFault};

static MIGRATOR: Migrator = sqlx::migrate!("src/store/migrations");

/// How often a login is tried again when another `migrate` changes the same one.
const TRIES: u32 = 20;

/// A login of one process, and the password that it gets.
#[derive(Clone, Debug)]
pub struct Login {
    /// Whose it is.
    pub role: LoginRole,
    /// `None`: none is set, and one that is there stays. For sites that let in by other means.
    pub password: Option<SecretString>,
}

/// The fixed logins, one per process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginRole {
    /// Inserts captures.
    Milter,
    /// Confirms, claims and settles.
    Worker,
    /// Reads captures and inserts outlines.
    Outline,
    /// Reads reviews and inserts decisions, for people in a browser.
    Web,
    /// The same for people at a command line.
    Reviews,
}

impl LoginRole {
    /// All logins.
    pub const ALL: [Self; 5] = [
        Self::Milter,
        Self::Worker,
        Self::Outline,
        Self::Web,
        Self::Reviews,
    ];

    /// The login's name in PostgreSQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Milter => "mailhold_milter",
            Self::Worker => "mailhold_worker",
            Self::Outline => "mailhold_outline",
            Self::Web => "mailhold_web",
            Self::Reviews => "mailhold_reviews",
        }
    }
}

/// The version of the schema that this program needs.
pub fn needed_version() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or_default()
}

/// Makes the fixed logins, or gives those that are there their password. May be run again.
pub async fn create_roles(settings: &Settings, logins: &[Login]) -> Result<(), StoreError> {
    let mut connection = connect(&connect_options(settings, Role::Migrate)?).await?;
    for login in logins {
        create_role(&mut connection, login)
            .await
            .map_err(|cause| StoreError::CreateRole {
                login: login.role.as_str(),
                cause: Cause::from_sqlx(cause),
            })?;
    }
    connection.close().await.ok();
    Ok(())
}

/// Brings the schema to the version of this program and returns the versions that were applied.
///
/// # Errors
/// [`StoreError::Schema`] if the database is not UTF-8, if a login is missing, or if the schema is
/// newer than this program.
pub async fn migrate(settings: &Settings) -> Result<Vec<i64>, StoreError> {
    let mut connection = connect(&connect_options(settings, Role::Migrate)?).await?;
    let failed = |cause| StoreError::Migrate {
        cause: Cause::from_sqlx(cause),
    };
    check_ground(&mut connection).await?;
    let before = version(&mut connection)
        .await
        .map_err(failed)?
        .unwrap_or_default();
    MIGRATOR
        .run(&mut connection)
        .await
        .map_err(|error| refused(error, before))?;
    // The table is sqlx's own, so the right to compare versions is not in a migration.
    let granted = connection.execute(
        "grant select on _sqlx_migrations
            to mailhold_milter, mailhold_worker, mailhold_outline, mailhold_web, mailhold_reviews",
    );
    granted.await.map_err(failed)?;
    connection.close().await.ok();
    let versions = MIGRATOR.iter().map(|migration| migration.version);
    Ok(versions.filter(|version| *version > before).collect())
}

/// Says why this program cannot use the schema, if it cannot.
pub(super) async fn compare(connection: &mut PgConnection) -> Result<(), StoreError> {
    let found = version(connection)
        .await
        .map_err(|cause| StoreError::CompareSchema {
            cause: Cause::from_sqlx(cause),
        })?;
    fault(found, needed_version()).map_or(Ok(()), |fault| Err(StoreError::Schema(fault)))
}

fn fault(found: Option<i64>, needed: i64) -> Option<SchemaFault> {
    match found {
        None => Some(SchemaFault::Missing),
        Some(found) if found < needed => Some(SchemaFault::Older { found, needed }),
        Some(found) if found > needed => Some(SchemaFault::Newer { found, needed }),
        Some(_) => None,
    }
}

/// The version of the schema, or `None` if there is none.
async fn version(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    let exists =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "e!""#);
    if !exists.fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    // Not checked at compile time: this table is made by the migrator, not by a migration.
    sqlx::query_scalar("select max(version) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await
}

async fn check_ground(connection: &mut PgConnection) -> Result<(), StoreError> {
    let failed = |cause| StoreError::Migrate {
        cause: Cause::from_sqlx(cause),
    };
    let names: Vec<String> = LoginRole::ALL.map(|role| role.as_str().to_owned()).to_vec();
    let ground = sqlx::query!(
        r#"select
            current_setting('server_encoding') as "encoding!",
            (select count(*) from pg_roles where rolname = any($1)) as "n_logins!""#,
        &names,
    )
    .fetch_one(connection)
    .await
    .map_err(failed)?;
    if ground.encoding != "UTF8" {
        return Err(StoreError::Schema(SchemaFault::Encoding));
    }
    if usize::try_from(ground.n_logins) != Ok(names.len()) {
        return Err(StoreError::Schema(SchemaFault::Logins));
    }
    Ok(())
}

fn refused(error: MigrateError, found: i64) -> StoreError {
    let needed = needed_version();
    if found > needed {
        return StoreError::Schema(SchemaFault::Newer { found, needed });
    }
    let text = error.to_string();
    let cause =
        if let MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) = error {
            Cause::from_sqlx(cause)
        } else {
            Cause::Unreadable(text)
        };
    StoreError::Migrate { cause }
}

/// Logins belong to the whole cluster: another database's `migrate` may change the same one now.
async fn create_role(connection: &mut PgConnection, login: &Login) -> Result<(), sqlx::Error> {
    let name = login.role.as_str();
    let mut tried = 0;
    loop {
        let exists = sqlx::query_scalar!(
            r#"select exists (select from pg_roles where rolname = $1) as "e!""#,
            name,
        )
        .fetch_one(&mut *connection)
        .await?;
        let statement = match (&login.password, exists) {
            (None, true) => return Ok(()),
            (None, false) => format!("create role {name} login"),
            (Some(password), exists) => {
                let verifier = Verifier::of(password.expose_secret(), &mut *connection).await?;
                let verb = if exists { "alter" } else { "create" };
                format!("{verb} role {name} login password '{verifier}'")
            }
        };
        // Both parts are ours: the name is a constant, the verifier is base64.
        let done = connection.execute(AssertSqlSafe(statement)).await;
        tried += 1;
        match done {
            Err(error) if tried < TRIES && changed_meanwhile(&error) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(()),
        }
    }
}

/// "tuple concurrently updated" (XX000), a duplicate name (42710, or 23505 from the index).
fn changed_meanwhile(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|refusal| refusal.code());
    code.is_some_and(|code| ["XX000", "42710", "23505"].contains(&&*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_of_the_schema_is_refused_with_what_to_do() {
        assert_eq!(fault(Some(3), 3), None);
        assert_eq!(fault(None, 3), Some(SchemaFault::Missing));
        let older = fault(Some(2), 3).unwrap().to_string();
        assert!(
            older.contains("version 2") && older.contains("mailhold migrate"),
            "{older}"
        );
        assert_eq!(
            fault(Some(4), 3),
            Some(SchemaFault::Newer {
                found: 4,
                needed: 3
            })
        );
    }
}
