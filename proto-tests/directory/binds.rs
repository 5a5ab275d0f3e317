//! Who the milter is for slapd, without a password: its Unix user, or its certificate.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::directory::{
    DirectoryError,
    ldap::{
        self, Bind,
        tls::{Client, Tls},
    },
};

use super::asking::{ask, flagged, open, sender, settings, url};
use crate::{
    lab::{
        Lab,
        certificates::{Authority, Certificate, Validity},
        slapd::{SERVICE, Setup, Slapd},
        user::User,
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        our_unix_user_is_known_over_the_socket,
        our_certificate_is_known_over_tls,
        a_connection_that_shows_nobody_is_an_error,
    ]
}

async fn our_unix_user_is_known_over_the_socket(lab: &Lab) {
    // The tests run as root.
    let known = format!(
        "authz-regexp \"gidNumber=0\\\\+uidNumber=0,cn=peercred,cn=external,cn=auth\" \"{SERVICE}\"\n"
    );
    let slapd = Slapd::start_with(&lab.tools, "slapd-socket", &known).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    flagged(&*open(over_socket(&slapd)), &sender(ANNA)).await;
    // One that nobody is called: slapd lets it in as a stranger, who may not read here.
    let unknown = over_socket(&lab.slapd);
    ask(&*open(unknown), &sender(ANNA)).await.unwrap_err();
}

fn over_socket(slapd: &Slapd) -> ldap::Settings {
    ldap::Settings {
        servers: vec![url(&slapd.socket_url())],
        bind: Bind::External,
        ..settings(slapd)
    }
}

async fn our_certificate_is_known_over_tls(lab: &Lab) {
    let authority = Authority::make(&lab.tools).await;
    let sign = |subject, names, owner| authority.sign(subject, names, owner, Validity::Now);
    let server = sign("/CN=slapd", "DNS:localhost", User::named("openldap")).await;
    let known = format!("TLSVerifyClient demand\nauthz-regexp \"cn=milter,o=lab\" \"{SERVICE}\"\n");
    let setup = Setup {
        certificate: Some(server),
        global: known,
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "slapd-certified", &setup).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;

    let names = "DNS:milter.corp.test";
    let ours = sign("/O=lab/CN=milter", names, User::ROOT).await;
    flagged(&*open(over_tls(&slapd, &ours)), &sender(ANNA)).await;
    let other = sign("/O=lab/CN=somebody", names, User::ROOT).await;
    let answer = ask(&*open(over_tls(&slapd, &other)), &sender(ANNA)).await;
    answer.unwrap_err();
}

fn over_tls(slapd: &Slapd, ours: &Certificate) -> ldap::Settings {
    let client = Client {
        certificate_file: &ours.file,
        key_file: &ours.key,
    };
    let port = slapd.tls_address.port();
    ldap::Settings {
        servers: vec![url(&format!("ldaps://localhost:{port}"))],
        tls: Some(Tls::new(Some(&ours.ca), Some(client)).unwrap()),
        bind: Bind::External,
        ..settings(slapd)
    }
}

async fn a_connection_that_shows_nobody_is_an_error(lab: &Lab) {
    let settings = ldap::Settings {
        bind: Bind::External,
        ..settings(&lab.slapd)
    };
    let error = ask(&*open(settings), &sender(ANNA)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::Bind { .. }), "{error:?}");
    assert!(error.to_string().contains("SASL EXTERNAL"), "{error}");
}
