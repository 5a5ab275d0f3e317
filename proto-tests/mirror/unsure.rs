//! What memory cannot be sure of is asked of the server: nobody in it, hidden names, and names that
//! servers compare in their own way.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{directory::Directory, domain::person::FlagReading};
use tokio::time::Instant;

use super::house::{BOUND, Sessions, database_lines, mirror, settings, slapd};
use crate::{
    directory::asking::{PATIENCE, ask, login, reading, sender},
    lab::{
        Lab,
        eventually::eventually,
        slapd::{FLAG, PEOPLE, SERVICE, Setup, Slapd},
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const BEN: &str = "<ben@corp.test>";
const KNOWN: Option<FlagReading> = Some(FlagReading::Known);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_mirror_of_nobody_asks_the_server,
        a_person_whose_names_are_hidden_is_asked_of_the_server,
        a_wide_name_in_the_directory_is_asked_of_the_server,
        a_second_outage_right_after_the_first_is_felt,
    ]
}

/// An account that may see nobody gets an empty mirror.
async fn a_mirror_of_nobody_asks_the_server(lab: &Lab) {
    let slapd = slapd(lab, "mirror-nobody", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &[]).await;
    let house = mirror(settings(&slapd)).await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, None);
    slapd.kill();
    ask(&house.mirror, &sender(ANNA)).await.unwrap_err();
    let deadline = Instant::now() + PATIENCE;
    house.mirror.probe(deadline).await.unwrap_err();
}

async fn a_person_whose_names_are_hidden_is_asked_of_the_server(lab: &Lab) {
    let branch = format!("ou=hidden,{PEOPLE}");
    let more = Setup {
        global: format!(
            "moduleload syncprov\naccess to dn.subtree=\"{branch}\" attrs=mail,uid \
             by dn.exact=\"{SERVICE}\" search by * none\n"
        ),
        database: database_lines(Sessions::Logged),
        ..Setup::default()
    };
    let slapd = Slapd::start_setup(&lab.tools, "mirror-part", &more).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let house = mirror(settings(&slapd)).await;
    let entries = format!(
        "dn: {branch}\nchangetype: add\nobjectClass: organizationalUnit\nou: hidden\n\n\
         dn: cn=ben,{branch}\nchangetype: add\nobjectClass: inetOrgPerson\n\
         objectClass: mailholdPerson\nuid: ben\ncn: ben\nsn: ben\nmail: ben@corp.test\n{FLAG}: Y\n"
    );
    slapd.modify(&entries).await;
    is_told(&house.mirror, 2).await;
    assert_eq!(reading(&house.mirror, &sender(BEN)).await, KNOWN);
    assert_eq!(reading(&house.mirror, &login("ben")).await, KNOWN);
}

async fn is_told(mirror: &mailhold::directory::mirror::Mirror, n_entries: usize) {
    eventually("memory has them", BOUND, async || {
        let n_now = mirror.entries().unwrap_or_default().len();
        (n_now == n_entries).then_some(()).ok_or(n_now)
    })
    .await;
}

/// slapd takes its letters for plain ones.
async fn a_wide_name_in_the_directory_is_asked_of_the_server(lab: &Lab) {
    let slapd = slapd(lab, "mirror-wider", Sessions::Logged).await;
    slapd.add_person("ben", &["ben@corp.test"], &["Y"]).await;
    let wide = "\u{ff41}nna";
    slapd
        .modify(&format!(
            "dn: cn=wide,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\n\
             objectClass: mailholdPerson\nuid: {wide}\ncn: wide\nsn: wide\n{FLAG}: Y\n"
        ))
        .await;
    let house = mirror(settings(&slapd)).await;
    is_told(&house.mirror, 2).await;
    assert_eq!(reading(&house.mirror, &login("anna")).await, KNOWN);
    assert_eq!(reading(&house.mirror, &login("otto")).await, None);
}

/// Whoever became flagged in the first one is not known yet.
async fn a_second_outage_right_after_the_first_is_felt(lab: &Lab) {
    let slapd = slapd(lab, "mirror-twice", Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    slapd.add_person("ben", &["ben@corp.test"], &["N"]).await;
    let house = mirror(settings(&slapd)).await;
    slapd.kill();
    slapd.start_again().await;
    eventually("a resumed refresh", BOUND, async || {
        (house.n_refreshes("resumed") > 0).then_some(()).ok_or(())
    })
    .await;
    slapd.kill();
    let deadline = Instant::now() + PATIENCE;
    house.mirror.probe(deadline).await.unwrap_err();
    ask(&house.mirror, &sender(BEN)).await.unwrap_err();
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
}
