//! TLS towards a real slapd: what is believed, and what is said of what is not.

use std::{fs, path::Path, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    config::{ConfigFile, roles},
    directory::{
        self, DirectoryError,
        ldap::{self, StartTls, tls::Tls},
    },
    telemetry::chain::Chain,
};
use tokio::{sync::OnceCell, time::Instant};

use super::asking::{ask, connections_to, flagged, open, sender, settings, url};
use crate::{
    lab::{
        Lab,
        certificates::{Authority, Validity},
        eventually::eventually_true,
        settings::Settings,
        slapd::{PEOPLE, SERVICE, Setup, Slapd},
        user::User,
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const AUTHORITY: &str = "authority of the lab";
const TIMEOUT: Duration = Duration::from_millis(400);
/// How late an answer may be on a busy machine.
const GRACE: Duration = Duration::from_millis(1_500);
const BOUND: Duration = Duration::from_secs(15);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        ldaps_works_by_name_and_by_address,
        the_settings_of_a_file_lead_to_a_protected_server,
        starttls_works_by_name_and_by_address,
        a_password_goes_through_tls,
        a_certificate_of_an_unknown_authority_is_an_error,
        a_certificate_for_another_name_is_an_error,
        a_certificate_that_has_expired_is_an_error,
        a_server_without_starttls_is_an_error,
        a_server_that_does_not_speak_tls_is_an_error,
        a_server_that_wants_our_certificate_is_an_error_without_one,
        a_server_that_stands_still_is_an_error_in_time,
    ]
}

/// How a server is reached.
#[derive(Clone, Copy)]
enum By {
    Ldaps,
    StartTls,
}

/// A slapd with a certificate for `localhost` and `127.0.0.1`; it knows anna, who is flagged.
async fn protected(lab: &Lab) -> &'static (Authority, Slapd) {
    static SLAPD: OnceCell<(Authority, Slapd)> = OnceCell::const_new();
    let start = || {
        start(
            lab,
            "slapd-tls",
            "DNS:localhost,IP:127.0.0.1",
            Validity::Now,
        )
    };
    SLAPD.get_or_init(start).await
}

async fn start(lab: &Lab, name: &str, names: &str, validity: Validity) -> (Authority, Slapd) {
    let authority = Authority::make_called(&lab.tools, AUTHORITY).await;
    let owner = User::named("openldap");
    let certificate = authority.sign("/CN=slapd", names, owner, validity).await;
    let setup = Setup {
        certificate: Some(certificate),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, name, &setup).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    (authority, slapd)
}

/// Reaches a slapd by a host's name or address, and believes one authority.
fn reaching(slapd: &Slapd, by: By, host: &str, ca_file: &Path) -> ldap::Settings {
    let tls = Tls::new(Some(ca_file), None).unwrap();
    let (server, starttls) = match by {
        By::Ldaps => {
            let port = slapd.tls_address.port();
            (format!("ldaps://{host}:{port}"), StartTls::Off)
        }
        By::StartTls => {
            let port = slapd.address.port();
            (format!("ldap://{host}:{port}"), StartTls::Required)
        }
    };
    ldap::Settings {
        servers: vec![url(&server)],
        starttls,
        tls: Some(tls),
        ..settings(slapd)
    }
}

/// What is told of a connection that must not be.
async fn refused(settings: ldap::Settings) -> String {
    let error = ask(&*open(settings), &sender(ANNA)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Tls { .. }), "{error:?}");
    assert!(!error.is_transient(), "{error:?}");
    Chain(&error).to_string()
}

async fn ldaps_works_by_name_and_by_address(lab: &Lab) {
    let (authority, slapd) = protected(lab).await;
    for host in ["localhost", "127.0.0.1"] {
        let settings = reaching(slapd, By::Ldaps, host, &authority.file);
        flagged(&*open(settings), &sender(ANNA)).await;
    }
}

async fn the_settings_of_a_file_lead_to_a_protected_server(lab: &Lab) {
    let (authority, slapd) = protected(lab).await;
    let password = slapd.service_password.display().to_string();
    let ca_file = authority.file.display().to_string();
    let mut settings = Settings::sample();
    settings
        .set("directory.ldap.base", PEOPLE)
        .set("directory.ldap.bind_dn", SERVICE)
        .set("directory.ldap.bind_password_file", password)
        .set("directory.ldap.ca_file", ca_file)
        .set("directory.ldap.starttls", "required")
        .set("directory.ldap.until_attribute", "mailMonitorUntil")
        .set("directory.ldap.tags_in_directory", "search");
    let (bare, tls) = (slapd.address.port(), slapd.tls_address.port());
    for url in [
        format!("ldap://localhost:{bare}"),
        format!("ldaps://localhost:{tls}"),
    ] {
        settings.set("directory.ldap.urls", vec![url]);
        let file = settings.write(&lab.tools.place, "protected.toml");
        let text = fs::read_to_string(file).unwrap();
        let file = ConfigFile::parse("protected.toml", &text).unwrap();
        let config = roles::milter(&file).unwrap();
        let directory = directory::open(&config.directory, config.policy.folding).unwrap();
        flagged(&*directory, &sender(ANNA)).await;
    }
}

