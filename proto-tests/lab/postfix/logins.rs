//! The logins of a private Postfix: Cyrus SASL with a database of its own. Never the machine's.

use std::fs;

use tokio::sync::Mutex;

use super::{
    super::{
        place::{self, Place, random_text},
        program::Program,
        user::User,
    },
    Postfix,
};

const SASLPASSWD: &str = "/usr/sbin/saslpasswd2";
/// What a login without an `@` belongs to: Postfix's `myhostname`, while it has no
/// `smtpd_sasl_local_domain`.
const REALM: &str = "mail.corp.test";
/// Read before smtpd goes into its chroot; the database only afterwards.
const SETTINGS: &str = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n\
                        mech_list: PLAIN LOGIN\nsasldb_path: /etc/sasldb2\n";

/// Makes the settings of the library, and no login yet.
pub fn make(postfix: &Postfix, place: &Place) {
    let directory = format!("{}/sasl", postfix.name);
    place.directory(&directory, User::ROOT, 0o755);
    let settings = format!("{directory}/smtpd.conf");
    place.file(&settings, User::ROOT, 0o644, SETTINGS);
}

/// The logins, changed one at a time: the database has no lock of its own.
#[derive(Default)]
pub struct Logins(Mutex<()>);

impl Logins {
    /// Gives a login, or one `@` its realm, a new password. smtpd sees the database as a whole, before or after.
    pub async fn add(&self, postfix: &Postfix, login: &str) -> String {
        let _turn = self.0.lock().await;
        let database = postfix.home.join("sasl/sasldb2");
        let (user, realm) = login.split_once('@').unwrap_or((login, REALM));
        let password = random_text();
        Program::new("saslpasswd2", SASLPASSWD)
            .arguments(["-f".as_ref(), database.as_os_str()])
            .arguments(["-c", "-p", "-u", realm, "--", user])
            .run(password.as_bytes())
            .await;
        let content = fs::read(&database).unwrap();
        let fresh = postfix.queue_directory.join("etc/sasldb2.new");
        place::write(&fresh, User::named("postfix"), 0o400, content);
        fs::rename(&fresh, fresh.with_extension("")).unwrap();
        password
    }
}
