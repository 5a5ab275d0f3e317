//! A milter with no Postfix beside it: what it depends on can be taken away, and nobody is disturbed.

use std::path::{Path, PathBuf};

use crate::{
    lab::{
        Lab,
        eventually::eventually_true,
        place::random_text,
        ports::free_address,
        program::Program,
        role::{self, Role},
        settings::Settings,
        sudo_view,
        user::User,
    },
    store::fixture::Fixture,
    wire::{
        desk::Place,
        mail::Mail,
        mta::{Mta, Stage},
    },
};

use super::{
    proxy::Proxy,
    signs::{GREEN, ready},
};

/// A disk of its own that only the milter sees.
const MOUNT: &str = "mount -t tmpfs -o \"size=8m,mode=0700,$1\" spool \"$2\"; shift 2; exec \"$@\"";

/// A milter, and the ways to what it depends on.
pub struct Milter<'a> {
    /// The process.
    pub role: Role,
    /// Its database.
    pub fixture: Fixture<'a>,
    /// The way to its database.
    pub database: Proxy,
    /// Its settings file.
    pub settings_file: PathBuf,
    spool: PathBuf,
    socket: PathBuf,
}

impl<'a> Milter<'a> {
    /// One that knows anna@corp.test, who is flagged, from a table, and shares a database.
    pub async fn start(lab: &'a Lab, adjust: impl FnOnce(&mut Settings)) -> Self {
        let fixture = Fixture::shared(lab).await;
        Self::with(fixture, adjust).await
    }

    /// The same with another database.
    pub async fn with(fixture: Fixture<'a>, adjust: impl FnOnce(&mut Settings)) -> Self {
        let lab = fixture.lab;
        let (tools, name) = (&lab.tools, format!("visible-{}", &random_text()[..6]));
        let place = &tools.place;
        let home = place.directory(&name, User::milter(), 0o755);
        let spool = place.directory(&format!("{name}/spool"), User::milter(), 0o700);
        let people = "anna@corp.test Y\n";
        let people = place.file(&format!("{name}/people"), User::milter(), 0o600, people);
        let socket = home.join("smtp.sock");
        let target = ([127, 0, 0, 1], lab.postgres.port).into();
        let database = Proxy::to(target).await;
        let metrics = free_address();
        let mut settings = Settings::sample();
        let listener = (
            format!("unix:{}", socket.display()),
            fixture.instance.as_str(),
        );
        let login = lab.postgres.login("mailhold_milter");
        let url = fixture.settings("mailhold_milter").url;
        let url = url.replace(
            &lab.postgres.port.to_string(),
            &database.address.port().to_string(),
        );
        settings
            .listen(&[listener])
            .set("log.format", "json")
            .set("worker.instance", fixture.instance.as_str())
            .set("milter.metrics", metrics.to_string())
            .set("milter.database.url", url)
            .set(
                "milter.database.password_file",
                login.password_file.display().to_string(),
            )
            .set("directory.backend", "table")
            .set("directory.table.file", people.display().to_string())
            .set("policy.internal_domains", vec!["corp.test".to_owned()])
            .set("spool.directory", spool.display().to_string());
        adjust(&mut settings);
        let settings_file = settings.write(place, &format!("{name}.toml"));
        let program = role::program(tools.mailhold(&name), &settings_file, "milter");
        let program = with_disk(program, &spool).await.user(User::milter());
        let role = Role::start(&tools.starter, program, metrics).await;
        Self {
            role,
            fixture,
            database,
            settings_file,
            spool,
            socket,
        }
    }

    /// Sends a mail that is to be held, as Postfix does.
    pub async fn hold(&self) {
        let place = Place::Unix(self.socket.clone());
        Mta::open(&place).await.send(&Mail::flagged()).await.held();
    }

    /// Sends a mail that is to be held and cannot be captured.
    pub async fn try_again(&self) {
        let place = Place::Unix(self.socket.clone());
        let outcome = Mta::open(&place).await.send(&Mail::flagged()).await;
        outcome.tries_again_at(Stage::End);
    }

    /// The spool as the milter sees it.
    pub fn spool(&self) -> PathBuf {
        let inside = self.spool.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.role.id())).join(inside)
    }

    /// Where Postfix would connect to.
    pub fn socket(&self) -> &PathBuf {
        &self.socket
    }

    /// Sets how many files the process may have open; not the limit of that limit.
    pub async fn limit_handles(&self, n_handles: &str) {
        let program = Program::new("prlimit", "/usr/bin/prlimit");
        let limit = format!("--nofile={n_handles}:");
        let id = self.role.id().to_string();
        // Its own user may do so, and in a container nobody else.
        let program = program.user(User::milter());
        program.arguments(["--pid", &id, &limit]).run(b"").await;
    }

    /// Waits until nothing waits in the spool, and the process is ready.
    pub async fn is_at_rest(&self) {
        eventually_true("the spool is empty", GREEN, async || {
            self.role.metric("mailhold_spool_waiting").await == 0.0
        })
        .await;
        ready(&self.role).await;
    }
}

async fn with_disk(program: Program, spool: &Path) -> Program {
    if !sudo_view::is_possible().await {
        return program;
    }
    let User { uid, gid } = User::milter();
    let owner = format!("uid={uid},gid={gid}");
    let unshare = ["/usr/bin/unshare", "--mount", "--", "/bin/sh", "-ec", MOUNT];
    let mut wrapper = unshare.map(str::to_owned).to_vec();
    wrapper.extend(["mounts".to_owned(), owner, spool.display().to_string()]);
    program.wrapper(wrapper)
}
