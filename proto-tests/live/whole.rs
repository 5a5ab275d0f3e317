//! The whole run: all well, its form, and its exit codes.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use libtest_mimic::Trial;

use super::house::{House, Seen};
use crate::{
    lab::{Lab, program::text, sudo_view, user::User},
    trials::{Trials, tests},
};

/// A fault is told as over within this.
const WELL_BOUND: Duration = Duration::from_secs(60);
const PAGE: &str = include_str!("../../docs/operations.md");

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.shared:
        each_check_is_one_line_behind_the_one_about_the_file,
        a_fault_of_the_file_is_told_before_any_server_is_asked,
        what_must_be_changed_gives_78_and_who_is_away_gives_69,
        whoever_may_not_look_is_told_so_and_never_that_all_is_well,
        the_options_that_exclude_each_other_are_refused,
        the_page_has_every_check_and_no_other,
    ];
    // Look-ups are timed.
    tests.extend(tests![trials.exclusive:
        where_all_is_well_every_check_is_ok,
    ]);
    tests
}

async fn where_all_is_well_every_check_is_ok(lab: &Lab) {
    let house = House::new(lab).await;
    let mut command = house.command(&["--live", "--json"]);
    let has_sudo = sudo_view::is_possible().await;
    if has_sudo {
        command = house.with_sudo(command);
    } else {
        eprintln!("no private mounts here, so sudo is not tried");
    }
    // An alarm about what another test did to the servers may stand for some seconds more.
    let desk = lab.desk().await;
    for role in [&desk.milter, &desk.worker] {
        role.becomes_ready(WELL_BOUND).await;
    }
    let seen = Seen::of(&command.output(b"").await);
    for finding in &seen.findings {
        // Whether somebody keeps the clock is a matter of the machine that the lab is on.
        // What other tests left on hold, or moved by hand, is told by alarms that let work go on.
        let is_elsewhere = finding["name"] == "clock-sync"
            || (finding["name"] == "sudo" && !has_sudo)
            || (finding["name"] == "alarms" && finding["outcome"] == "warn");
        assert!(is_elsewhere || finding["outcome"] == "ok", "{finding}");
    }
    assert_eq!(seen.code, Some(if has_sudo { 0 } else { 78 }));
    assert!(seen.findings.len() >= 25, "{:#?}", seen.findings);
}

async fn each_check_is_one_line_behind_the_one_about_the_file(lab: &Lab) {
    let house = House::new(lab).await;
    house.main_cf("enable_long_queue_ids = no");
    let output = house.command(&["--live"]).output(b"").await;
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let out = text(&output.stdout);
    let mut lines = out.lines();
    assert!(lines.next().unwrap().ends_with(".toml: no fault"), "{out}");
    let short = out.lines().find(|line| line.contains("long-queue-ids"));
    let short = short.unwrap();
    assert!(short.starts_with("FAIL  long-queue-ids "), "{short}");
    assert!(
        short.contains(" -> write `enable_long_queue_ids = yes` into /"),
        "{short}"
    );
    let sum = out.lines().last().unwrap();
    assert!(sum.contains(" ok, ") && sum.contains(" failed, "), "{sum}");
    let n_checks = house.check().await.findings.len();
    assert_eq!(lines.count(), n_checks + 1, "{out}");
}

async fn a_fault_of_the_file_is_told_before_any_server_is_asked(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.settings.set("worker.lease", "1s");
    let output = house.command(&["--live", "--json"]).output(b"").await;
    assert_eq!(output.status.code(), Some(78));
    assert_eq!(text(&output.stdout), "");
    assert!(
        text(&output.stderr).contains("worker.lease: must be"),
        "{output:?}"
    );
}

async fn what_must_be_changed_gives_78_and_who_is_away_gives_69(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so sudo is a fault of its own");
        return;
    }
    let mut house = House::new(lab).await;
    house
        .settings
        .set("directory.ldap.urls", vec!["ldap://127.0.0.1:1".to_owned()]);
    let command = house.with_sudo(house.command(&["--live", "--json"]));
    assert_eq!(Seen::of(&command.output(b"").await).code, Some(69));
    house.main_cf("enable_long_queue_ids = no");
    let command = house.with_sudo(house.command(&["--live", "--json"]));
    assert_eq!(Seen::of(&command.output(b"").await).code, Some(78));
}

async fn whoever_may_not_look_is_told_so_and_never_that_all_is_well(lab: &Lab) {
    let mut house = House::new(lab).await;
    for section in ["milter", "worker", "outline", "web", "reviews", "migrate"] {
        house
            .settings
            .unset(&format!("{section}.database.password_file"));
    }
    house.settings.unset("directory.ldap.bind_dn");
    house.settings.unset("directory.ldap.bind_password_file");
    house.settings.unset("audit.key_file");
    let command = house.command(&["--live", "--json"]);
    let nobody = User {
        uid: 65_534,
        gid: 65_534,
    };
    let seen = Seen::of(&command.user(nobody).output(b"").await);
    seen.says("sudo", "skip", &["root"]);
    seen.says("milter-sockets", "skip", &["root"]);
    seen.says("clock-files", "skip", &["root"]);
    assert_ne!(seen.code, Some(0));
}

async fn the_options_that_exclude_each_other_are_refused(lab: &Lab) {
    let house = House::new(lab).await;
    for options in [&["--json"][..], &["--live", "--print-postfix"]] {
        let output = house.command(options).output(b"").await;
        assert_eq!(output.status.code(), Some(64), "{options:?}");
    }
}

async fn the_page_has_every_check_and_no_other(lab: &Lab) {
    let house = House::new(lab).await;
    let findings = house.check().await.findings;
    let made = findings.iter().map(|one| one["name"].as_str().unwrap());
    // Where Postfix cannot be asked, this one stands for all of its checks.
    let made: BTreeSet<&str> = made.chain(["postfix"]).collect();
    let (_, part) = PAGE.split_once("## What each check means").unwrap();
    let (part, _) = part.split_once("\n## ").unwrap_or((part, ""));
    let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: BTreeSet<&str> = rows
        .filter_map(|row| Some(row.split_once("` |")?.0))
        .collect();
    assert_eq!(told, made);
}
