//! What `mailhold explain` says of a person whose flag is not a plain one.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::Value;
use toml::Table;

use super::explaining::{NOON, explain, tells, told};
use crate::{
    lab::{
        Lab,
        place::random_text,
        program::text,
        settings::Settings,
        slapd::{PEOPLE, SUFFIX},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_flag_that_has_ended_is_told_with_its_end,
        a_member_of_a_group_is_told_with_the_group,
    ]
}

async fn a_flag_that_has_ended_is_told_with_its_end(lab: &Lab) {
    let anna = lab.person(&["Y"]).await;
    let end = format!(
        "dn: uid={},{PEOPLE}\nchangetype: modify\nadd: mailMonitorUntil\n\
         mailMonitorUntil: 20250630220000Z\n",
        anna.login
    );
    lab.slapd.modify(&end).await;
    let until = |settings: &mut Settings| {
        settings.set("directory.ldap.until_attribute", "mailMonitorUntil");
    };
    let words = ["--from", &anna.address, "--to", "b@elsewhere.test"];
    let at_noon = [&words[..], &["--at", NOON]].concat();
    let output = explain(lab, until, &at_noon).await;
    let entry = "not flagged any more: IsMailMonitor=Y until 2025-06-30 22:00 UTC in uid=";
    tells(
        &text(&output.stdout),
        &["ACCEPT: no rule holds it", entry, &anna.login],
    );
    let output = explain(lab, until, &[&at_noon[..], &["--json"]].concat()).await;
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let entry = &shown["identities"][0]["entries"][0];
    assert_eq!(entry["standing"], "expired");
    assert_eq!(entry["until"], "2025-06-30T22:00:00Z");
    tells(
        &told(lab, &at_noon).await,
        &["HOLD: rule \"flagged-external\""],
    );
}

async fn a_member_of_a_group_is_told_with_the_group(lab: &Lab) {
    let ben = lab.person(&[]).await;
    let random = random_text()[..8].to_lowercase();
    let group = |kind: &str| format!("cn={kind}-{random},{SUFFIX}");
    let (monitored, brokers) = (group("monitored"), group("brokers"));
    for name in [&monitored, &brokers] {
        let entry = format!(
            "dn: {name}\nchangetype: add\nobjectClass: groupOfNames\nmember: uid={},{PEOPLE}\n",
            ben.login
        );
        lab.slapd.modify(&entry).await;
    }
    let rules = format!(
        "[[rule]]\nname = \"brokers\"\nwho = \"group\"\ngroup = \"{brokers}\"\nto = \"any\"\n"
    );
    let rules: Table = rules.parse().unwrap();
    let grouped = |settings: &mut Settings| {
        settings
            .set("directory.ldap.group_by", "entry")
            .set("directory.ldap.flag_group", monitored.clone())
            .set("policy.rule", rules["rule"].clone());
    };
    let words = ["--from", &ben.address, "--to", "eve@corp.test"];
    let output = explain(lab, grouped, &words).await;
    let flagged = format!("flagged, memberOf={monitored} in uid={}", ben.login);
    let member = format!(", member of {brokers}");
    let lines = ["HOLD: rule \"brokers\" matches", &flagged, &member];
    tells(&text(&output.stdout), &lines);
    let output = explain(lab, grouped, &[&words[..], &["--json"]].concat()).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["identities"][0]["entries"][0]["groups"][0], *brokers);
}
