//! A real `mailhold milter` without a Postfix: a table of people, a database of its own, a TCP
//! listener that the test itself talks to, and a spool that may be a small file system of its own.

use std::{
    ffi::OsString,
    fs,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    lab::{
        Lab,
        desk::HOUSE,
        place::random_text,
        ports::free_address,
        postgres::Database,
        program::Program,
        role::{self, Role},
        settings::Settings,
        sudo_view,
        user::User,
    },
    wire::{desk::Place, mta::Mta, raw::Raw},
};

const UNSHARE: &str = "/usr/bin/unshare";
const MOUNT: &str = r#"
mount -t tmpfs -o "size=$1,mode=0700,uid=$2,gid=$3" spool "$4"
shift 4
exec "$@"
"#;

/// Anna is flagged by address and login, Ben is not.
const PEOPLE: &str = "anna@corp.test Y\nanna Y\nben@corp.test N\n";

/// A milter at work.
pub struct Outpost<'a> {
    pub milter: Role,
    pub database: Database,
    pub spool: PathBuf,
    pub address: SocketAddr,
    lab: &'a Lab,
}

impl<'a> Outpost<'a> {
    /// One whose spool is on a file system in memory of so many bytes, which only the milter sees;
    /// `adjust` changes its settings before. `None` where this machine lets nobody make one.
    pub async fn on_small_disk(
        lab: &'a Lab,
        n_bytes: u64,
        adjust: impl FnOnce(&mut Settings),
    ) -> Option<Self> {
        if sudo_view::is_possible().await {
            return Some(Self::wrapped(lab, |spool| with_disk(n_bytes, spool), adjust).await);
        }
        eprintln!("lab: no private mounts here, so there is no small file system to fill");
        None
    }

    /// One on the disk of the lab.
    pub async fn on_disk(lab: &'a Lab, adjust: impl FnOnce(&mut Settings)) -> Self {
        Self::wrapped(lab, |_| Vec::new(), adjust).await
    }

    /// One that a command starts, which is told the spool's directory.
    pub async fn wrapped(
        lab: &'a Lab,
        wrapper: impl FnOnce(&Path) -> Vec<OsString>,
        adjust: impl FnOnce(&mut Settings),
    ) -> Self {
        let name = format!("outpost-{}", &random_text()[..6]);
        let place = &lab.tools.place;
        let spool = place.directory(&format!("{name}-spool"), User::milter(), 0o700);
        let people = place.file(&format!("{name}-people"), User::milter(), 0o640, PEOPLE);
        let database = lab.postgres.database().await;
        let [address, metrics] = [free_address(), free_address()];
        let mut settings = lab.tools.settings(&database);
        settings
            .listen(&[(format!("inet:{address}"), "postfix")])
            .set("log.format", "json")
            .set("milter.metrics", metrics.to_string())
            .set("milter.sender_cap", 0)
            .set("directory.backend", "table")
            .set("directory.table.file", people.display().to_string())
            .set("policy.internal_domains", vec![HOUSE.to_owned()])
            .set("spool.directory", spool.display().to_string())
            .set("spool.min_free_percent", 1)
            .set("spool.min_free", "1 MiB");
        adjust(&mut settings);
        let file = settings.write(place, &format!("{name}.toml"));
        let program = role::program(lab.tools.mailhold(&name), &file, "milter");
        let program = program.user(User::milter());
        let program = program.wrapper(wrapper(&spool));
        let milter = Role::start(&lab.tools.starter, program, metrics).await;
        Self {
            milter,
            database,
            spool,
            address,
            lab,
        }
    }

    /// Where it listens.
    pub fn place(&self) -> Place {
        Place::Inet(self.address)
    }

    /// A connection of a Postfix.
    pub async fn mta(&self) -> Mta {
        Mta::open(&self.place()).await
    }

    /// A connection that has negotiated and may say anything.
    pub async fn raw(&self) -> Raw {
        Raw::open(&self.place()).await
    }

    /// The spool as the milter sees it.
    pub fn spool_inside(&self) -> PathBuf {
        let seen = format!("/proc/{}/root{}", self.milter.id(), self.spool.display());
        PathBuf::from(seen)
    }

    /// How many files are in a part of the spool.
    pub fn n_files(&self, part: &str) -> usize {
        fs::read_dir(self.spool_inside().join(part))
            .unwrap()
            .count()
    }

    /// The most memory that it has ever had, in bytes: proc(5), VmHWM.
    pub fn most_memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.milter.id());
        let status = fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kibibytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kibibytes.parse::<u64>().unwrap() * 1_024
    }

    /// Sets a limit of a running process, such as `nofile`, or lifts it as far as may be: prlimit(1).
    /// As the process's own user, because root may not be allowed to.
    pub async fn limit(role: &Role, limit: &str, soft: Option<u32>) {
        let found = fs::metadata(format!("/proc/{}", role.id())).unwrap();
        let user = User {
            uid: found.uid(),
            gid: found.gid(),
        };
        let pid = role.id().to_string();
        let prlimit = Program::new("prlimit", "/usr/bin/prlimit").user(user);
        let prlimit = prlimit.arguments(["--pid", &pid]);
        let soft = match soft {
            Some(soft) => soft.to_string(),
            None => {
                let words = ["--raw", "--noheadings", "--output=HARD"];
                let words = words.map(str::to_owned).into_iter();
                let words = words.chain([format!("--{limit}")]);
                let hard = prlimit.clone().arguments(words).run(b"").await;
                hard.trim().to_owned()
            }
        };
        let prlimit = prlimit.arguments([format!("--{limit}={soft}:")]);
        prlimit.run(b"").await;
    }

    /// What a statement prints, asked as the superuser.
    pub async fn sql(&self, sql: &str) -> String {
        self.lab.postgres.execute(&self.database.name, sql).await
    }
}

fn with_disk(n_bytes: u64, spool: &Path) -> Vec<OsString> {
    let milter = User::milter();
    let words = [UNSHARE, "--mount", "--", "/bin/sh", "-ec", MOUNT, "disk"];
    let mut line: Vec<OsString> = words.map(OsString::from).to_vec();
    line.push(n_bytes.to_string().into());
    line.push(milter.uid.to_string().into());
    line.push(milter.gid.to_string().into());
    line.push(spool.into());
    line
}
