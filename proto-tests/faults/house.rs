//! A house of its own, with a proxy between every pair of its programs. Never shares a server with
//! another test: all of them are killed, stopped and starved.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    lab::{
        Tools,
        certificates::{Authority, Certificate, Validity},
        place::random_text,
        ports::free_address,
        postfix::Postfix,
        postgres::{Database, Postgres},
        role,
        settings::Settings,
        sink::Sink,
        slapd::{Setup, Slapd},
        sudo_view,
        user::User,
    },
    mirror::house::{Sessions, database_lines},
};

use super::{
    disk::Disk,
    kept::{Kept, Points},
    proxy::{Address, Proxy},
    settings,
};

/// All servers of one house, its milter and its two workers.
pub struct House {
    /// Where all of it is.
    pub tools: Tools,
    /// The directory.
    pub slapd: Slapd,
    /// A directory with a certificate of somebody else, in which nobody is flagged.
    pub impostor: Slapd,
    /// The database cluster.
    pub postgres: Arc<Postgres>,
    /// The database.
    pub database: Database,
    /// The mail server.
    pub postfix: Postfix,
    /// Where delivered mail ends up.
    pub sink: Sink,
    /// The disk of the spool.
    pub disk: Disk,
    /// Between each pair.
    pub proxies: Proxies,
    /// What the milter runs with.
    pub settings_file: PathBuf,
    /// `mailhold milter`.
    pub milter: Kept,
    /// Two of `mailhold worker`.
    pub workers: [Kept; 2],
}

/// What stands between each pair.
pub struct Proxies {
    /// Between smtpd and the milter.
    pub smtp: Proxy,
    /// Between cleanup and the milter, for mail of local programs.
    pub local: Proxy,
    /// Between the milter and the directory.
    pub directory: Proxy,
    /// Between the milter and PostgreSQL.
    pub recorder: Proxy,
    /// Between the workers and PostgreSQL.
    pub workers: [Proxy; 2],
    /// Between Postfix and the sink.
    pub relay: Proxy,
}

/// Where the ways of the proxies end.
struct Servers<'a> {
    slapd: &'a Slapd,
    postgres: &'a Postgres,
    postfix: &'a Postfix,
    sink: &'a Sink,
}

/// Where the proxies listen.
struct Doors {
    directory: SocketAddr,
    recorder: SocketAddr,
    workers: [SocketAddr; 2],
    relay: SocketAddr,
}

impl Doors {
    fn new() -> Self {
        Self {
            directory: free_address(),
            recorder: free_address(),
            workers: [free_address(), free_address()],
            relay: free_address(),
        }
    }
}

impl House {
    /// Starts all of it; `points` tells by a role and its name which place is deadly when.
    pub async fn start(tools: &Tools, points: impl Fn(&str, &str) -> Points) -> Self {
        let name = format!("house-{}", &random_text()[..4]);
        let doors = Doors::new();
        let (authority, slapd, impostor) = directories(tools, &name).await;
        let own = |part: &str| format!("{name}-{part}");
        let [postgres, postfix, disk] = ["postgres", "postfix", "disk"].map(own);
        let (sink, postgres, postfix, disk) = tokio::join!(
            Sink::start(),
            Postgres::start_as(tools, &postgres),
            Postfix::start(tools, &postfix, doors.relay),
            Disk::make(tools, &disk),
        );
        let (database, ()) = tokio::join!(postgres.database(), settings::hurry(&postfix));
        // Postfix finds the proxies where it would find the milter.
        let sockets = tools
            .place
            .directory(&own("sockets"), User::milter(), 0o2750);
        let settings = settings::of(settings::Servers {
            tools,
            slapd: &slapd,
            authority: &authority,
            database: &database,
            postfix: &postfix,
            disk: &disk,
            sockets: &sockets,
            directory: doors.directory,
        });
        let servers = Servers {
            slapd: &slapd,
            postgres: &postgres,
            postfix: &postfix,
            sink: &sink,
        };
        let proxies = Proxies::start(&doors, &servers, &sockets).await;
        let staff = Staff {
            tools,
            name: &name,
            settings: &settings,
            database: &database,
            postfix: &postfix,
            disk: &disk,
        };
        let start = async |role, label, store| staff.start(role, label, store, &points).await;
        let (milter, settings_file) = start("milter", "milter", doors.recorder).await;
        let (one, _) = start("worker", "worker", doors.workers[0]).await;
        let (other, _) = start("worker", "other-worker", doors.workers[1]).await;
        Self {
            tools: tools.clone(),
            slapd,
            impostor,
            postgres,
            database,
            postfix,
            sink,
            disk,
            proxies,
            settings_file,
            milter,
            workers: [one, other],
        }
    }

