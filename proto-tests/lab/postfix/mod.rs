//! A private Postfix instance, as Debian sets one up. Never touches the machine's own.

pub mod log;
mod logins;
mod setup;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use mailhold::domain::queue_id::QueueId;
use nix::{sys::signal::Signal, unistd::Pid};
use tokio::net::TcpStream;

use self::{log::PostfixLog, logins::Logins, setup::SOCKETS};
use super::{
    Tools,
    child::{Child, children_of},
    eventually::eventually,
    place::make_old,
    ports::free_address,
    program::Program,
    sudo_view,
    user::User,
};

const MASTER: &str = "/usr/lib/postfix/sbin/master";
/// Passes on what its master is told. The master itself would miss the death of the test program:
/// the kernel forgets a parent-death signal when a process changes its effective user, and the
/// master does so at its start. It must lead its own process group (`src/master/master_sig.c`).
const GUARDIAN: &str = r#"
setsid "$@" & master=$!
trap 'kill -TERM $master' TERM
trap 'kill -HUP $master' HUP
while kill -0 $master 2>/dev/null; do wait $master; done
"#;
const SENDMAIL: &str = "/usr/sbin/sendmail";
/// Postfix's commands.
pub const COMMANDS: &str = "/usr/sbin";
const START_BOUND: Duration = Duration::from_secs(15);
const STOP_BOUND: Duration = Duration::from_secs(10);

/// A private Postfix instance.
pub struct Postfix {
    /// Its name in its log, and the instance's name for mailhold.
    pub name: String,
    /// Its main.cf and master.cf.
    pub config_directory: PathBuf,
    /// Its queue, which is also the chroot of its daemons.
    pub queue_directory: PathBuf,
    /// SMTP with the milters, as a house has it.
    pub smtp: SocketAddr,
    /// Submission: only with a login and its password, with the milters.
    pub submission: SocketAddr,
    /// SMTP without any milter.
    pub plain_smtp: SocketAddr,
    /// SMTP that holds every mail by itself, without any milter.
    pub holding_smtp: SocketAddr,
    /// All that belongs to it.
    pub(super) home: PathBuf,
    logins: Logins,
    program: Program,
    tools: Tools,
    child: Mutex<Option<Child>>,
}

impl Postfix {
    /// Starts an instance called `name` that gives all mail to `relay`.
    pub async fn start(tools: &Tools, name: &str, relay: SocketAddr) -> Self {
        let home = tools.place.directory(name, User::ROOT, 0o755);
        let [smtp, submission, plain_smtp, holding_smtp] = [(); 4].map(|()| free_address());
        let config_directory = home.join("config");
        let program = Program::new(&format!("{name}-master"), "/bin/sh")
            .arguments(["-c", GUARDIAN, "guardian", MASTER, "-d", "-c"])
            .arguments([&config_directory]);
        let postfix = Self {
            name: name.to_owned(),
            queue_directory: home.join("queue"),
            home,
            config_directory,
            smtp,
            submission,
            plain_smtp,
            holding_smtp,
            logins: Logins::default(),
            program,
            tools: tools.clone(),
            child: Mutex::default(),
        };
        setup::make(&postfix, &tools.place, relay);
        sudo_view::make(&tools.place, name, &postfix.config_directory);
        postfix.start_again().await;
        postfix
    }

    /// Starts it again with the same queue, on the same ports.
    pub async fn start_again(&self) {
        let child = self.tools.starter.start(&self.program);
        eventually("Postfix answers", START_BOUND, async || {
            child.must_run();
            // The last one in master.cf.
            TcpStream::connect(self.holding_smtp).await
        })
        .await;
        *self.child.lock().unwrap() = Some(child);
    }

    /// Stops it with all its daemons.
    pub async fn stop(&self) {
        self.child.lock().unwrap().take().unwrap().end();
        eventually(
            "Postfix has gone",
            STOP_BOUND,
            async || match TcpStream::connect(self.smtp).await {
                Ok(_) => Err("still listens"),
                Err(_) => Ok(()),
            },
        )
        .await;
    }

