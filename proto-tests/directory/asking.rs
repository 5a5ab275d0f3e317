//! Asks a slapd as the milter does.

use std::{collections::BTreeSet, fs, net::SocketAddr, sync::Arc, time::Duration};

use mailhold::{
    directory::{
        self, Directory, DirectoryError, Settings,
        filter::FilterTemplate,
        ldap::{self, Bind, Membership, StartTls, Tags, url::ServerUrl},
        mirror,
        reading::Marks,
    },
    domain::{
        address::Address,
        folding::Folding,
        identity::Identity,
        person::{Entry, FlagReading, Standing},
    },
};
use tokio::time::Instant;

use crate::lab::{
    Lab,
    slapd::{FLAG, PEOPLE, SERVICE, Slapd},
};

/// More than any answer takes that comes at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of the sample file for this slapd.
pub fn settings(slapd: &Slapd) -> ldap::Settings {
    let filter = |template, place| FilterTemplate::new(template, place).unwrap();
    let password = fs::read_to_string(&slapd.service_password).unwrap();
    ldap::Settings {
        bind: bind(SERVICE, password.trim()),
        filter: filter(
            "(|(mail={address})(mailAlternateAddress={address})(proxyAddresses=smtp:{address}))",
            "{address}",
        ),
        login_filter: Some(filter("(|(uid={login})(mail={login}))", "{login}")),
        ..unbound(slapd.address)
    }
}

/// The settings for a server that asks for no login.
pub fn unbound(address: SocketAddr) -> ldap::Settings {
    let filter = FilterTemplate::new("(mail={address})", "{address}").unwrap();
    ldap::Settings {
        servers: vec![url(&format!("ldap://{address}"))],
        starttls: StartTls::Off,
        tls: None,
        base: PEOPLE.to_owned(),
        bind: Bind::Anonymous,
        filter,
        tags: Tags::Ignore,
        membership: Membership::OfPerson,
        login_filter: None,
        marks: Marks {
            attribute: FLAG.to_owned(),
            ..Marks::default()
        },
        max_connections: 4,
        max_connection_age: Duration::from_secs(600),
        timeout: Duration::from_secs(5),
        mirror: mirror::Settings::default(),
    }
}

/// A name and its password.
pub fn bind(dn: &str, password: &str) -> Bind {
    Bind::Password {
        dn: dn.to_owned(),
        password: password.to_owned().into(),
    }
}

/// The URL of a server.
pub fn url(text: &str) -> ServerUrl {
    text.parse().unwrap()
}

/// A directory with these settings, not connected yet.
pub fn open(settings: ldap::Settings) -> Arc<dyn Directory> {
    directory::open(&Settings::Ldap(Box::new(settings)), Folding::default()).unwrap()
}

/// The lab's directory with the settings of the sample file.
pub fn lab_directory(lab: &Lab) -> Arc<dyn Directory> {
    open(settings(&lab.slapd))
}

/// An envelope sender of any bytes.
pub fn sender(address: impl AsRef<[u8]>) -> Identity {
    Identity::Sender(Address::from_envelope(address.as_ref()).unwrap())
}

/// A login of any bytes.
pub fn login(login: impl AsRef<[u8]>) -> Identity {
    Identity::Login(login.as_ref().to_vec())
}

/// One look-up with all the time it wants.
pub async fn ask(
    directory: &dyn Directory,
    identity: &Identity,
) -> Result<Standing, DirectoryError> {
    directory
        .standing(identity, Instant::now() + PATIENCE)
        .await
}

/// The entry that flags this identity.
///
/// # Panics
/// When it is not flagged, or nobody answers.
pub async fn flagged(directory: &dyn Directory, identity: &Identity) -> Entry {
    let standing = ask(directory, identity).await.unwrap();
    let entry = standing.flagged();
    Entry::clone(entry.unwrap_or_else(|| panic!("{identity} is not flagged: {standing:?}")))
}

/// How the flag of this identity was read; `None` if it is not flagged.
pub async fn reading(directory: &dyn Directory, identity: &Identity) -> Option<FlagReading> {
    let standing = ask(directory, identity).await.unwrap();
    standing.flagged().and_then(|entry| entry.flag.reading())
}

/// The local ports of this machine's connections to a server.
pub fn connections_to(server: SocketAddr) -> Vec<u16> {
    const ESTABLISHED: &str = "01";
    let port = |address: &str| u16::from_str_radix(address.rsplit_once(':')?.1, 16).ok();
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let local = table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (local, remote) = (words.next()?, words.next()?);
        let is_it = port(remote) == Some(server.port()) && words.next()? == ESTABLISHED;
        if is_it { port(local) } else { None }
    });
    // The kernel gives the table in pieces, and a line twice where it changes between two of them.
    local.collect::<BTreeSet<u16>>().into_iter().collect()
}
