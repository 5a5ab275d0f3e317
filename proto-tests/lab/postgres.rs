//! A private PostgreSQL cluster. Never talks to another one.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::net::TcpStream;

use super::{
    Tools,
    child::{self, Child},
    eventually::eventually,
    place::random_text,
    ports::free_port,
    program::{Program, text},
    role,
    user::User,
};

/// Where Debian keeps each version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
const OLDEST_VERSION: u32 = 15;
/// The login that owns the schema and makes the others.
pub const OWNER: &str = "mailhold";
/// After a crash every file of all the tests' databases is synced, on a disk that others use too.
const START_BOUND: Duration = Duration::from_secs(180);

/// A private PostgreSQL cluster.
pub struct Postgres {
    /// Where it listens on loopback.
    pub port: u16,
    /// Where its UNIX socket is.
    pub socket_directory: PathBuf,
    cluster: PathBuf,
    programs: PathBuf,
    superuser_password: String,
    logins: Vec<Login>,
    program: Program,
    tools: Tools,
    child: Mutex<Option<Child>>,
    n_databases: AtomicUsize,
    /// Logins belong to the whole cluster: only one database at a time may set them up.
    migrating: tokio::sync::Mutex<()>,
}

/// A login of the database and its password.
#[derive(Clone, Debug)]
pub struct Login {
    /// Its name.
    pub name: &'static str,
    /// What it signs in with.
    pub password: String,
    /// The same, readable for the user of the process that signs in.
    pub password_file: PathBuf,
}

impl Postgres {
    /// Makes and starts the lab's.
    pub async fn start(tools: &Tools) -> Arc<Self> {
        Self::start_as(tools, "postgres").await
    }

    /// Makes and starts a cluster called `name`.
    pub async fn start_as(tools: &Tools, name: &str) -> Arc<Self> {
        let (place, owner) = (&tools.place, User::named("postgres"));
        let home = place.directory(name, owner, 0o755);
        let (cluster, socket_directory) = (home.join("cluster"), home.join("socket"));
        place.directory(&format!("{name}/socket"), owner, 0o755);
        let password = format!("{name}/password");
        let (superuser_password, password_file) = place.password(&password, owner);
        let programs = programs();
        Program::new("initdb", programs.join("initdb"))
            .user(owner)
            .arguments(["--no-sync", "--no-instructions", "--username=postgres"])
            .arguments([
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--pwfile",
            ])
            .arguments([&password_file])
            .arguments([Path::new("--pgdata"), &cluster])
            .run(b"")
            .await;

        let port = free_port();
        let settings = settings(&socket_directory, port);
        fs::write(cluster.join("postgresql.auto.conf"), settings).unwrap();
        let program = Program::new(name, programs.join("postgres"))
            .user(owner)
            // At once and without children left: the parent-death signal must not wait for them.
            .farewell(Signal::SIGQUIT)
            .arguments([Path::new("-D"), &cluster]);
        let postgres = Self {
            cluster,
            port,
            socket_directory,
            programs,
            superuser_password,
            logins: logins(tools, name),
            program,
            tools: tools.clone(),
            child: Mutex::default(),
            n_databases: AtomicUsize::new(0),
            migrating: tokio::sync::Mutex::default(),
        };
        postgres.start_again().await;
        let password = &postgres.login(OWNER).password;
        let role = format!("create role {OWNER} login createrole password '{password}'");
        postgres.execute("postgres", &role).await;
        Arc::new(postgres)
    }

    /// Ends it at once: clients lose their connections, what was committed stays.
    pub fn stop(&self) {
        self.child.lock().unwrap().take().unwrap().end();
    }

    /// Starts it on the same port with the same databases.
    pub async fn start_again(&self) {
        let child = self.tools.starter.start(&self.program);
        eventually("PostgreSQL answers", START_BOUND, async || {
            child.must_run();
            let answer = self
                .psql("postgres")
                .arguments(["-c", "select 1"])
                .output(b"")
                .await;
            if answer.status.success() {
                Ok(())
            } else {
                Err(answer)
            }
        })
        .await;
        *self.child.lock().unwrap() = Some(child);
    }

    /// Starts it anew with one setting more, such as `shared_buffers = '1GB'`.
    pub async fn with_setting(&self, line: &str) {
        self.stop();
        let file = self.cluster.join("postgresql.auto.conf");
        let before = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{before}{line}\n")).unwrap();
        self.start_again().await;
    }

    /// All its processes stand still, with their connections, until what this gives is dropped.
    pub async fn freeze(&self) -> Frozen {
        let server = self.child.lock().unwrap().as_ref().unwrap().id();
        // It comes first: then there are no more of them.
        let mut frozen = Frozen(vec![server]);
        child::freeze(server).await;
        for process in child::children_of(server) {
            frozen.0.push(process);
            child::freeze(process).await;
        }
        frozen
    }

    /// A login with its password.
    pub fn login(&self, name: &str) -> &Login {
        self.logins
            .iter()
            .find(|login| login.name == name)
            .expect("a known login")
    }

