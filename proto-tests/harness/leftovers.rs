//! However a run ends, no program of its lab stays and no other program is touched.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use tokio::runtime::Runtime;

use crate::{
    lab::{
        Lab, Tools,
        child::Child,
        eventually::eventually,
        program::{Program, running_in},
    },
    trials::{Trials, tests},
};

/// The word that makes the test program start a lab and end without care.
pub const ABANDON: &str = "abandon-lab";
const BOUND: Duration = Duration::from_secs(20);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        nothing_is_left_after_a_panic,
        no_program_is_left_after_a_kill,
        a_later_lab_clears_away_what_a_killed_one_left,
    ]
}

async fn nothing_is_left_after_a_panic(lab: &Lab) {
    let (_run, place) = abandoned(lab, "panic").await;
    eventually("the directory is gone", BOUND, async || {
        if place.exists() {
            Err(fs::read_dir(&place).map(Iterator::count))
        } else {
            Ok(())
        }
    })
    .await;
    no_program_is_left(&place).await;
}

async fn no_program_is_left_after_a_kill(lab: &Lab) {
    let (run, place) = abandoned(lab, "wait").await;
    run.end_with(Signal::SIGKILL);
    no_program_is_left(&place).await;
}

async fn a_later_lab_clears_away_what_a_killed_one_left(lab: &Lab) {
    let (run, place) = abandoned(lab, "wait").await;
    run.end_with(Signal::SIGKILL);
    no_program_is_left(&place).await;
    let later = Tools::make();
    assert!(!place.exists());
    assert!(lab.tools.place.path().exists(), "a lab in use stays");
    drop(later);
}

/// Starts a lab, tells its directory, and ends by a panic or waits to be killed.
pub fn abandon_lab(how: &str) -> ExitCode {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let lab = Lab::start(Tools::make()).await;
        eprintln!("\nlab {}", lab.tools.place.path().display());
        assert_ne!(how, "panic", "as told");
        std::future::pending::<()>().await;
    });
    ExitCode::SUCCESS
}

/// A run of this program with a lab that is up, and the directory of that lab.
async fn abandoned(lab: &Lab, how: &str) -> (Child, PathBuf) {
    let unique = format!("abandoned-{}", crate::lab::place::random_text());
    let program = Program::new(&unique, env::current_exe().unwrap()).arguments([ABANDON, how]);
    let run = lab.tools.starter.start(&program);
    let place = eventually("the other lab is up", BOUND, async || {
        let output = run.output();
        let line = output.lines().find_map(|line| line.strip_prefix("lab "));
        line.map(PathBuf::from).ok_or(output)
    })
    .await;
    (run, place)
}

async fn no_program_is_left(place: &Path) {
    eventually("all programs are gone", BOUND, async || {
        let left = running_in(place);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}
