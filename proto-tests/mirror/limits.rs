//! A server that gives no mirror, or only a part of one: the people are looked up then.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;
use mailhold::{
    directory::{self, filter::FilterTemplate, ldap::Membership, mirror::Wanted},
    domain::{
        folding::Folding,
        person::{FlagReading, Group},
    },
    telemetry::{AlarmKind, Alarms, Metrics},
};

use super::house::{BOUND, Mirrored, Sessions, database_lines, follow, mirror, settings, slapd};
use crate::{
    directory::asking::{connections_to, reading, sender},
    lab::{
        Lab,
        eventually::eventually,
        slapd::{ADMIN, PEOPLE, SERVICE, SUFFIX, Setup, Slapd},
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const KNOWN: Option<FlagReading> = Some(FlagReading::Known);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_size_limit_is_alarmed_with_its_cure,
        a_server_without_synchronisation_is_asked,
        a_name_that_may_not_be_read_is_alarmed,
        a_flag_that_may_not_be_read_is_alarmed,
        a_name_under_another_name_is_alarmed,
        a_branch_that_lies_elsewhere_is_alarmed,
        filters_that_only_a_server_can_answer_make_no_mirror,
        groups_are_looked_up,
        a_mirror_that_is_off_makes_no_connection,
        the_shipped_lines_make_a_mirror,
        a_name_that_is_not_ascii_is_asked_of_the_server,
    ]
}

/// Waits for the alarm, whose detail has this text.
async fn alarmed(house: &Mirrored, text: &str) {
    let detail = eventually("the alarm mirror_lost", BOUND, async || {
        house.alarms.detail(AlarmKind::MirrorLost).ok_or(())
    })
    .await;
    assert!(detail.contains(text), "{detail}");
    assert!(house.mirror.entries().is_none());
}

async fn with_anna(lab: &Lab, name: &str, more: Setup) -> Slapd {
    let slapd = Slapd::start_setup(&lab.tools, name, &more).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    slapd
}

async fn a_size_limit_is_alarmed_with_its_cure(lab: &Lab) {
    let more = Setup {
        global: "moduleload syncprov\nsizelimit 1\n".to_owned(),
        database: "overlay syncprov\n".to_owned(),
        ..Setup::default()
    };
    let slapd = with_anna(lab, "mirror-stingy", more).await;
    slapd.add_person("ben", &["ben@corp.test"], &["N"]).await;
    let house = follow(settings(&slapd));
    alarmed(
        &house,
        &format!("`limits dn.exact=\"{SERVICE}\" size=unlimited"),
    )
    .await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
}

async fn a_server_without_synchronisation_is_asked(lab: &Lab) {
    let slapd = with_anna(lab, "mirror-none", Setup::default()).await;
    let house = follow(settings(&slapd));
    alarmed(&house, "RFC 4533").await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    let mut settings = settings(&slapd);
    settings.mirror.wanted = Wanted::Auto;
    let house = follow(settings);
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    eventually("the mirror's connection is gone", BOUND, async || {
        // Two pools, of one connection each.
        let n_open = connections_to(slapd.address).len();
        (n_open <= 4).then_some(()).ok_or(n_open)
    })
    .await;
    assert_eq!(house.alarms.detail(AlarmKind::MirrorLost), None);
}

/// Who may search by an address may look a person up; a mirror needs to read it.
async fn a_name_that_may_not_be_read_is_alarmed(lab: &Lab) {
    let rule = format!(
        "moduleload syncprov\naccess to attrs=mail by dn.exact=\"{SERVICE}\" search by * none\n"
    );
    let more = Setup {
        global: rule,
        database: database_lines(Sessions::Logged),
        ..Setup::default()
    };
    let slapd = with_anna(lab, "mirror-unread", more).await;
    let house = follow(settings(&slapd));
    alarmed(&house, "\"mail\" but not read it").await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
}

async fn a_flag_that_may_not_be_read_is_alarmed(lab: &Lab) {
    let rule = format!(
        "moduleload syncprov\n\
         access to attrs=IsMailMonitor by dn.exact=\"{SERVICE}\" search by * none\n"
    );
    let more = Setup {
        global: rule,
        database: database_lines(Sessions::Logged),
        ..Setup::default()
    };
    let slapd = with_anna(lab, "mirror-hidden", more).await;
    alarmed(
        &follow(settings(&slapd)),
        "\"IsMailMonitor\" by which it was found",
    )
    .await;
}

