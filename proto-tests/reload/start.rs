//! A SIGHUP that comes while a process starts waits until it is ready, and ends nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use libtest_mimic::Trial;
use nix::{
    sys::{signal::Signal, stat::Mode},
    unistd::mkfifo,
};
use tokio::{task::spawn_blocking, time::timeout};

use crate::{
    lab::{
        Lab,
        child::Child,
        eventually::{eventually, eventually_true},
        place, role,
        user::User,
    },
    policy::house::{BOUND, House},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: a_hangup_before_the_settings_are_read_is_taken_up_after_the_start]
}

async fn a_hangup_before_the_settings_are_read_is_taken_up_after_the_start(lab: &Lab) {
    let house = House::start(lab, "early", |_| {}).await;
    let desk = &house.desk;
    desk.milter.stop().await;
    desk.worker.stop().await;
    // As root the worker needs no sudo, which is of no account here.
    for (role, user) in [("milter", User::milter()), ("worker", User::ROOT)] {
        let name = format!("early-{role}");
        let settings = pipe(&lab.tools.place.path().join(&name));
        let program = role::program(lab.tools.mailhold(&name), &settings, role).user(user);
        let child = lab.tools.starter.start(&program);
        // It waits for its settings, which nobody has written yet.
        eventually_true("SIGHUP is caught", BOUND, async || catches_hangups(&child)).await;
        child.signal(Signal::SIGHUP);
        for said in ["role.ready", "config.reloaded"] {
            write(&settings, desk.settings.to_text()).await;
            eventually(&format!("it says {said}"), BOUND, async || {
                child.must_run();
                let output = child.output();
                if output.contains(said) {
                    Ok(())
                } else {
                    Err(output)
                }
            })
            .await;
        }
    }
}

/// A file that its reader waits for.
fn pipe(path: &Path) -> PathBuf {
    let path = path.with_extension("toml");
    mkfifo(&path, Mode::from_bits_truncate(0o600)).unwrap();
    place::give(&path, User::ROOT, 0o644);
    path
}

/// Waits for the reader, too.
async fn write(pipe: &Path, text: String) {
    let pipe = pipe.to_owned();
    let written = timeout(BOUND, spawn_blocking(move || fs::write(pipe, text))).await;
    written.expect("a reader").unwrap().unwrap();
}

/// Whether the kernel would hand SIGHUP to a handler of the process: proc(5), status.
fn catches_hangups(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = u64::from_str_radix(mask.unwrap().trim(), 16).unwrap();
    mask & 1 == 1
}