    /// All processes of mailhold.
    pub fn roles(&self) -> [&Kept; 3] {
        [&self.milter, &self.workers[0], &self.workers[1]]
    }

    /// Ends the processes of mailhold in good order.
    pub async fn stop(&self) {
        for role in self.roles() {
            role.stop().await;
        }
    }
}

/// What the processes of a house have in common.
struct Staff<'a> {
    tools: &'a Tools,
    name: &'a str,
    settings: &'a Settings,
    database: &'a Database,
    postfix: &'a Postfix,
    disk: &'a Disk,
}

impl Staff<'_> {
    /// Starts a process that reaches PostgreSQL by its own way; also gives its settings' file.
    async fn start(
        &self,
        role: &str,
        label: &str,
        store: SocketAddr,
        points: &impl Fn(&str, &str) -> Points,
    ) -> (Kept, PathBuf) {
        let metrics = free_address();
        let url = format!("postgres://mailhold_{role}@{store}/{}", self.database.name);
        let mut settings = self.settings.clone();
        settings
            .set(&format!("{role}.database.url"), url)
            .set(&format!("{role}.metrics"), metrics.to_string());
        let name = format!("{}-{label}", self.name);
        let file = settings.write(&self.tools.place, &format!("{name}.toml"));
        let program = role::program(self.tools.mailhold(&name), &file, role);
        let program = if role == "milter" {
            self.disk.show_to(program.user(User::milter()))
        } else if sudo_view::is_possible().await {
            sudo_view::with_sudo(program, self.postfix)
        } else {
            program
        };
        let points = points(role, label);
        let kept = Kept::start(self.tools, label, program, metrics, points).await;
        (kept, file)
    }
}

impl Proxies {
    async fn start(doors: &Doors, servers: &Servers<'_>, sockets: &Path) -> Self {
        let Servers {
            slapd,
            postgres,
            postfix,
            sink,
        } = servers;
        let between = async |name, door: &str| {
            let (door, target) = (postfix.socket(door), sockets.join(door));
            Proxy::start(name, Address::Unix(door), Address::Unix(target)).await
        };
        let to = async |name, door, target| {
            Proxy::start(name, Address::Tcp(door), Address::Tcp(target)).await
        };
        let store = SocketAddr::from((Ipv4Addr::LOCALHOST, postgres.port));
        let [worker, other] = doors.workers;
        Self {
            smtp: between("smtpd-milter", "smtp.sock").await,
            local: between("cleanup-milter", "local.sock").await,
            directory: to("milter-directory", doors.directory, slapd.tls_address).await,
            recorder: to("milter-postgres", doors.recorder, store).await,
            workers: [
                to("worker-postgres", worker, store).await,
                to("other-worker-postgres", other, store).await,
            ],
            relay: to("postfix-sink", doors.relay, sink.address).await,
        }
    }

    /// All of them.
    pub fn all(&self) -> [&Proxy; 7] {
        [
            &self.smtp,
            &self.local,
            &self.directory,
            &self.recorder,
            &self.workers[0],
            &self.workers[1],
            &self.relay,
        ]
    }
}

/// The directory and one that only says it is: its certificate is signed by somebody else.
async fn directories(tools: &Tools, name: &str) -> (Authority, Slapd, Slapd) {
    let (authority, stranger) = tokio::join!(Authority::make(tools), Authority::make(tools));
    let owner = User::named("openldap");
    let sign = async |authority: &Authority| {
        authority
            .sign("/O=lab/CN=slapd", "IP:127.0.0.1", owner, Validity::Now)
            .await
    };
    let (right, wrong) = (sign(&authority).await, sign(&stranger).await);
    let setup = |certificate: Certificate| Setup {
        global: "moduleload syncprov\n".to_owned(),
        database: database_lines(Sessions::Logged),
        certificate: Some(certificate),
    };
    let (right, wrong) = (setup(right), setup(wrong));
    let (own, other) = (format!("{name}-slapd"), format!("{name}-impostor"));
    let (slapd, impostor) = tokio::join!(
        Slapd::start_setup(tools, &own, &right),
        Slapd::start_setup(tools, &other, &wrong),
    );
    (authority, slapd, impostor)
}
