//! A private Postfix instance, as Debian sets one up. Never touches the machine's own.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, SystemTime},
};

use mailhold::domain::queue_id::QueueId;
use nix::sys::signal::Signal;
use tokio::net::TcpStream;

use super::{
    Tools, child::Child, eventually::eventually, place, ports::free_port, postfix_log::PostfixLog,
    program::Program, user::User,
};

/// Debian's own, chroot column included.
const MASTER_CF: &str = "/usr/share/postfix/master.cf.dist";
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
/// Below the queue directory, because smtpd and cleanup are chrooted there.
pub const SOCKETS: &str = "mailhold";
const START_BOUND: Duration = Duration::from_secs(15);
const STOP_BOUND: Duration = Duration::from_secs(10);

/// Owned by Postfix, mode 0700 (`postfix-files`).
const QUEUES: [&str; 11] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
    "saved", "trace",
];

/// A private Postfix instance.
pub struct Postfix {
    /// Its main.cf and master.cf.
    pub config_directory: PathBuf,
    /// Its queue, which is also the chroot of its daemons.
    pub queue_directory: PathBuf,
    /// SMTP with the milters, as a house has it.
    pub smtp: SocketAddr,
    /// SMTP without any milter.
    pub plain_smtp: SocketAddr,
    /// SMTP that holds every mail by itself, without any milter.
    pub holding_smtp: SocketAddr,
    log: PathBuf,
    program: Program,
    tools: Tools,
    child: Mutex<Option<Child>>,
}

