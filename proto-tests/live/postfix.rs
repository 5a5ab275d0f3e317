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