/// slapd answers `rfc822Mailbox` with `mail`.
async fn a_name_under_another_name_is_alarmed(lab: &Lab) {
    let slapd = slapd(lab, "mirror-alias", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let mut settings = settings(&slapd);
    settings.filter = FilterTemplate::new("(rfc822Mailbox={address})", "{address}").unwrap();
    settings.login_filter = None;
    let house = follow(settings);
    alarmed(&house, "write the server's name in the filters").await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
}

async fn a_branch_that_lies_elsewhere_is_alarmed(lab: &Lab) {
    let slapd = slapd(lab, "mirror-split", Sessions::Logged).await;
    slapd
        .modify(&format!(
            "dn: ou=away,ou=people,{SUFFIX}\nchangetype: add\nobjectClass: referral\n\
             objectClass: extensibleObject\nou: away\n\
             ref: ldap://192.0.2.1/ou=away,{SUFFIX}\n"
        ))
        .await;
    alarmed(&follow(settings(&slapd)), "referral").await;
}

async fn filters_that_only_a_server_can_answer_make_no_mirror(lab: &Lab) {
    let slapd = slapd(lab, "mirror-filters", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let mut settings = settings(&slapd);
    settings.filter =
        FilterTemplate::new("(mail:caseIgnoreIA5Match:={address})", "{address}").unwrap();
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let settings = directory::Settings::Ldap(Box::new(settings));
    let directory = directory::open_mirrored(&settings, Folding::default(), &metrics, &alarms);
    let directory = directory.unwrap();
    assert_eq!(reading(&*directory, &sender(ANNA)).await, KNOWN);
    assert_eq!(
        connections_to(slapd.address).len(),
        1,
        "the look-up's alone"
    );
}

/// A member of a group changes without a change of the own entry.
async fn groups_are_looked_up(lab: &Lab) {
    let slapd = slapd(lab, "mirror-groups", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &[]).await;
    let group = format!("cn=monitored,{SUFFIX}");
    let members = |members: &str| {
        format!("dn: {group}\nchangetype: modify\nreplace: member\nmember: {members}\n")
    };
    let (nobody, anna) = (format!("cn=nobody,{SUFFIX}"), format!("uid=anna,{PEOPLE}"));
    let entry = format!(
        "dn: {group}\nchangetype: add\nobjectClass: groupOfNames\ncn: monitored\nmember: {nobody}\n"
    );
    slapd.modify(&entry).await;
    let mut settings = settings(&slapd);
    settings.marks.flag_group = Some(Group::new(&group));
    settings.membership = Membership::OfGroup {
        member: "member".to_owned(),
    };
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let settings = directory::Settings::Ldap(Box::new(settings));
    let directory = directory::open_mirrored(&settings, Folding::default(), &metrics, &alarms);
    let directory = directory.unwrap();
    for (member, wanted) in [(&nobody, None), (&anna, KNOWN), (&nobody, None)] {
        slapd.modify(&members(member)).await;
        assert_eq!(
            reading(&*directory, &sender(ANNA)).await,
            wanted,
            "{member}"
        );
    }
}

async fn a_mirror_that_is_off_makes_no_connection(lab: &Lab) {
    let slapd = slapd(lab, "mirror-off", Sessions::Logged).await;
    let mut settings = settings(&slapd);
    settings.mirror.wanted = Wanted::Off;
    let metrics = Metrics::new();
    let alarms = Alarms::new(metrics.clone());
    let settings = directory::Settings::Ldap(Box::new(settings));
    let directory = directory::open_mirrored(&settings, Folding::default(), &metrics, &alarms);
    let directory = directory.unwrap();
    assert_eq!(reading(&*directory, &sender(ANNA)).await, None);
    assert_eq!(
        connections_to(slapd.address).len(),
        1,
        "the look-up's alone"
    );
}

/// slapd takes the wide letters of this login for plain ones.
async fn a_name_that_is_not_ascii_is_asked_of_the_server(lab: &Lab) {
    let slapd = slapd(lab, "mirror-wide", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let house = mirror(settings(&slapd)).await;
    let wide = crate::directory::asking::login("\u{ff41}nna");
    assert_eq!(reading(&house.mirror, &wide).await, KNOWN);
}

async fn the_shipped_lines_make_a_mirror(lab: &Lab) {
    let more = Setup {
        global: "".to_owned(),
        database: format!("database config\nrootdn \"{ADMIN}\"\n"),
        ..Setup::default()
    };
    let slapd = with_anna(lab, "mirror-shipped", more).await;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/ldap/syncprov.ldif");
    let lines = fs::read_to_string(path).unwrap();
    slapd
        .modify(&lines.replace("cn=mailhold,ou=services,dc=example,dc=com", SERVICE))
        .await;
    mirror(settings(&slapd)).await;
}
