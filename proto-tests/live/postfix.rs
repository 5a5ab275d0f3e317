//! Postfix as a whole: each check where it fails.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_postfix_before_3_5_is_a_fault,
        a_version_that_cannot_be_read_is_a_warning,
        a_postfix_without_the_protection_from_smuggling_is_a_warning,
        the_protection_from_smuggling_switched_off_is_a_warning,
        short_queue_ids_are_a_fault,
        a_network_that_relays_and_is_not_looked_at_is_a_fault,
        networks_in_a_table_are_a_warning,
        without_postconf_no_check_of_postfix_is_called_ok,
        a_directory_without_main_cf_is_not_called_ok,
    ]
}

async fn a_postfix_before_3_5_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.other_postconf("s/^mail_version = .*/mail_version = 3.4.29/");
    let seen = house
        .failing("postfix-version", &["3.4.29", "install Postfix 3.5"])
        .await;
    assert_eq!(seen.code, Some(78));
}

async fn a_version_that_cannot_be_read_is_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.other_postconf("s/^mail_version = .*/mail_version = next/");
    house
        .check()
        .await
        .says("postfix-version", "warn", &["next"]);
}

async fn a_postfix_without_the_protection_from_smuggling_is_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.other_postconf("/^smtpd_forbid_bare_newline/d");
    let seen = house.check().await;
    seen.says("bare-newlines", "warn", &["security update"]);
}

async fn the_protection_from_smuggling_switched_off_is_a_warning(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("smtpd_forbid_bare_newline = no");
    let seen = house.check().await;
    seen.says("bare-newlines", "warn", &["= normalize", "postfix reload"]);
}

async fn short_queue_ids_are_a_fault(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("enable_long_queue_ids = no");
    let cure = "write `enable_long_queue_ids = yes`";
    house.failing("long-queue-ids", &[cure]).await;
}

async fn a_network_that_relays_and_is_not_looked_at_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.main_cf("mynetworks = 127.0.0.0/8, [::1]/128 192.0.2.64/26");
    let seen = house.check().await;
    seen.says("submitted-networks", "ok", &["every client counts"]);
    let networks = ["127.0.0.0/8", "192.0.2.0/25"].map(str::to_owned).to_vec();
    house.settings.set("policy.submitted_networks", networks);
    let words = ["mynetworks has ::1/128, policy.submitted_networks has not"];
    let seen = house.failing("submitted-networks", &words).await;
    assert_eq!(seen.code, Some(78));
    let networks = ["127.0.0.0/8", "192.0.2.0/25", "::1"]
        .map(str::to_owned)
        .to_vec();
    house.settings.set("policy.submitted_networks", networks);
    let seen = house.check().await;
    seen.says("submitted-networks", "ok", &["192.0.2.0/25"]);
}

async fn networks_in_a_table_are_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.main_cf("mynetworks = 127.0.0.0/8, cidr:/etc/postfix/networks");
    let networks = vec!["127.0.0.0/8".to_owned()];
    house.settings.set("policy.submitted_networks", networks);
    let seen = house.check().await;
    let words = ["cidr:/etc/postfix/networks, which cannot be compared"];
    seen.says("submitted-networks", "warn", &words);
}

async fn without_postconf_no_check_of_postfix_is_called_ok(lab: &Lab) {
    let mut house = House::new(lab).await;
    house
        .settings
        .set("postfix.command_directory", "/nonexistent");
    let seen = house.failing("postfix", &["/nonexistent/postconf"]).await;
    assert_eq!(seen.code, Some(78));
    for check in ["smtpd-milters", "milter-sockets", "sudo", "process-limits"] {
        seen.says(check, "skip", &["not known"]);
    }
    seen.says("database", "ok", &[]);
}

async fn a_directory_without_main_cf_is_not_called_ok(lab: &Lab) {
    let mut house = House::new(lab).await;
    house
        .settings
        .set("postfix.config_directory", "/nonexistent");
    let seen = house
        .failing("postfix", &["postfix.config_directory"])
        .await;
    assert_eq!(seen.code, Some(78));
    seen.says("long-queue-ids", "skip", &[]);
}
