//! Spool and clock: each check where it fails. A clock that is off is tried beside its code.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{House, Seen};
use crate::{
    lab::{Lab, sudo_view, user::User},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        rules_in_the_way_of_each_other_are_a_warning,
        a_spool_that_is_not_there_yet_is_a_warning,
        a_spool_that_nobody_can_make_is_a_fault,
        a_spool_that_belongs_to_root_is_a_fault,
        a_spool_that_belongs_to_another_user_is_a_fault,
        a_spool_that_others_may_look_into_is_a_fault,
        a_full_disk_is_a_fault,
        a_clock_that_cannot_be_looked_at_is_not_called_ok,
        a_clock_that_nobody_keeps_is_not_called_ok,
    ]
}

const NAME: &str = "spool";

async fn in_directory(lab: &Lab, owner: User, mode: u32) -> House<'_> {
    let mut house = House::new(lab).await;
    let directory = house.directory("spool", owner, mode);
    let directory = directory.display().to_string();
    house.settings.set("spool.directory", directory);
    house
}

async fn a_spool_that_is_not_there_yet_is_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    let parent = house.directory("var", User::milter(), 0o755);
    let directory = parent.join("spool").display().to_string();
    house.settings.set("spool.directory", directory);
    let seen = house.check().await;
    seen.says(NAME, "warn", &["not there yet", "start the milter"]);
    seen.says("spool-space", "ok", &["GiB"]);
}

async fn a_spool_that_nobody_can_make_is_a_fault(lab: &Lab) {
    let mut house = House::new(lab).await;
    house
        .settings
        .set("spool.directory", "/nonexistent/mailhold/spool");
    let seen = house.failing(NAME, &["parent is not there"]).await;
    seen.says("spool-space", "skip", &[]);
    seen.says("clock-files", "skip", &["make the directory"]);
}

async fn a_spool_that_belongs_to_root_is_a_fault(lab: &Lab) {
    let house = in_directory(lab, User::ROOT, 0o700).await;
    house
        .failing(NAME, &["belongs to root", "chown -R mailhold:"])
        .await;
}

async fn a_spool_that_belongs_to_another_user_is_a_fault(lab: &Lab) {
    let house = in_directory(lab, User::named("postfix"), 0o700).await;
    house
        .failing(NAME, &["belongs to postfix, the milter is another user"])
        .await;
}

async fn a_spool_that_others_may_look_into_is_a_fault(lab: &Lab) {
    let house = in_directory(lab, User::milter(), 0o750).await;
    house.failing(NAME, &["mode 0750", "chmod 0700"]).await;
}

async fn a_full_disk_is_a_fault(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so there is no disk to fill");
        return;
    }
    let mut house = in_directory(lab, User::milter(), 0o700).await;
    house.settings.set("spool.min_free_percent", 90);
    house.settings.set("spool.min_free", "2 GiB");
    let directory = house.settings.text("spool.directory").to_owned();
    let fill = "mount -t tmpfs -o size=1m,mode=0700 small \"$1\"\n\
                head -c 524288 /dev/zero >\"$1/large\"; shift; exec \"$@\"";
    let seen = seen_after(&house, fill, &directory).await;
    seen.says(
        "spool-space",
        "fail",
        &["asked to come again", "spool.min_free"],
    );
}

/// What is seen with mounts of its own, which a shell makes first; `$1` is a path for it.
async fn seen_after(house: &House<'_>, script: &str, path: &str) -> Seen {
    let unshare = ["/usr/bin/unshare", "--mount", "--"];
    let shell = ["/bin/sh", "-ec", script, "mounts", path];
    let wrapper = [&unshare[..], &shell[..]].concat();
    let command = house.command(&["--live", "--json"]).wrapper(wrapper);
    Seen::of(&command.output(b"").await)
}

async fn a_clock_that_nobody_keeps_is_not_called_ok(lab: &Lab) {
    if !sudo_view::is_possible().await {
        eprintln!("no private mounts here, so there is no other /run");
        return;
    }
    let house = House::new(lab).await;
    for (mark, outcome, word) in [
        ("none", "skip", "no program is seen"),
        ("systemd/timesync", "warn", "has not set the clock yet"),
        ("systemd/timesync/synchronized", "ok", "has set it"),
        ("chrony/chronyd.pid", "ok", "chronyd runs"),
    ] {
        let run = "mount -t tmpfs -o mode=0755 run /run; mkdir -p \"/run/$1\"; shift; exec \"$@\"";
        let seen = seen_after(&house, run, mark).await;
        seen.says("clock-sync", outcome, &[word]);
    }
}

async fn a_clock_that_cannot_be_looked_at_is_not_called_ok(lab: &Lab) {
    let mut house = House::new(lab).await;
    // No file can be made there.
    house.settings.set("spool.directory", "/proc/self");
    let seen = house.check().await;
    seen.says("clock-files", "skip", &["/proc/self", "stat -c"]);
    seen.says("clock-files", "ok", &["queue"]);
}

async fn rules_in_the_way_of_each_other_are_a_warning(lab: &Lab) {
    let mut house = House::new(lab).await;
    house.check().await.says("policy-rules", "ok", &["1 rule"]);
    let rules = "[[rule]]\nname = \"all\"\nwho = \"anyone\"\nto = \"any\"\n\
                 [[rule]]\nname = \"never\"\nwho = \"flagged\"\n";
    let rules: toml::Table = rules.parse().unwrap();
    house.settings.set("policy.rule", rules["rule"].clone());
    let words = ["never", "can never match", "docs/policy.md"];
    house.check().await.says("policy-rules", "warn", &words);
}
