//! A private slapd with the shipped schema. Never talks to another directory.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};

use nix::sys::signal::Signal;
use tokio::net::TcpStream;

use super::{
    Tools,
    certificates::Certificate,
    child::{self, Child},
    eventually::eventually,
    ports::free_address,
    program::Program,
    user::User,
};

/// The directory's suffix.
pub const SUFFIX: &str = "dc=corp,dc=test";
/// Where the persons are.
pub const PEOPLE: &str = "ou=people,dc=corp,dc=test";
/// The account of the milter; it may read what a look-up needs.
pub const SERVICE: &str = "cn=mailhold,ou=services,dc=corp,dc=test";
/// The attribute that tells whose mail is reviewed.
pub const FLAG: &str = "IsMailMonitor";

/// Who may do anything.
pub const ADMIN: &str = "cn=admin,dc=corp,dc=test";
const SLAPD: &str = "/usr/sbin/slapd";
const LDAPMODIFY: &str = "/usr/bin/ldapmodify";
const LDAPSEARCH: &str = "/usr/bin/ldapsearch";
const SLAPADD: &str = "/usr/sbin/slapadd";
const SLAPCAT: &str = "/usr/sbin/slapcat";
const START_BOUND: Duration = Duration::from_secs(15);

/// What a slapd has beyond the lab's own.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Settings before the database: modules, schemas, limits.
    pub global: String,
    /// Settings of the database: overlays.
    pub database: String,
    /// Its certificate. With it, it also listens for TLS and takes StartTLS.
    pub certificate: Option<Certificate>,
}

/// A private slapd.
pub struct Slapd {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens for TLS, if it has a certificate.
    pub tls_address: SocketAddr,
    /// Its socket.
    pub socket: PathBuf,
    /// The password file of [`SERVICE`], for the milter alone.
    pub service_password: PathBuf,
    admin_password: PathBuf,
    program: Program,
    home: PathBuf,
    settings: PathBuf,
    first_entries: String,
    tools: Tools,
    child: Mutex<Option<Child>>,
}

impl Slapd {
    /// Starts the lab's, which knows no person yet.
    pub async fn start(tools: &Tools) -> Self {
        Self::start_with(tools, "slapd", "").await
    }

    /// Starts one called `name` with more settings, such as `idletimeout 1\n`.
    pub async fn start_with(tools: &Tools, name: &str, more: &str) -> Self {
        let global = more.to_owned();
        let setup = Setup {
            global,
            ..Setup::default()
        };
        Self::start_setup(tools, name, &setup).await
    }

    /// Starts one called `name` with more of everything.
    pub async fn start_setup(tools: &Tools, name: &str, setup: &Setup) -> Self {
        let (place, owner) = (&tools.place, User::named("openldap"));
        let home = place.directory(name, owner, 0o750);
        let own = |file: &str| format!("{name}/{file}");
        place.directory(&own("db"), owner, 0o700);
        let (admin, _) = place.password(&own("admin.secret"), User::ROOT);
        // ldapmodify takes the whole file as the password, the line end included.
        let admin_password = place.file(&own("admin.password"), User::ROOT, 0o600, &admin);
        let (service, service_password) =
            place.password(&format!("{name}.password"), User::milter());
        let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/config/ldap/mailhold.schema");
        let schema = fs::read(schema).unwrap();
        place.file(&own("mailhold.schema"), User::ROOT, 0o644, schema);
        let settings = settings(&home, &admin, setup);
        let settings = place.file(&own("slapd.conf"), owner, 0o600, settings);
        let (address, tls_address, socket) = (free_address(), free_address(), home.join("ldapi"));
        let mut listeners = format!("ldap://{address}/ {}", socket_url(&socket));
        if setup.certificate.is_some() {
            listeners.push_str(&format!(" ldaps://{tls_address}/"));
        }
        let program = Program::new(name, SLAPD)
            .user(owner)
            .arguments(["-d", "0", "-h", &listeners, "-f"])
            .arguments([&settings]);
        let slapd = Self {
            address,
            tls_address,
            socket,
            service_password,
            admin_password,
            program,
            home,
            settings,
            first_entries: first_entries(&service),
            tools: tools.clone(),
            child: Mutex::default(),
        };
        slapd.seed("").await;
        slapd.start_again().await;
        slapd
    }

