//! A rule about the members of a group, and a group that flags, from the client to the hold queue.

use std::sync::Arc;

use libtest_mimic::Trial;
use toml::Table;

use super::house::{House, Mail};
use crate::{
    lab::{
        Lab, Person,
        slapd::{PEOPLE, SUFFIX},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: members_of_a_group_are_held_by_its_rule_and_others_are_not]
}

fn group(name: &str) -> String {
    format!("cn={name},{SUFFIX}")
}

/// A group that has nobody but its own entry in it, which it may not be without.
async fn make(house: &House, name: &str) {
    let dn = group(name);
    let entry =
        format!("dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\nmember: {dn}\n");
    house.slapd.modify(&entry).await;
}

async fn change(house: &House, word: &str, person: &Person, name: &str) {
    let (dn, login) = (group(name), &person.login);
    let change =
        format!("dn: {dn}\nchangetype: modify\n{word}: member\nmember: uid={login},{PEOPLE}\n");
    house.slapd.modify(&change).await;
}

async fn members_of_a_group_are_held_by_its_rule_and_others_are_not(lab: &Lab) {
    let rules = format!(
        "[[rule]]\nname = \"brokers\"\nwho = \"group\"\ngroup = \"CN=Brokers, {SUFFIX}\"\n\
         [[rule]]\nname = \"flagged-external\"\n"
    );
    let rules: Table = rules.parse().unwrap();
    let house = House::start(lab, "grouped", |settings| {
        settings
            .set("policy.rule", rules["rule"].clone())
            .set("directory.ldap.group_by", "entry")
            .set("directory.ldap.flag_group", group("monitored"));
    })
    .await;
    for name in ["brokers", "monitored"] {
        make(&house, name).await;
    }
    let (broker, monitored) = (house.person(&[]).await, house.person(&["N"]).await);
    let other = house.person(&[]).await;
    change(&house, "add", &broker, "brokers").await;
    change(&house, "add", &monitored, "monitored").await;
    for (person, rule) in [(&broker, "brokers"), (&monitored, "flagged-external")] {
        let mail = Mail::new(&person.address, &["elsewhere.test"]);
        let id = house.send(&mail).await.ok().queue_id();
        assert_eq!(house.desk.held(&id).await["reason"], rule);
    }
    change(&house, "delete", &broker, "brokers").await;
    for person in [&broker, &other] {
        let mail = Mail::new(&person.address, &["elsewhere.test"]);
        house.send(&mail).await.ok();
        house.delivered(&mail).await;
    }
}
