//! The directory: gone, silent, with a wrong certificate, and with a mirror that lost it.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;

use super::{
    milter::Milter,
    signs::{Course, green, ready, red},
};
use crate::{
    lab::{
        Lab,
        certificates::{Authority, Validity},
        settings::Settings,
        slapd::{PEOPLE, SERVICE, Setup, Slapd},
        user::User,
    },
    mirror::house::{self, Sessions},
    trials::{Trials, tests},
};

const KIND: &str = "directory_unreachable";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_directory_that_stops_or_stands_still_is_seen_by_an_idle_milter,
        a_directory_with_a_certificate_of_somebody_else_is_seen_by_an_idle_milter,
        a_mirror_that_lost_its_server_is_alarmed_while_memory_answers,
    ]
}

fn ask(settings: &mut Settings, slapd: &Slapd) {
    let password = slapd.service_password.display().to_string();
    settings
        .set("directory.backend", "ldap")
        .set("directory.ldap.urls", vec![slapd.url()])
        .set("directory.ldap.base", PEOPLE)
        .set("directory.ldap.bind_dn", SERVICE)
        .set("directory.ldap.bind_password_file", password);
}

async fn a_directory_that_stops_or_stands_still_is_seen_by_an_idle_milter(lab: &Lab) {
    let slapd = Slapd::start_with(&lab.tools, "visible-slapd", "").await;
    let milter = Milter::start(lab, |settings| ask(settings, &slapd)).await;
    slapd.freeze().await;
    red(&milter.role, KIND, Course::InTheWay).await;
    slapd.thaw();
    green(&milter.role, KIND).await;
    slapd.kill();
    red(&milter.role, KIND, Course::InTheWay).await;
    slapd.start_again().await;
    green(&milter.role, KIND).await;
}

async fn a_directory_with_a_certificate_of_somebody_else_is_seen_by_an_idle_milter(lab: &Lab) {
    let authorities = [
        Authority::make(&lab.tools).await,
        Authority::make(&lab.tools).await,
    ];
    let (owner, names) = (User::named("openldap"), "DNS:localhost,IP:127.0.0.1");
    let [good, odd] = [
        authorities[0]
            .sign("/CN=slapd", names, owner, Validity::Now)
            .await,
        authorities[1]
            .sign("/CN=slapd", names, owner, Validity::Now)
            .await,
    ];
    let setup = Setup {
        certificate: Some(good.clone()),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "visible-slapd-tls", &setup).await;
    let milter = Milter::start(lab, |settings| {
        ask(settings, &slapd);
        let ca_file = authorities[0].file.display().to_string();
        settings
            .set("directory.ldap.starttls", "required")
            .set("directory.ldap.ca_file", ca_file);
    })
    .await;
    let (file, key) = (fs::read(&good.file).unwrap(), fs::read(&good.key).unwrap());
    slapd.kill();
    fs::write(&good.file, fs::read(&odd.file).unwrap()).unwrap();
    fs::write(&good.key, fs::read(&odd.key).unwrap()).unwrap();
    slapd.start_again().await;
    let detail = red(&milter.role, KIND, Course::InTheWay).await;
    // While it was away, that was said.
    crate::lab::eventually::eventually("it is the certificate", super::signs::RED, async || {
        let told = milter.role.get("/alarms").await;
        match &told {
            Some((_, body)) if body.contains("no protected connection") => Ok(()),
            _ => Err((told, detail.clone())),
        }
    })
    .await;
    slapd.kill();
    fs::write(&good.file, file).unwrap();
    fs::write(&good.key, key).unwrap();
    slapd.start_again().await;
    green(&milter.role, KIND).await;
}

async fn a_mirror_that_lost_its_server_is_alarmed_while_memory_answers(lab: &Lab) {
    let slapd = house::slapd(lab, "visible-mirrored", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let milter = Milter::start(lab, |settings| {
        ask(settings, &slapd);
        settings.set("directory.ldap.mirror", "on");
    })
    .await;
    milter
        .role
        .event_with(&["mirror.ready"], super::signs::RED)
        .await;
    slapd.freeze().await;
    red(&milter.role, "mirror_lost", Course::Aside).await;
    milter.hold().await;
    ready(&milter.role).await;
    slapd.thaw();
    green(&milter.role, "mirror_lost").await;
    slapd.kill();
    red(&milter.role, "mirror_lost", Course::Aside).await;
    slapd.start_again().await;
    green(&milter.role, "mirror_lost").await;
}
