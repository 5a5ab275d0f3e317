//! Changes without a pause while the server is killed, restarted and made anew.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use tokio::{sync::Mutex, time::Instant};

use super::house::{Sessions, mirror, settings, slapd};
use crate::{
    lab::{
        Lab,
        chance::Chance,
        slapd::{FLAG, PEOPLE, Slapd},
    },
    trials::{Trials, tests},
};

/// How long changes are made.
const SPAN: Duration = Duration::from_secs(8);
const PEOPLE_IN_ALL: u32 = 40;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        memory_is_like_a_search_after_kills_under_load,
        memory_is_like_a_search_after_kills_under_load_without_a_log,
    ]
}

async fn memory_is_like_a_search_after_kills_under_load(lab: &Lab) {
    under_load(&slapd(lab, "mirror-load", Sessions::Logged).await).await;
}

async fn memory_is_like_a_search_after_kills_under_load_without_a_log(lab: &Lab) {
    under_load(&slapd(lab, "mirror-load-bare", Sessions::NotLogged).await).await;
}

async fn under_load(slapd: &Slapd) {
    for number in 0..PEOPLE_IN_ALL {
        slapd.modify(&person(number, "Y")).await;
    }
    let house = mirror(settings(slapd)).await;
    // The writer has it while it writes, the killer while the server is away.
    let turn = Mutex::new(());
    let end = Instant::now() + SPAN;
    let seed = u64::from(std::process::id());
    let writing = async {
        let mut chance = Chance::new(seed);
        let mut n_changes = 0;
        while Instant::now() < end {
            let _turn = turn.lock().await;
            let changes: String = (0..20).map(|_| change(&mut chance)).collect();
            slapd.change_what_can_be(&changes).await;
            n_changes += 20;
        }
        n_changes
    };
    let killing = async {
        let (mut chance, mut n_kills) = (Chance::new(seed + 1), 0);
        while Instant::now() < end {
            let pause = Duration::from_millis(200 + chance.next() % 800);
            tokio::time::sleep(pause).await;
            // Killed in the middle of its work, unlike the writer's program.
            slapd.kill();
            let _turn = turn.lock().await;
            if n_kills % 3 == 2 {
                slapd.seed(&people(&mut chance)).await;
            }
            slapd.start_again().await;
            n_kills += 1;
        }
        n_kills
    };
    let (n_changes, n_kills) = tokio::join!(writing, killing);
    assert!(n_changes > 100 && n_kills > 3, "{n_changes} {n_kills}");
    house.is_like(slapd).await;
}

/// One change of anybody; it may fail, because the person is there already or not at all.
fn change(chance: &mut Chance) -> String {
    let number = (chance.next() % u64::from(PEOPLE_IN_ALL)) as u32;
    let value = ["Y", "N", "perhaps"][(chance.next() % 3) as usize];
    match chance.next() % 6 {
        0 => format!("dn: uid=p{number},{PEOPLE}\nchangetype: delete\n\n"),
        1 | 2 => person(number, value),
        3 => format!("dn: uid=p{number},{PEOPLE}\nchangetype: modify\nreplace: {FLAG}\n\n"),
        4 => format!(
            "dn: uid=p{number},{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=p{}\ndeleteoldrdn: 1\n\n",
            (number + 1) % PEOPLE_IN_ALL
        ),
        _ => format!(
            "dn: uid=p{number},{PEOPLE}\nchangetype: modify\nreplace: {FLAG}\n{FLAG}: {value}\n\n"
        ),
    }
}

fn person(number: u32, flag: &str) -> String {
    entry(number, flag).replacen('\n', "\nchangetype: add\n", 1)
}

fn entry(number: u32, flag: &str) -> String {
    format!(
        "dn: uid=p{number},{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: mailholdPerson\n\
         uid: p{number}\ncn: p{number}\nsn: p{number}\nmail: p{number}@corp.test\n{FLAG}: {flag}\n\n"
    )
}

/// Other people than before, under the same names.
fn people(chance: &mut Chance) -> String {
    let is_there = |_: &u32| chance.next().is_multiple_of(2);
    let numbers: Vec<u32> = (0..PEOPLE_IN_ALL).filter(is_there).collect();
    numbers
        .into_iter()
        .map(|number| entry(number, "Y"))
        .collect()
}