    /// Sets parameters of main.cf, such as `maximal_queue_lifetime=1h`. All of its daemons work with
    /// them once this returns, so no session with it may be open.
    pub async fn set(&self, parameters: &[&str]) {
        self.command("postconf")
            .arguments(["-e"])
            .arguments(parameters)
            .run(b"")
            .await;
        make_old(&self.config_directory.join("main.cf"));
        // Each daemon reads the settings at its start alone, and takes sessions until it ends.
        let before = self.daemons();
        self.reload();
        eventually(
            "the daemons with the old settings have gone",
            STOP_BOUND,
            async || {
                let mut left = self.daemons();
                left.retain(|daemon| before.contains(daemon));
                if left.is_empty() { Ok(()) } else { Err(left) }
            },
        )
        .await;
    }

    /// Has it read its settings again, as `postfix reload` does: daemons that are idle end, some time
    /// after this returned.
    pub fn reload(&self) {
        let child = self.child.lock().unwrap();
        child.as_ref().unwrap().signal(Signal::SIGHUP);
    }

    /// The processes that its master has started.
    fn daemons(&self) -> Vec<Pid> {
        let guardian = self.child.lock().unwrap().as_ref().unwrap().id();
        let masters = children_of(guardian).into_iter();
        masters.flat_map(children_of).collect()
    }

    /// One of its commands, such as `postsuper`, as root.
    pub fn command(&self, name: &str) -> Program {
        Program::new(name, Path::new(COMMANDS).join(name))
            .arguments([Path::new("-c"), &self.config_directory])
    }

    /// Submits a message as a local program does.
    pub async fn sendmail(&self, sender: &str, recipients: &[&str], content: &[u8]) {
        self.sendmail_as(sender, recipients).run(content).await;
    }

    /// What a local program calls; it takes the content on its standard input.
    pub fn sendmail_as(&self, sender: &str, recipients: &[&str]) -> Program {
        Program::new("sendmail", SENDMAIL)
            .arguments([Path::new("-C"), &self.config_directory])
            .arguments(["-i", "-f", sender, "--"])
            .arguments(recipients)
    }

    /// The same, but the recipients are those of the header (`sendmail -t`).
    pub async fn sendmail_by_header(&self, sender: &str, content: &[u8]) {
        Program::new("sendmail", SENDMAIL)
            .arguments([Path::new("-C"), &self.config_directory])
            .arguments(["-i", "-t", "-f", sender])
            .run(content)
            .await;
    }

    /// Gives a login, or one `@` its realm, a new password, which is returned.
    pub async fn add_login(&self, login: &str) -> String {
        self.logins.add(self, login).await
    }

    /// What is in the hold queue, ready or not.
    pub fn held(&self) -> Vec<QueueId> {
        self.ids_in("hold")
    }

    /// What is in any queue.
    pub fn queued(&self) -> Vec<QueueId> {
        ["incoming", "active", "deferred", "hold"]
            .map(|queue| self.ids_in(queue))
            .concat()
    }

    /// How many messages are in its queues but not on hold.
    pub fn n_on_the_way(&self) -> usize {
        let queues = ["incoming", "active", "deferred"];
        queues.map(|queue| self.ids_in(queue).len()).iter().sum()
    }

    /// Adds an smtpd with these options; [`Self::reload`] makes it listen.
    pub fn add_smtpd(&self, options: &[String]) -> SocketAddr {
        let address = free_address();
        let master_cf = self.config_directory.join("master.cf");
        let mut services = fs::read_to_string(&master_cf).unwrap();
        services.push_str(&format!("{address} inet n - y - - smtpd\n"));
        for option in options {
            services.push_str(&format!("  -o {option}\n"));
        }
        fs::write(&master_cf, services).unwrap();
        address
    }

    /// Its log, as far as it is written.
    pub fn log(&self) -> PostfixLog {
        PostfixLog::new(&self.log_path())
    }

    /// The path of its log.
    pub fn log_path(&self) -> PathBuf {
        self.home.join("mail.log")
    }

    /// A milter's socket by its name, as the milter sees it.
    pub fn socket(&self, name: &str) -> PathBuf {
        self.queue_directory.join(SOCKETS).join(name)
    }

    /// `deferred` is hashed over directories of one character, so all directories are walked.
    fn ids_in(&self, queue: &str) -> Vec<QueueId> {
        let mut found = Vec::new();
        let mut directories = vec![self.queue_directory.join(queue)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    directories.push(entry.path());
                } else {
                    found.extend(
                        entry
                            .file_name()
                            .to_str()
                            .and_then(|name| name.parse().ok()),
                    );
                }
            }
        }
        found
    }
}
