//! The files of a private Postfix instance: Debian's services, settings for loopback, an empty queue.
//! Never starts anything.

use std::{fs, net::SocketAddr, path::Path};

use super::{
    super::{
        place::{self, Place, make_old},
        user::User,
    },
    Postfix, logins,
};

/// Debian's own, chroot column included.
const MASTER_CF: &str = "/usr/share/postfix/master.cf.dist";
/// Below the queue directory, because smtpd and cleanup are chrooted there.
pub const SOCKETS: &str = "mailhold";
/// Owned by Postfix, mode 0700 (`postfix-files`).
const QUEUES: [&str; 11] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private",
    "saved", "trace",
];

/// Makes the directories and files of an instance.
pub fn make(postfix: &Postfix, place: &Place, relay: SocketAddr) {
    let owner = User::named("postfix");
    let directory = |name: &str, owner, mode| {
        place.directory(&format!("{}/{name}", postfix.name), owner, mode);
    };
    directory("config", User::ROOT, 0o755);
    directory("data", owner, 0o700);
    directory("queue", User::ROOT, 0o755);
    fill_queue(&postfix.queue_directory);
    logins::make(postfix, place);
    // The daemons would make it readable for root alone; a worker that reads it runs as postfix.
    place::write(&postfix.log_path(), owner, 0o644, b"");
    let main = postfix.config_directory.join("main.cf");
    fs::write(&main, main_cf(postfix, place.path(), relay)).unwrap();
    make_old(&main);
    fs::write(
        postfix.config_directory.join("master.cf"),
        master_cf(postfix),
    )
    .unwrap();
}

/// What `postfix start` would make (`post-install create-missing`), without its shell scripts.
fn fill_queue(queue_directory: &Path) {
    let owner = User::named("postfix");
    let dropping = User {
        gid: User::postdrop_gid(),
        ..owner
    };
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
}

fn main_cf(postfix: &Postfix, lab: &Path, relay: SocketAddr) -> String {
    let (name, home, lab) = (&postfix.name, postfix.home.display(), lab.display());
    let limits = "default_action=tempfail, connect_timeout=5s, command_timeout=10s, \
                  content_timeout=60s";
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {home}/queue\n\
         data_directory = {home}/data\n\
         maillog_file = {home}/mail.log\n\
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
         relay_domains = corp.test\n\
         relay_transport = smtp\n\
         fast_flush_domains =\n\
         relayhost = [{}]:{}\n\
         mynetworks = 127.0.0.0/8\n\
         smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, \
         reject_unauth_destination\n\
         cyrus_sasl_config_path = {home}/sasl\n\
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
fn master_cf(postfix: &Postfix) -> String {
    let Postfix {
        name,
        smtp,
        submission,
        plain_smtp: plain,
        holding_smtp: holding,
        ..
    } = postfix;
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
    // The options of Debian's own `submission`, which it ships commented out; TLS is for others.
    text.push_str(&format!(
        "{submission} inet n - y - - smtpd\n  -o syslog_name={name}/submission\n  \
         -o smtpd_sasl_auth_enable=yes\n  -o smtpd_reject_unlisted_recipient=no\n  \
         -o smtpd_client_restrictions=permit_sasl_authenticated,reject\n  \
         -o smtpd_relay_restrictions=permit_sasl_authenticated,reject\n  \
         -o milter_macro_daemon_name=ORIGINATING\n"
    ));
    text.push_str(&format!(
        "{plain} inet n - y - - smtpd\n  -o smtpd_milters=\n\
         {holding} inet n - y - - smtpd\n  -o smtpd_milters=\n  \
         -o smtpd_client_restrictions=static:hold\n"
    ));
    text
}
