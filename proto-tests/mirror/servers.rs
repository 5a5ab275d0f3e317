//! The mirror goes the ways of the look-ups: several servers, TLS, and flags that end.

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use libtest_mimic::Trial;
use mailhold::{
    directory::ldap::{Bind, StartTls, tls::Tls},
    domain::person::FlagReading,
};

use super::house::{BOUND, Sessions, database_lines, mirror, settings, slapd};
use crate::{
    directory::asking::{reading, sender, url},
    lab::{
        Lab,
        certificates::{Authority, Validity},
        eventually::eventually,
        slapd::{PEOPLE, Setup, Slapd},
        user::User,
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const BEN: &str = "<ben@corp.test>";
const KNOWN: Option<FlagReading> = Some(FlagReading::Known);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        another_server_is_followed_from_the_beginning,
        a_mirror_is_protected_as_look_ups_are,
        a_flag_ends_in_memory_when_its_time_has_come,
    ]
}

async fn another_server_is_followed_from_the_beginning(lab: &Lab) {
    // Each slapd has a password of its own for the service, so both let anybody read.
    let setup = Setup {
        global: "moduleload syncprov\naccess to * by * read\n".to_owned(),
        database: database_lines(Sessions::Logged),
        ..Setup::default()
    };
    let first = Slapd::start_setup(&lab.tools, "mirror-first", &setup).await;
    let second = Slapd::start_setup(&lab.tools, "mirror-second", &setup).await;
    first.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    second.add_person("ben", &["ben@corp.test"], &["Y"]).await;
    let mut settings = settings(&first);
    settings.servers.push(url(&second.url()));
    settings.bind = Bind::Anonymous;
    let house = mirror(settings).await;
    house.is_like(&first).await;
    first.kill();
    house.is_like(&second).await;
    assert_eq!(house.n_refreshes("resumed"), 0);
    second.set_flags("ben", &["N"]).await;
    house.is_like(&second).await;
}

async fn a_mirror_is_protected_as_look_ups_are(lab: &Lab) {
    let authority = Authority::make_called(&lab.tools, "authority of the mirror").await;
    let owner = User::named("openldap");
    let names = "DNS:localhost,IP:127.0.0.1";
    let certificate = authority
        .sign("/CN=slapd", names, owner, Validity::Now)
        .await;
    let setup = Setup {
        global: "moduleload syncprov\n".to_owned(),
        database: database_lines(Sessions::Logged),
        certificate: Some(certificate),
    };
    let slapd = Slapd::start_setup(&lab.tools, "mirror-tls", &setup).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let mut settings = settings(&slapd);
    settings.starttls = StartTls::Required;
    settings.tls = Some(Tls::new(Some(&authority.file), None).unwrap());
    let house = mirror(settings).await;
    slapd.set_flags("anna", &["N"]).await;
    house.is_like(&slapd).await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, None);
}

/// Nothing changes in the directory.
async fn a_flag_ends_in_memory_when_its_time_has_come(lab: &Lab) {
    let slapd = slapd(lab, "mirror-until", Sessions::Logged).await;
    let end = Utc::now() + Duration::from_secs(4);
    for (name, end) in [("anna", end), ("ben", end + Duration::from_secs(3_600))] {
        slapd
            .add_person(name, &[&format!("{name}@corp.test")], &["Y"])
            .await;
        slapd
            .modify(&format!(
                "dn: uid={name},{PEOPLE}\nchangetype: modify\nadd: mailMonitorUntil\n\
                 mailMonitorUntil: {}\n",
                end.format("%Y%m%d%H%M%SZ")
            ))
            .await;
    }
    let mut settings = settings(&slapd);
    settings.marks.until = Some("mailMonitorUntil".to_owned());
    let house = mirror(settings).await;
    slapd.freeze().await;
    eventually("anna's flag has ended", BOUND, async || {
        match reading(&house.mirror, &sender(ANNA)).await {
            None => Ok(()),
            read => Err(read),
        }
    })
    .await;
    assert!(Utc::now() >= end - Duration::from_secs(1));
    assert_eq!(reading(&house.mirror, &sender(BEN)).await, KNOWN);
    slapd.thaw();
}
