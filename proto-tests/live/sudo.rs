//! The sudo lines of the worker's user: where they are missing or ask for a password.

use std::{fs, sync::Arc};

use libtest_mimic::Trial;

use super::house::{House, Seen};
use crate::{
    lab::{Lab, place, sudo_view, user::User},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        each_missing_sudo_line_is_a_fault,
        sudo_lines_that_ask_for_a_password_are_a_fault,
        a_sudo_that_is_not_there_is_not_called_ok,
    ]
}

/// What is said with the shipped lines after a change.
async fn with_lines(lab: &Lab, words: &str, instead: &str) -> Option<Seen> {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so sudo is not tried");
        return None;
    }
    let house = House::new(lab).await;
    let command = house.with_sudo(house.command(&["--live", "--json"]));
    let etc = house.directory("etc/sudoers.d", User::ROOT, 0o755);
    let file = etc.join("mailhold");
    let lines = fs::read_to_string(&file).unwrap();
    assert!(lines.contains(words), "{lines}");
    place::write(&file, User::ROOT, 0o440, lines.replace(words, instead));
    Some(Seen::of(&command.output(b"").await))
}

async fn each_missing_sudo_line_is_a_fault(lab: &Lab) {
    for option in ["-H", "-d", "-f", "-r"] {
        let line = format!("{option} - hold");
        let Some(seen) = with_lines(lab, &line, "-h - hold").await else {
            return;
        };
        seen.says("sudo", "fail", &[&line, "config/sudoers/mailhold"]);
    }
}

async fn sudo_lines_that_ask_for_a_password_are_a_fault(lab: &Lab) {
    if let Some(seen) = with_lines(lab, "NOPASSWD: ", "").await {
        seen.says("sudo", "fail", &["needs a password", "NOPASSWD:"]);
    }
}

async fn a_sudo_that_is_not_there_is_not_called_ok(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.settings.set("postfix.sudo", "/nonexistent/sudo");
    let seen = house.check().await;
    seen.says("sudo", "skip", &["/nonexistent/sudo", "install sudo"]);
}
