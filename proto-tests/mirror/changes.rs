//! A change in the directory acts in memory, and no message asks the server.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::domain::person::FlagReading;
use tokio::time::Instant;

use super::house::{BOUND, Mirrored, Sessions, mirror, settings, slapd};
use crate::{
    directory::asking::{ask, login, reading, sender},
    lab::{
        Lab,
        eventually::eventually,
        slapd::{FLAG, PEOPLE, Slapd},
    },
    trials::{Trials, tests},
};

const ANNA: &str = "<anna@corp.test>";
const KNOWN: Option<FlagReading> = Some(FlagReading::Known);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_message_asks_the_server,
        a_changed_flag_acts_at_once,
        a_flag_that_comes_and_goes_is_followed,
        a_deleted_person_is_forgotten,
        a_renamed_person_is_the_same,
        an_address_moves_from_one_person_to_another,
        a_person_who_leaves_the_base_is_forgotten,
        a_doubtful_value_flags_as_in_a_look_up,
        memory_knows_all_names_that_a_look_up_knows,
        a_condition_of_the_filters_is_followed,
        a_mirror_that_is_dropped_lets_go_of_its_server,
    ]
}

/// Waits until an address reads so in memory.
async fn becomes(house: &Mirrored, address: &str, wanted: Option<FlagReading>) {
    eventually(address, BOUND, async || {
        match reading(&house.mirror, &sender(address)).await {
            read if read == wanted => Ok(()),
            read => Err(read),
        }
    })
    .await;
}

async fn with_anna(lab: &Lab, name: &str) -> (Slapd, Mirrored) {
    let slapd = slapd(lab, name, Sessions::Logged).await;
    slapd.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let house = mirror(settings(&slapd)).await;
    (slapd, house)
}

/// A frozen server answers nobody.
async fn no_message_asks_the_server(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-unasked").await;
    slapd.freeze().await;
    let begin = Instant::now();
    for number in 0..1_000 {
        let stranger = format!("<nobody{number}@corp.test>");
        assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
        assert_eq!(reading(&house.mirror, &sender(stranger)).await, None);
    }
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    slapd.thaw();
}

async fn a_changed_flag_acts_at_once(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-flag").await;
    for (flags, wanted) in [(&["N"], None), (&["Y"], KNOWN)] {
        slapd.set_flags("anna", flags).await;
        let begin = Instant::now();
        becomes(&house, ANNA, wanted).await;
        assert!(
            begin.elapsed() < Duration::from_secs(2),
            "{:?}",
            begin.elapsed()
        );
    }
    assert_eq!(
        (house.n_refreshes("full"), house.n_refreshes("resumed")),
        (1, 0)
    );
}

async fn a_flag_that_comes_and_goes_is_followed(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-attribute").await;
    slapd.add_person("ben", &["ben@corp.test"], &[]).await;
    slapd.set_flags("anna", &[]).await;
    becomes(&house, ANNA, None).await;
    slapd.set_flags("ben", &["Y"]).await;
    becomes(&house, "<ben@corp.test>", KNOWN).await;
    house.is_like(&slapd).await;
}

async fn a_deleted_person_is_forgotten(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-deleted").await;
    slapd
        .modify(&format!("dn: uid=anna,{PEOPLE}\nchangetype: delete\n"))
        .await;
    becomes(&house, ANNA, None).await;
    house.is_like(&slapd).await;
}

async fn a_renamed_person_is_the_same(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-renamed").await;
    slapd
        .modify(&format!(
            "dn: uid=anna,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=anna.smith\ndeleteoldrdn: 1\n"
        ))
        .await;
    house.is_like(&slapd).await;
    assert_eq!(reading(&house.mirror, &sender(ANNA)).await, KNOWN);
    assert_eq!(reading(&house.mirror, &login("anna.smith")).await, KNOWN);
    assert_eq!(reading(&house.mirror, &login("anna")).await, None);
}

async fn an_address_moves_from_one_person_to_another(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-moved").await;
    slapd.add_person("ben", &["ben@corp.test"], &["N"]).await;
    slapd
        .modify(&format!(
            "dn: uid=anna,{PEOPLE}\nchangetype: modify\nreplace: mail\nmail: smith@corp.test\n\n\
             dn: uid=ben,{PEOPLE}\nchangetype: modify\nadd: mail\nmail: anna@corp.test\n"
        ))
        .await;
    becomes(&house, "<smith@corp.test>", KNOWN).await;
    eventually("the address is the other person's", BOUND, async || {
        let standing = ask(&house.mirror, &sender(ANNA)).await.unwrap();
        let names: Vec<_> = standing.entries.iter().map(|entry| &entry.name).collect();
        match names.as_slice() {
            [only] if **only == format!("uid=ben,{PEOPLE}") => Ok(()),
            names => Err(format!("{names:?}")),
        }
    })
    .await;
}

async fn a_person_who_leaves_the_base_is_forgotten(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-left").await;
    slapd
        .modify(&format!(
            "dn: uid=anna,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=anna\ndeleteoldrdn: 0\n\
             newsuperior: ou=services,dc=corp,dc=test\n"
        ))
        .await;
    becomes(&house, ANNA, None).await;
    house.is_like(&slapd).await;
}

async fn a_doubtful_value_flags_as_in_a_look_up(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-doubtful").await;
    slapd.set_flags("anna", &["N", "perhaps"]).await;
    becomes(&house, ANNA, Some(FlagReading::Doubtful)).await;
}

async fn memory_knows_all_names_that_a_look_up_knows(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-names").await;
    let names = ["Eva@Corp.Test", "sales+east@corp.test"];
    slapd.add_person("eva", &names, &["Y"]).await;
    becomes(&house, "<eva@corp.test>", KNOWN).await;
    for address in [
        "<EVA+x@corp.test>",
        "<sales@corp.test>",
        "<Sales+west@CORP.test>",
    ] {
        assert_eq!(
            reading(&house.mirror, &sender(address)).await,
            KNOWN,
            "{address}"
        );
    }
    for name in ["eva", "EVA", "eva@corp.test"] {
        assert_eq!(reading(&house.mirror, &login(name)).await, KNOWN, "{name}");
    }
    // `login_filter` does not look for it.
    assert_eq!(
        reading(&house.mirror, &login("sales@corp.test")).await,
        None
    );
}

async fn a_condition_of_the_filters_is_followed(lab: &Lab) {
    let (slapd, _) = with_anna(lab, "mirror-condition").await;
    let mut settings = settings(&slapd);
    let template = |text, place| mailhold::directory::filter::FilterTemplate::new(text, place);
    settings.filter = template("(&(!(employeeType=gone))(mail={address}))", "{address}").unwrap();
    settings.login_filter = None;
    let house = mirror(settings).await;
    becomes(&house, ANNA, KNOWN).await;
    let changed =
        |line: &str| format!("dn: uid=anna,{PEOPLE}\nchangetype: modify\n{line}: employeeType\n");
    slapd
        .modify(&format!("{}employeeType: gone\n", changed("add")))
        .await;
    becomes(&house, ANNA, None).await;
    slapd.modify(&changed("delete")).await;
    becomes(&house, ANNA, KNOWN).await;
    assert!(FLAG.is_ascii());
}

async fn a_mirror_that_is_dropped_lets_go_of_its_server(lab: &Lab) {
    let (slapd, house) = with_anna(lab, "mirror-dropped").await;
    drop(house);
    eventually(
        "no connection",
        BOUND,
        async || match crate::directory::asking::connections_to(slapd.address) {
            none if none.is_empty() => Ok(()),
            some => Err(some),
        },
    )
    .await;
}