impl Postfix {
    /// Starts an instance called `name` that gives all mail to `relay`.
    pub async fn start(tools: &Tools, name: &str, relay: SocketAddr) -> Self {
        let place = &tools.place;
        let [smtp, plain_smtp, holding_smtp] =
            [free_port(), free_port(), free_port()].map(|port| (Ipv4Addr::LOCALHOST, port).into());
        place.directory(name, User::ROOT, 0o755);
        let config_directory = place.directory(&format!("{name}/config"), User::ROOT, 0o755);
        let data = place.directory(&format!("{name}/data"), User::named("postfix"), 0o700);
        let queue_directory = queue_directory(tools, name);
        // The daemons make it readable for root alone; a worker that reads it runs as postfix.
        let log = place.file(
            &format!("{name}/mail.log"),
            User::named("postfix"),
            0o644,
            b"",
        );
        let paths = [&queue_directory, &data, &log, &place.path().to_owned()];
        let main_cf = main_cf(name, paths, relay);
        fs::write(config_directory.join("main.cf"), main_cf).unwrap();
        make_old(&config_directory.join("main.cf"));
        let master_cf = master_cf(smtp, plain_smtp, holding_smtp);
        fs::write(config_directory.join("master.cf"), master_cf).unwrap();
        let program = Program::new(&format!("{name}-master"), "/bin/sh")
            .arguments(["-c", GUARDIAN, "guardian", MASTER, "-d", "-c"])
            .arguments([&config_directory]);
        let postfix = Self {
            config_directory,
            queue_directory,
            smtp,
            plain_smtp,
            holding_smtp,
            log,
            program,
            tools: tools.clone(),
            child: Mutex::default(),
        };
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

    /// Sets parameters of main.cf, such as `maximal_queue_lifetime=1h`, and has them read.
    pub async fn set(&self, parameters: &[&str]) {
        self.command("postconf")
            .arguments(["-e"])
            .arguments(parameters)
            .run(b"")
            .await;
        make_old(&self.config_directory.join("main.cf"));
        self.reload();
    }

    /// Has it read its settings again, as `postfix reload` does.
    pub fn reload(&self) {
        let child = self.child.lock().unwrap();
        child.as_ref().unwrap().signal(Signal::SIGHUP);
    }

    /// One of its commands, such as `postsuper`, as root.
    pub fn command(&self, name: &str) -> Program {
        Program::new(name, Path::new(COMMANDS).join(name))
            .arguments([Path::new("-c"), &self.config_directory])
    }

    /// Submits a message as a local program does.
    pub async fn sendmail(&self, sender: &str, recipients: &[&str], content: &[u8]) {
        Program::new("sendmail", SENDMAIL)
            .arguments([Path::new("-C"), &self.config_directory])
            .arguments(["-i", "-f", sender, "--"])
            .arguments(recipients)
            .run(content)
            .await;
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

    /// Its log, as far as it is written.
    pub fn log(&self) -> PostfixLog {
        PostfixLog::new(&self.log)
    }

    /// The path of its log.
    pub fn log_path(&self) -> &Path {
        &self.log
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

/// All Postfix programs wait until a file of settings is two seconds old, lest they read half of it
/// (`dict_load_file_xt` in `src/util/dict.c`).
fn make_old(file: &Path) {
    let past = SystemTime::now() - Duration::from_secs(60);
    File::options()
        .append(true)
        .open(file)
        .unwrap()
        .set_modified(past)
        .unwrap();
}

/// What `postfix start` would make (`post-install create-missing`), without its shell scripts.
fn queue_directory(tools: &Tools, name: &str) -> PathBuf {
    let owner = User::named("postfix");
    let dropping = User {
        gid: User::postdrop_gid(),
        ..owner
    };
    let queue_directory = tools
        .place
        .directory(&format!("{name}/queue"), User::ROOT, 0o755);
    let make = |name: &str, owner, mode| {
        let path = queue_directory.join(name);
        fs::create_dir(&path).unwrap();
        place::give(&path, owner, mode);
    };
    for queue in QUEUES {
        make(queue, owner, 0o700);
    }
    make("maildrop", dropping, 0o1730);
    make("public", dropping, 0o2710);
    make("pid", User::ROOT, 0o755);
    // Debian's start-up script copies these into the chroot.
    make("etc", User::ROOT, 0o755);
    for file in [
        "hosts",
        "localtime",
        "nsswitch.conf",
        "resolv.conf",
        "services",
    ] {
        fs::copy(
            Path::new("/etc").join(file),
            queue_directory.join("etc").join(file),
        )
        .ok();
    }
    // The milter's sockets: made by the milter, reached by Postfix through its group.
    make(SOCKETS, User::milter(), 0o2750);
    queue_directory
}

fn main_cf(name: &str, paths: [&PathBuf; 4], relay: SocketAddr) -> String {
    let [queue, data, log, lab] = paths.map(|path| path.display());
    let limits = "default_action=tempfail, connect_timeout=5s, command_timeout=10s, \
                  content_timeout=60s";
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {queue}\n\
         data_directory = {data}\n\
         maillog_file = {log}\n\
         maillog_file_prefixes = /var, /dev/stdout, {lab}\n\
         syslog_name = {name}\n\
         multi_instance_name = {name}\n\
         enable_long_queue_ids = yes\n\
         message_size_limit = 67108864\n\
         mailbox_size_limit = 0\n\
         # 1: a mail host of this house, whose domain is served elsewhere: by the sink.\n\
         myhostname = mail.corp.test\n\
         myorigin = corp.test\n\
         mydestination =\n\
         relayhost = [{}]:{}\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_relay_restrictions = permit_mynetworks, reject\n\
         # 2: nothing outside this machine, no names asked for.\n\
         inet_interfaces = loopback-only\n\
         inet_protocols = ipv4\n\
         smtp_dns_support_level = disabled\n\
         smtp_host_lookup = native\n\
         smtpd_peername_lookup = no\n\
         smtpd_tls_security_level = none\n\
         alias_maps =\n\
         alias_database =\n\
         biff = no\n\
         notify_classes =\n\
         # 3: many tests at once from one address; a login without a password (XCLIENT).\n\
         smtpd_authorized_xclient_hosts = 127.0.0.0/8\n\
         smtpd_client_connection_count_limit = 0\n\
         smtpd_error_sleep_time = 0\n\
         smtpd_soft_error_limit = 1000\n\
         smtpd_hard_error_limit = 1000\n\
         in_flow_delay = 0\n\
         # 4: the milters.\n\
         smtpd_milters = {{ unix:{SOCKETS}/smtp.sock, {limits} }}\n\
         non_smtpd_milters = {{ unix:{SOCKETS}/local.sock, {limits} }}\n",
        relay.ip(),
        relay.port(),
    )
}

/// Debian's services with smtpd on the lab's ports.
fn master_cf(smtp: SocketAddr, plain: SocketAddr, holding: SocketAddr) -> String {
    let debian = fs::read_to_string(MASTER_CF).expect("Postfix is installed");
    let mut text = String::new();
    for line in debian.lines() {
        let mut words = line.split_whitespace();
        let is_smtp = (words.next(), words.next()) == (Some("smtp"), Some("inet"));
        if is_smtp {
            text.push_str(&line.replacen("smtp ", &format!("{smtp} "), 1));
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text.push_str(&format!(
        "{plain} inet n - y - - smtpd\n  -o smtpd_milters=\n\
         {holding} inet n - y - - smtpd\n  -o smtpd_milters=\n  \
         -o smtpd_client_restrictions=static:hold\n"
    ));
    text
}
