//! A server that is away, comes back, or comes back with other entries.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{directory::Directory, domain::person::FlagReading};
use tokio::time::Instant;

use super::house::{BOUND, Mirrored, Sessions, follow, mirror, settings, slapd};
use crate::{
    directory::asking::{PATIENCE, ask, reading, sender},
    lab::{
        Lab,
        eventually::eventually,
        slapd::{FLAG, PEOPLE, Slapd},
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const BEN: &str = "<ben@corp.test>";
const KNOWN: Option<FlagReading> = Some(FlagReading::Known);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        an_outage_is_not_felt_and_is_alarmed,
        an_outage_is_felt_when_memory_is_too_old,
        a_frozen_server_makes_memory_older,
        a_server_that_is_back_goes_on_where_it_was,
        what_changed_meanwhile_is_learnt_with_and_without_a_log,
        a_database_that_was_made_anew_is_learnt_anew,
        an_older_backup_is_learnt_anew,
        a_server_that_is_not_there_yet_is_waited_for,
    ]
}

async fn with_two(lab: &Lab, name: &str, sessions: Sessions) -> Slapd {
    let slapd = slapd(lab, name, sessions).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    slapd.add_person("ben", &["ben@corp.test"], &["N"]).await;
    slapd
}

async fn alarm_becomes(house: &Mirrored, stands: bool) {
    eventually("the alarm mirror_lost", BOUND, async || {
        match house.alarm("mirror_lost") {
            now if now == stands => Ok(()),
            now => Err(now),
        }
    })
    .await;
}

async fn an_outage_is_not_felt_and_is_alarmed(lab: &Lab) {
    let slapd = with_two(lab, "mirror-away", Sessions::Logged).await;
    let house = mirror(settings(&slapd)).await;
    slapd.kill();
    alarm_becomes(&house, true).await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    assert_eq!(reading(&house.mirror, &sender(BEN)).await, None);
    let deadline = Instant::now() + PATIENCE;
    house.mirror.probe(deadline).await.unwrap();
    assert!(house.alarms.not_ready().is_empty(), "mail does not feel it");
    slapd.start_again().await;
    alarm_becomes(&house, false).await;
}

async fn an_outage_is_felt_when_memory_is_too_old(lab: &Lab) {
    let slapd = with_two(lab, "mirror-old", Sessions::Logged).await;
    let mut settings = settings(&slapd);
    settings.mirror.max_age = Duration::from_secs(1);
    let house = mirror(settings).await;
    slapd.kill();
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    for address in [ANNA, BEN] {
        eventually("an error", BOUND, async || {
            ask(&house.mirror, &sender(address)).await.err().ok_or(())
        })
        .await;
    }
    let deadline = Instant::now() + PATIENCE;
    house.mirror.probe(deadline).await.unwrap_err();
    slapd.start_again().await;
    house.ready().await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
}

async fn a_frozen_server_makes_memory_older(lab: &Lab) {
    let slapd = with_two(lab, "mirror-frozen", Sessions::Logged).await;
    let mut settings = settings(&slapd);
    settings.timeout = Duration::from_millis(300);
    settings.mirror.max_age = Duration::from_secs(2);
    let house = mirror(settings).await;
    slapd.freeze().await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    eventually("an error", BOUND, async || {
        ask(&house.mirror, &sender(ANNA)).await.err().ok_or(())
    })
    .await;
    alarm_becomes(&house, true).await;
    slapd.thaw();
    house.ready().await;
    slapd.set_flags("ben", &["Y"]).await;
    house.is_like(&slapd).await;
}

async fn a_server_that_is_back_goes_on_where_it_was(lab: &Lab) {
    let slapd = with_two(lab, "mirror-back", Sessions::Logged).await;
    let house = mirror(settings(&slapd)).await;
    slapd.kill();
    slapd.start_again().await;
    eventually("a resumed refresh", BOUND, async || {
        (house.n_refreshes("resumed") > 0).then_some(()).ok_or(())
    })
    .await;
    slapd.set_flags("ben", &["Y"]).await;
    house.is_like(&slapd).await;
    assert_eq!(house.n_refreshes("full"), 1);
}

/// Changed, added, deleted and renamed while nobody listened.
async fn what_changed_meanwhile_is_learnt_with_and_without_a_log(lab: &Lab) {
    for (name, sessions) in [
        ("mirror-logged", Sessions::Logged),
        ("mirror-unlogged", Sessions::NotLogged),
    ] {
        let slapd = with_two(lab, name, sessions).await;
        slapd.add_person("eva", &["eva@corp.test"], &["Y"]).await;
        slapd.add_person("tom", &["tom@corp.test"], &["Y"]).await;
        let house = mirror(settings(&slapd)).await;
        slapd.kill();
        slapd
            .modify_unseen(&format!(
                "dn: uid=anna,{PEOPLE}\nchangetype: delete\n\n\
                 dn: uid=eva,{PEOPLE}\nchangetype: modify\ndelete: {FLAG}\n\n\
                 dn: uid=ben,{PEOPLE}\nchangetype: modify\nreplace: {FLAG}\n{FLAG}: Y\n\n\
                 dn: uid=new,{PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\n\
                 objectClass: mailholdPerson\nuid: new\ncn: new\nsn: new\n\
                 mail: new@corp.test\n{FLAG}: Y\n"
            ))
            .await;
        slapd.start_again().await;
        house.is_like(&slapd).await;
        assert_eq!(
            reading(&house.mirror, &sender("<new@corp.test>")).await,
            KNOWN
        );
        assert_eq!(reading(&house.mirror, &sender(ANNA)).await, None);
    }
}

async fn a_database_that_was_made_anew_is_learnt_anew(lab: &Lab) {
    let slapd = with_two(lab, "mirror-anew", Sessions::Logged).await;
    let house = mirror(settings(&slapd)).await;
    slapd.kill();
    slapd.seed("").await;
    slapd.start_again().await;
    house.is_like(&slapd).await;
    slapd.add_person("eva", &["eva@corp.test"], &["Y"]).await;
    house.is_like(&slapd).await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, None);
    assert_eq!(
        reading(&house.mirror, &sender("<eva@corp.test>")).await,
        KNOWN
    );
}

/// The mirror then knows a later state than the server does.
async fn an_older_backup_is_learnt_anew(lab: &Lab) {
    let slapd = with_two(lab, "mirror-backup", Sessions::Logged).await;
    let backup = slapd.back_up().await;
    let house = mirror(settings(&slapd)).await;
    slapd.set_flags("ben", &["Y"]).await;
    house.is_like(&slapd).await;
    slapd.kill();
    slapd.restore(&backup).await;
    slapd.start_again().await;
    house.is_like(&slapd).await;
    assert_eq!(reading(&house.mirror, &sender(BEN)).await, None);
}

async fn a_server_that_is_not_there_yet_is_waited_for(lab: &Lab) {
    let slapd = with_two(lab, "mirror-late", Sessions::Logged).await;
    slapd.kill();
    let house = follow(settings(&slapd));
    alarm_becomes(&house, true).await;
    ask(&house.mirror, &sender(ANNA)).await.unwrap_err();
    slapd.start_again().await;
    house.ready().await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    alarm_becomes(&house, false).await;
}