async fn starttls_works_by_name_and_by_address(lab: &Lab) {
    let (authority, slapd) = protected(lab).await;
    for host in ["localhost", "127.0.0.1"] {
        let settings = reaching(slapd, By::StartTls, host, &authority.file);
        flagged(&*open(settings), &sender(ANNA)).await;
    }
}

/// slapd takes no password here unless the connection is protected.
async fn a_password_goes_through_tls(lab: &Lab) {
    let authority = Authority::make(&lab.tools).await;
    let owner = User::named("openldap");
    let names = "DNS:localhost";
    let certificate = authority.sign("/CN=slapd", names, owner, Validity::Now);
    let setup = Setup {
        certificate: Some(certificate.await),
        global: "security simple_bind=128\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slapd-strict", &setup).await;
    let bare = ask(&*open(settings(&slapd)), &sender(ANNA)).await;
    assert!(matches!(bare, Err(DirectoryError::Bind { .. })), "{bare:?}");
    for by in [By::Ldaps, By::StartTls] {
        let settings = reaching(&slapd, by, "localhost", &authority.file);
        ask(&*open(settings), &sender(ANNA)).await.unwrap();
    }
}

async fn a_certificate_of_an_unknown_authority_is_an_error(lab: &Lab) {
    let (_, slapd) = protected(lab).await;
    let other = Authority::make(&lab.tools).await;
    let namesake = Authority::make_called(&lab.tools, AUTHORITY).await;
    for by in [By::Ldaps, By::StartTls] {
        for authority in [&other, &namesake] {
            let told = refused(reaching(slapd, by, "localhost", &authority.file)).await;
            assert!(told.contains("no authority that we believe"), "{told}");
        }
    }
}

async fn a_certificate_for_another_name_is_an_error(lab: &Lab) {
    let (authority, slapd) = start(
        lab,
        "slapd-other",
        "DNS:ldap.example.com,IP:192.0.2.1",
        Validity::Now,
    )
    .await;
    for by in [By::Ldaps, By::StartTls] {
        for host in ["localhost", "127.0.0.1"] {
            let told = refused(reaching(&slapd, by, host, &authority.file)).await;
            assert!(told.contains("is for another name"), "{told}");
        }
    }
}

async fn a_certificate_that_has_expired_is_an_error(lab: &Lab) {
    let (authority, slapd) = start(lab, "slapd-old", "DNS:localhost", Validity::Past).await;
    for by in [By::Ldaps, By::StartTls] {
        let told = refused(reaching(&slapd, by, "localhost", &authority.file)).await;
        assert!(told.contains("has expired"), "{told}");
    }
}

async fn a_server_without_starttls_is_an_error(lab: &Lab) {
    let authority = Authority::make(&lab.tools).await;
    let settings = reaching(&lab.slapd, By::StartTls, "localhost", &authority.file);
    let told = refused(settings).await;
    assert!(told.contains("refuses StartTLS"), "{told}");
}

/// A bare slapd takes the greeting of TLS for a broken request, and hangs up.
async fn a_server_that_does_not_speak_tls_is_an_error(lab: &Lab) {
    let (authority, slapd) = protected(lab).await;
    let port = slapd.address.port();
    let settings = ldap::Settings {
        servers: vec![url(&format!("ldaps://localhost:{port}"))],
        ..reaching(slapd, By::Ldaps, "localhost", &authority.file)
    };
    let told = refused(settings).await;
    assert!(told.contains("TLS"), "{told}");
}

async fn a_server_that_wants_our_certificate_is_an_error_without_one(lab: &Lab) {
    let authority = Authority::make(&lab.tools).await;
    let owner = User::named("openldap");
    let names = "DNS:localhost";
    let certificate = authority.sign("/CN=slapd", names, owner, Validity::Now);
    let setup = Setup {
        certificate: Some(certificate.await),
        global: "TLSVerifyClient demand\n".to_owned(),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slapd-demanding", &setup).await;
    for by in [By::Ldaps, By::StartTls] {
        let settings = reaching(&slapd, by, "localhost", &authority.file);
        let error = ask(&*open(settings), &sender(ANNA)).await.unwrap_err();
        // Debian's slapd hangs up; others say why.
        let told = Chain(&error).to_string();
        assert!(told.contains("TLS"), "{told}");
    }
}

/// Neither the answer to StartTLS nor the greeting of TLS comes.
async fn a_server_that_stands_still_is_an_error_in_time(lab: &Lab) {
    let names = "DNS:localhost";
    let (authority, slapd) = start(lab, "slapd-still", names, Validity::Now).await;
    slapd.freeze().await;
    for by in [By::Ldaps, By::StartTls] {
        let settings = ldap::Settings {
            timeout: TIMEOUT,
            ..reaching(&slapd, by, "localhost", &authority.file)
        };
        let begin = Instant::now();
        let error = ask(&*open(settings), &sender(ANNA)).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        assert!(begin.elapsed() < TIMEOUT + GRACE, "{:?}", begin.elapsed());
    }
    eventually_true("no connection is left", BOUND, async || {
        connections_to(slapd.address).is_empty()
    })
    .await;
    slapd.thaw();
}