    /// Its address as an LDAP URL.
    pub fn url(&self) -> String {
        format!("ldap://{}", self.address)
    }

    /// Its socket as an LDAP URL.
    pub fn socket_url(&self) -> String {
        socket_url(&self.socket)
    }

    /// Stops it as a crash would.
    pub fn kill(&self) {
        self.child.lock().unwrap().take().unwrap().kill();
    }

    /// Makes its database anew, with these entries in LDIF beside the first ones. It must not run.
    pub async fn seed(&self, more: &str) {
        self.restore(&format!("{}\n{more}", self.first_entries))
            .await;
    }

    /// Its whole database as LDIF.
    pub async fn back_up(&self) -> String {
        self.offline(SLAPCAT, &[]).run(b"").await
    }

    /// Makes its database what it was. It must not run.
    pub async fn restore(&self, backup: &str) {
        self.empty();
        self.offline(SLAPADD, &["-q"]).run(backup.as_bytes()).await;
    }

    fn empty(&self) {
        for file in fs::read_dir(self.home.join("db")).unwrap().flatten() {
            fs::remove_file(file.path()).unwrap();
        }
    }

    /// Applies changes in LDIF at another address, where nobody listens to it. It must not run.
    pub async fn modify_unseen(&self, ldif: &str) {
        let address = free_address();
        let program = Program::new("slapd elsewhere", SLAPD)
            .user(User::named("openldap"))
            .arguments(["-d", "0", "-h", &format!("ldap://{address}/"), "-f"])
            .arguments([&self.settings]);
        let child = self.tools.starter.start(&program);
        eventually("slapd answers elsewhere", START_BOUND, async || {
            child.must_run();
            TcpStream::connect(address).await
        })
        .await;
        let program = self.bound(LDAPMODIFY, &format!("ldap://{address}"));
        program.run(ldif.as_bytes()).await;
        child.kill();
    }

    fn offline(&self, path: &str, arguments: &[&str]) -> Program {
        Program::new(path, path)
            .user(User::named("openldap"))
            .arguments(arguments)
            .arguments(["-f".as_ref(), self.settings.as_os_str()])
    }

    /// All entries below a base that match, as LDIF without folded lines.
    pub async fn search(&self, base: &str, filter: &str, attributes: &[&str]) -> String {
        self.ldap_program(LDAPSEARCH)
            .arguments(["-LLL", "-o", "ldif-wrap=no", "-b", base, filter])
            .arguments(attributes)
            .run(b"")
            .await
    }

    /// Starts it on the same port with the same entries.
    pub async fn start_again(&self) {
        let child = self.tools.starter.start(&self.program);
        eventually("slapd answers", START_BOUND, async || {
            child.must_run();
            TcpStream::connect(self.address).await
        })
        .await;
        *self.child.lock().unwrap() = Some(child);
    }

    /// It keeps its connections and answers nothing until it is thawed.
    pub async fn freeze(&self) {
        let id = self.child.lock().unwrap().as_ref().unwrap().id();
        child::freeze(id).await;
    }

    /// It goes on where it was frozen.
    pub fn thaw(&self) {
        self.child
            .lock()
            .unwrap()
            .as_ref()
            .unwrap()
            .signal(Signal::SIGCONT);
    }

