//! A rule about the members of a group, and a group that flags, from the client to the hold queue.

use std::sync::Arc;

use libtest_mimic::Trial;
use toml::Table;

use super::house::{BOUND, Mail};
use crate::{
    lab::{
        Lab,
        desk::{Desk, HOUSE, Servers},
        postfix::Postfix,
        slapd::{PEOPLE, SUFFIX, Slapd},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: members_of_a_group_are_held_by_its_rule_and_others_are_not]
}

fn group(name: &str) -> String {
    format!("cn={name},{SUFFIX}")
}

/// A group that has nobody but its own entry in it, without which it may not be.
async fn make(slapd: &Slapd, name: &str) {
    let dn = group(name);
    let entry =
        format!("dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\nmember: {dn}\n");
    slapd.modify(&entry).await;
}

async fn change(slapd: &Slapd, word: &str, login: &str, name: &str) {
    let dn = group(name);
    let change =
        format!("dn: {dn}\nchangetype: modify\n{word}: member\nmember: uid={login},{PEOPLE}\n");
    slapd.modify(&change).await;
}

fn rules() -> Table {
    let rules = format!(
        "[[rule]]\nname = \"brokers\"\nwho = \"group\"\ngroup = \"CN=Brokers, {SUFFIX}\"\n\
         [[rule]]\nname = \"flagged-external\"\n"
    );
    rules.parse().unwrap()
}

async fn members_of_a_group_are_held_by_its_rule_and_others_are_not(lab: &Lab) {
    let (slapd, postfix) = tokio::join!(
        Slapd::start_with(&lab.tools, "grouped-slapd", ""),
        Postfix::start(&lab.tools, "grouped", lab.sink.address),
    );
    for name in ["brokers", "monitored"] {
        make(&slapd, name).await;
    }
    for (login, flags) in [("broker", &[][..]), ("monitored", &["N"]), ("other", &[])] {
        let address = format!("{login}@{HOUSE}");
        slapd.add_person(login, &[&address], flags).await;
    }
    let servers = Servers {
        tools: &lab.tools,
        slapd: &slapd,
        postgres: &lab.postgres,
        postfix: &postfix,
    };
    let desk = Desk::start(servers, |settings| {
        settings
            .set("policy.rule", rules()["rule"].clone())
            .set("directory.ldap.group_by", "entry")
            .set("directory.ldap.flag_group", group("monitored"));
    })
    .await;
    change(&slapd, "add", "broker", "brokers").await;
    change(&slapd, "add", "monitored", "monitored").await;
    let mail = |login: &str| Mail::new(&format!("{login}@{HOUSE}"), &["elsewhere.test"]);
    for (login, rule) in [("broker", "brokers"), ("monitored", "flagged-external")] {
        let id = mail(login).send(&postfix).await.ok().queue_id();
        assert_eq!(desk.held(&id).await["reason"], rule);
    }
    change(&slapd, "delete", "broker", "brokers").await;
    for login in ["broker", "other"] {
        let mail = mail(login);
        mail.send(&postfix).await.ok();
        lab.sink.message_to(&mail.recipients[0], BOUND).await;
    }
}
