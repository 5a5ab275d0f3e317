//! Settings are read again at a SIGHUP: what takes effect, what does not, and what a fault changes.

mod cap;
mod load;
mod milter;
mod start;
mod worker;

use std::{fs, path::Path, sync::Arc};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

use crate::{
    lab::{
        Lab, desk::Desk, eventually::eventually, place, role::Role, settings::Settings, user::User,
    },
    policy::house::{BOUND, House},
    trials::Trials,
};

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        milter::tests(trials),
        worker::tests(trials),
        start::tests(trials),
        load::tests(trials),
        cap::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The house whose settings change, for one test after the other.
static HOUSE: OnceCell<Mutex<House>> = OnceCell::const_new();

/// Gives the house, with the settings that it was started with in force.
async fn house(lab: &Lab) -> MutexGuard<'static, House> {
    let start = async || Mutex::new(House::start(lab, "reloaded", |_| {}).await);
    let house = HOUSE.get_or_init(start).await.lock().await;
    for role in [&house.desk.milter, &house.desk.worker] {
        taken_up(&reload(&house.desk, role, |_| {}).await, "");
    }
    house
}

/// Changes the settings of a desk and tells a process; gives the event with its answer.
async fn reload(desk: &Desk, role: &Role, change: impl FnOnce(&mut Settings)) -> Value {
    let mut settings = desk.settings.clone();
    change(&mut settings);
    place::write(&desk.settings_file, User::ROOT, 0o644, settings.to_text());
    told_again(role).await
}

/// Tells a process to read its settings again; gives the event with its answer.
async fn told_again(role: &Role) -> Value {
    let before = answers(role).len();
    role.signal(Signal::SIGHUP);
    eventually("the settings are read again", BOUND, async || {
        let answers = answers(role);
        answers.get(before).cloned().ok_or_else(|| role.events())
    })
    .await
}

fn answers(role: &Role) -> Vec<Value> {
    let mut events = role.events();
    events.retain(|event| event["event"] == "config.reloaded" || event["event"] == "config.kept");
    events
}

#[track_caller]
fn taken_up(answer: &Value, need_restart: &str) {
    assert_eq!(answer["event"], "config.reloaded", "{answer}");
    assert_eq!(answer["level"], "INFO");
    assert_eq!(answer["need_restart"], need_restart, "{answer}");
}

/// Asserts that a file was refused with all these faults, each with its line.
#[track_caller]
fn refused(answer: &Value, file: &Path, keys: &[&str]) {
    assert_eq!(answer["event"], "config.kept", "{answer}");
    assert_eq!(answer["level"], "ERROR");
    let text = fs::read_to_string(file).unwrap();
    for key in keys {
        let (section, name) = key.rsplit_once('.').unwrap();
        let (section, name) = (format!("[{section}]"), format!("{name} = "));
        let mut lines = text.lines().enumerate();
        lines.find(|(_, line)| *line == section).unwrap();
        let (line, _) = lines.find(|(_, line)| line.starts_with(&name)).unwrap();
        let line = line + 1;
        let fault = format!("{}:{line}: {key}: ", file.display());
        assert!(
            answer["error"].as_str().unwrap().contains(&fault),
            "no {fault} in {answer}"
        );
    }
}

/// What a process shows of its settings: the alarm, and whether the last reading was good.
async fn shows(role: &Role) -> (f64, f64) {
    (
        role.metric("mailhold_alarm{kind=\"config_refused\"}").await,
        role.metric("mailhold_config_last_reload_successful").await,
    )
}

const AS_IT_WAS_READ: (f64, f64) = (0.0, 1.0);
const REFUSED: (f64, f64) = (1.0, 0.0);
