//! What is measured: mailhold in its several ways of work, on two equal instances of Postfix on one
//! disk. One has a worker; on the other one nobody looks at what is held, as beside a milter that
//! captures nothing.

use std::{fmt::Write as _, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::net::{TcpStream, UnixStream};

use super::contest::{Contender, Ends, USUAL};
use crate::{
    lab::{
        Lab,
        child::Child,
        desk::{Desk, HOUSE, Servers},
        eventually::eventually,
        place::random_text,
        ports::free_address,
        postfix::Postfix,
        postgres::Postgres,
        role::{self, Role},
        settings::Settings,
        slapd::{FLAG, PEOPLE, Slapd},
        user::User,
    },
    mirror::house::{self, Sessions},
};

/// People in the directory; one of ten is flagged.
const PEOPLE_COUNT: usize = 10_000;
/// Messages before anything is measured.
pub const FIRST: usize = 200;
const BOUND: Duration = Duration::from_secs(20);

/// The servers, and mailhold on them.
pub struct Ground<'a> {
    pub lab: &'a Lab,
    /// No worker sees what is held here.
    pub plain: Postfix,
    /// Milter and worker of the lab's Postfix; the milter has the directory in memory.
    pub desk: Desk,
    /// A milter beside it that looks every sender up.
    pub live: Role,
    /// A milter whose recorder cannot record, of the other Postfix.
    pub spooling: Child,
    /// A sender whose mail is held.
    pub flagged: String,
    /// One whose mail is not.
    pub unflagged: String,
    /// Where the desk's milter listens by TCP.
    pub inet: SocketAddr,
    pub slapd: Slapd,
}

impl<'a> Ground<'a> {
    /// Starts all of it.
    pub async fn start(lab: &'a Lab) -> Self {
        let slapd = house::slapd(lab, "slapd-bench", Sessions::Logged).await;
        slapd.kill();
        slapd.seed(&people()).await;
        slapd.start_again().await;
        let plain = Postfix::start(&lab.tools, "plain", lab.sink.address).await;
        for postfix in [&lab.postfix, &plain] {
            deliver_nowhere(postfix).await;
        }
        let inet = free_address();
        let servers = Servers {
            slapd: &slapd,
            ..lab.servers()
        };
        let desk = Desk::start(servers, |settings| {
            settings.listen(&[
                (socket(&lab.postfix, "smtp"), "postfix"),
                (socket(&lab.postfix, "local"), "postfix"),
                (format!("inet:{inet}"), "postfix"),
            ]);
            as_on_one_host(settings, &lab.postgres);
        })
        .await;
        let live = beside(lab, &desk, "live", |settings| {
            settings.set("directory.ldap.mirror", "off");
        })
        .await;
        let flagged = address(0);
        let spooling = spooling(lab, &plain, &desk, &flagged).await;
        let ground = Self {
            lab,
            plain,
            desk,
            live,
            spooling,
            flagged,
            unflagged: address(1),
            inet,
            slapd,
        };
        let first = ground.whole_job("the first mail", lab.postfix.smtp, FIRST);
        settle_in(&first, &ground.desk).await;
        ground
    }

    /// An instance with the servers beside it.
    pub fn servers<'b>(&'b self, postfix: &'b Postfix) -> Servers<'b> {
        Servers {
            slapd: &self.slapd,
            postfix,
            ..self.lab.servers()
        }
    }

    /// Adds an smtpd with one milter to an instance.
    pub fn entrance(&self, postfix: &Postfix, milter: &str) -> SocketAddr {
        let milters = format!("{{ smtpd_milters = {{ {milter}, default_action=tempfail }} }}");
        postfix.add_smtpd(&[milters])
    }

    /// Has both instances listen at what was added.
    pub async fn open(&self, entrances: &[SocketAddr]) {
        self.lab.postfix.reload();
        self.plain.reload();
        for entrance in entrances {
            let listens = async || TcpStream::connect(entrance).await.map(drop);
            eventually("the new smtpd listens", BOUND, listens).await;
        }
    }