    /// A database without any table, owned by [`OWNER`].
    pub async fn empty_database(&self) -> String {
        let number = self.n_databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("lab_{number}_{}", &random_text()[..4]);
        self.execute("postgres", &format!("create database {name} owner {OWNER}"))
            .await;
        name
    }

    /// A fresh database with the schema and the logins that `mailhold migrate` makes.
    pub async fn database(self: &Arc<Self>) -> Database {
        let name = self.empty_database().await;
        let database = Database {
            postgres: self.clone(),
            name,
        };
        let _turn = self.migrating.lock().await;
        let settings = self.tools.settings(&database);
        let file = settings.write(&self.tools.place, &format!("{}.toml", database.name));
        let migrate = role::program(self.tools.mailhold("migrate"), &file, "migrate");
        migrate.arguments(["--create-roles"]).run(b"").await;
        database
    }

    /// Runs a statement as the superuser and gives what it prints, values apart by `|`.
    pub async fn execute(&self, database: &str, sql: &str) -> String {
        self.psql(database)
            .run(sql.as_bytes())
            .await
            .trim_end()
            .to_owned()
    }

    /// Runs a statement as the superuser; the server may die meanwhile.
    pub async fn try_execute(&self, database: &str, sql: &str) -> Option<String> {
        let output = self.psql(database).output(sql.as_bytes()).await;
        let printed = text(&output.stdout).trim_end().to_owned();
        output.status.success().then_some(printed)
    }

    /// All that a database holds, as `pg_dump` writes it: bytes in hexadecimal digits.
    pub async fn dump(&self, database: &str) -> String {
        self.client("pg_dump", database).run(b"").await
    }

    fn psql(&self, database: &str) -> Program {
        self.client("psql", database)
            .arguments(["-XqAt", "-v", "ON_ERROR_STOP=1"])
    }

    fn client(&self, name: &str, database: &str) -> Program {
        Program::new(name, self.programs.join(name))
            .variable("PGPASSWORD", &self.superuser_password)
            .arguments(["-U", "postgres", "-h"])
            .arguments([&self.socket_directory])
            .arguments(["-p", &self.port.to_string(), "-d", database])
    }

    /// Whether anything listens on its port.
    pub async fn is_up(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
    }
}

/// Processes that stand still until this is dropped.
pub struct Frozen(Vec<Pid>);

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in self.0.iter().rev() {
            kill(*process, Signal::SIGCONT).ok();
        }
    }
}

/// One migrated database of a cluster.
pub struct Database {
    postgres: Arc<Postgres>,
    /// Its name.
    pub name: String,
}

impl Database {
    /// The URL for a login, without the password.
    pub fn url(&self, login: &str) -> String {
        format!(
            "postgres://{login}@127.0.0.1:{}/{}",
            self.postgres.port, self.name
        )
    }

    /// The login with its password.
    pub fn login(&self, name: &str) -> &Login {
        self.postgres.login(name)
    }

    /// Runs a statement as the superuser and gives what it prints, values apart by `|`.
    pub async fn execute(&self, sql: &str) -> String {
        self.postgres.execute(&self.name, sql).await
    }

    /// The same; nothing when it fails.
    pub async fn try_execute(&self, sql: &str) -> Option<String> {
        self.postgres.try_execute(&self.name, sql).await
    }

    /// Whether it takes connections. Those that there are end when it does not.
    pub async fn take_connections(&self, does: bool) {
        let name = &self.name;
        let sql = format!(
            "alter database {name} allow_connections {does};
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = '{name}' and not {does}"
        );
        self.postgres.execute("postgres", &sql).await;
    }
}

/// Each login's password is made once per cluster and readable for one user.
fn logins(tools: &Tools, cluster: &str) -> Vec<Login> {
    let owners = [
        (OWNER, User::ROOT),
        ("mailhold_milter", User::milter()),
        ("mailhold_worker", User::named("postfix")),
        ("mailhold_outline", User::milter()),
        ("mailhold_web", User::web()),
        ("mailhold_reviews", User::ROOT),
    ];
    let make = |(name, owner)| {
        let file = format!("{cluster}-{name}.password");
        let (password, password_file) = tools.place.password(&file, owner);
        Login {
            name,
            password,
            password_file,
        }
    };
    owners.map(make).into()
}

fn settings(socket_directory: &Path, port: u16) -> String {
    format!(
        "listen_addresses = '127.0.0.1'\n\
         port = {port}\n\
         unix_socket_directories = '{}'\n\
         max_connections = 500\n\
         shared_buffers = '64MB'\n\
         fsync = on\n\
         # For who wants to know when a row was committed.\n\
         track_commit_timestamp = on\n\
         # After a crash: one call, not one for each file of all the tests' databases.\n\
         recovery_init_sync_method = syncfs\n\
         log_timezone = 'UTC'\n",
        socket_directory.display()
    )
}

/// The newest version that is installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir(VERSIONS)
        .expect("PostgreSQL is installed")
        .flatten();
    let numbers = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let newest = numbers.max().unwrap_or_default();
    assert!(
        newest >= OLDEST_VERSION,
        "PostgreSQL {OLDEST_VERSION} or newer is needed"
    );
    Path::new(VERSIONS).join(newest.to_string()).join("bin")
}