    /// Adds a person with `login` and addresses; `flags` are the values of [`FLAG`].
    pub async fn add_person(&self, login: &str, addresses: &[&str], flags: &[&str]) {
        let mut entry = format!(
            "dn: uid={login},{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\n\
             objectClass: mailholdPerson\nuid: {login}\ncn: {login}\nsn: {login}\n"
        );
        for (at, address) in addresses.iter().enumerate() {
            let attribute = if at == 0 {
                "mail"
            } else {
                "mailAlternateAddress"
            };
            entry.push_str(&format!("{attribute}: {address}\n"));
        }
        entry.extend(flags.iter().map(|flag| format!("{FLAG}: {flag}\n")));
        self.modify(&entry).await;
    }

    /// Replaces all values of a person's flag; none removes the attribute.
    pub async fn set_flags(&self, login: &str, flags: &[&str]) {
        self.modify(&flag_change(login, flags)).await;
    }

    /// The same while the server may die; whether it has taken the change.
    pub async fn try_set_flags(&self, login: &str, flags: &[&str]) -> bool {
        let change = flag_change(login, flags);
        let program = self.ldap_program(LDAPMODIFY);
        program.output(change.as_bytes()).await.status.success()
    }

    /// Applies changes in LDIF with the administrator's rights.
    pub async fn modify(&self, ldif: &str) {
        self.ldap_program(LDAPMODIFY).run(ldif.as_bytes()).await;
    }

    /// As [`Slapd::modify`], going on after what cannot be changed; the server may die meanwhile.
    pub async fn change_what_can_be(&self, ldif: &str) {
        let program = self.ldap_program(LDAPMODIFY).arguments(["-c"]);
        program.output(ldif.as_bytes()).await;
    }

    /// URL, name and password file of the administrator, for a person at a terminal.
    pub fn administrator(&self) -> (String, &'static str, &Path) {
        (self.url(), ADMIN, &self.admin_password)
    }

    /// One of the `ldap-utils`, bound as the administrator.
    pub fn ldap_program(&self, path: &str) -> Program {
        self.bound(path, &self.url())
    }

    fn bound(&self, path: &str, url: &str) -> Program {
        Program::new(path, path)
            .arguments(["-x", "-H", url, "-D", ADMIN, "-y"])
            .arguments([&self.admin_password])
    }
}

fn flag_change(login: &str, flags: &[&str]) -> String {
    let mut change = format!("dn: uid={login},{PEOPLE}\nchangetype: modify\nreplace: {FLAG}\n");
    change.extend(flags.iter().map(|flag| format!("{FLAG}: {flag}\n")));
    change
}

/// Debian's schemas, ours, and rights as a real house would give them.
fn settings(home: &Path, admin_password: &str, setup: &Setup) -> String {
    let home = home.display();
    let Setup {
        global, database, ..
    } = setup;
    let tls = setup.certificate.as_ref().map(|certificate| {
        let Certificate { ca, file, key } = certificate;
        let (ca, file, key) = (ca.display(), file.display(), key.display());
        format!(
            "TLSCACertificateFile {ca}\nTLSCertificateFile {file}\nTLSCertificateKeyFile {key}\n"
        )
    });
    let tls = tls.unwrap_or_default();
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         include {home}/mailhold.schema\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         threads 4\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         {tls}{global}\
         access to * by dn.exact=\"{SERVICE}\" read by * none\n\
         database mdb\n\
         maxsize 67108864\n\
         dbnosync\n\
         suffix \"{SUFFIX}\"\n\
         rootdn \"{ADMIN}\"\n\
         rootpw {admin_password}\n\
         directory {home}/db\n\
         index objectClass,uid,mail,mailAlternateAddress,{FLAG} eq\n\
         {database}"
    )
}

fn socket_url(socket: &Path) -> String {
    format!("ldapi://{}", socket.to_str().unwrap().replace('/', "%2F"))
}

fn first_entries(service_password: &str) -> String {
    format!(
        "dn: {SUFFIX}\nobjectClass: domain\ndc: corp\n\n\
         dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=services,{SUFFIX}\nobjectClass: organizationalUnit\nou: services\n\n\
         dn: {SERVICE}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\n\
         cn: mailhold\nuserPassword: {service_password}\n"
    )
}