    /// Mail that is held, recorded and confirmed by the desk.
    pub fn whole_job(
        &self,
        name: &'static str,
        smtp: SocketAddr,
        n_messages: usize,
    ) -> Contender<'_> {
        Contender {
            name,
            postfix: &self.lab.postfix,
            smtp,
            sender: &self.flagged,
            milter: Some(self.desk.milter.id()),
            ends: Ends::Recorded {
                milter: &self.desk.milter,
                worker: &self.desk.worker,
            },
            n_messages,
        }
    }

    /// Mail that is held on the other instance.
    pub fn held(&self, name: &'static str, smtp: SocketAddr, n_messages: usize) -> Contender<'_> {
        Contender {
            name,
            postfix: &self.plain,
            smtp,
            sender: &self.flagged,
            milter: None,
            ends: Ends::Held,
            n_messages,
        }
    }

    /// Mail that nobody holds.
    pub fn let_go(&self, name: &'static str, smtp: SocketAddr, n_messages: usize) -> Contender<'_> {
        Contender {
            name,
            postfix: &self.lab.postfix,
            smtp,
            sender: &self.unflagged,
            milter: None,
            ends: Ends::Delivered,
            n_messages,
        }
    }
}

/// Takes the first mail, and lets PostgreSQL look at its tables, as it does by itself within a minute.
pub async fn settle_in(first: &Contender<'_>, desk: &Desk) {
    first.round(USUAL).await;
    desk.database.execute("vacuum (analyze)").await;
}

/// What leaves the queue is discarded: where it would go is not what is measured.
pub async fn deliver_nowhere(postfix: &Postfix) {
    postfix
        .set(&["default_transport=discard:", "relay_transport=discard:"])
        .await;
}

/// The socket of an instance's milter, as mailhold is told.
pub fn socket(postfix: &Postfix, name: &str) -> String {
    format!("unix:{}", postfix.socket(&format!("{name}.sock")).display())
}

/// What every mailhold has here: the directory in memory, and PostgreSQL over its socket, as on one
/// host.
pub fn as_on_one_host(settings: &mut Settings, postgres: &Postgres) {
    settings.set("directory.ldap.mirror", "on");
    for section in ["milter", "worker", "reviews"] {
        let key = format!("{section}.database.url");
        let socket = postgres.socket_directory.display();
        let url = format!("{}?host={socket}", settings.text(&key));
        settings.set(&key, url);
    }
}

/// A directory for a spool of its own.
pub fn spool(lab: &Lab) -> PathBuf {
    let name = format!("spool-{}", &random_text()[..4]);
    lab.tools.place.directory(&name, User::milter(), 0o700)
}

fn address(number: usize) -> String {
    format!("person{number:05}@{HOUSE}")
}

fn people() -> String {
    let mut people = String::new();
    for number in 0..PEOPLE_COUNT {
        let flag = if number % 10 == 0 { "Y" } else { "N" };
        let mail = address(number);
        write!(
            people,
            "dn: uid=person{number:05},{PEOPLE}\nobjectClass: inetOrgPerson\n\
             objectClass: mailholdPerson\nuid: person{number:05}\ncn: {number}\nsn: {number}\n\
             mail: {mail}\n{FLAG}: {flag}\n\n"
        )
        .unwrap();
    }
    people
}

/// Another milter of the lab's Postfix, by a socket of this name, that is told something else.
pub async fn beside(
    lab: &Lab,
    desk: &Desk,
    name: &str,
    change: impl FnOnce(&mut Settings),
) -> Role {
    let metrics = free_address();
    let mut settings = desk.settings.clone();
    settings
        .listen(&[(socket(&lab.postfix, name), "postfix")])
        .set("milter.metrics", metrics.to_string())
        .set("spool.directory", spool(lab).display().to_string());
    change(&mut settings);
    let file = settings.write(&lab.tools.place, &format!("bench-{name}.toml"));
    let executable = lab.tools.mailhold(&format!("bench-{name}"));
    let program = role::program(executable, &file, "milter");
    Role::start(&lab.tools.starter, program.user(User::milter()), metrics).await
}

/// It is never ready, because nobody listens where its database is said to be.
async fn spooling(lab: &Lab, plain: &Postfix, desk: &Desk, flagged: &str) -> Child {
    let flags = format!("{flagged} Y\n");
    let flags = lab
        .tools
        .place
        .file("bench-flags", User::milter(), 0o600, flags);
    let mut settings: Settings = desk.settings.clone();
    settings
        .listen(&[(socket(plain, "spool"), "plain")])
        .set("directory.backend", "table")
        .set("directory.table.file", flags.display().to_string())
        .set("milter.metrics", free_address().to_string())
        .set(
            "milter.database.url",
            format!("postgres://mailhold_milter@{}/none", free_address()),
        )
        .set("spool.directory", spool(lab).display().to_string());
    let file = settings.write(&lab.tools.place, "bench-spool.toml");
    let program = role::program(lab.tools.mailhold("bench-spool"), &file, "milter");
    let child = lab.tools.starter.start(&program.user(User::milter()));
    let path = plain.socket("spool.sock");
    eventually("the milter listens", BOUND, async || {
        child.must_run();
        UnixStream::connect(&path).await.map(drop)
    })
    .await;
    child
}
