//! The story of mailhold on real servers: to play with, or played by itself with `--check`. Never
//! touches a server of the machine, and leaves nothing running.

mod check;
pub mod mails;
mod play;
mod review_desk;
mod steps;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use nix::unistd::geteuid;
use tokio::{
    runtime::Runtime,
    select,
    signal::unix::{SignalKind, signal},
};

use crate::lab::{Lab, Tools, program::running_in};

/// The last of Postfix's daemons see the end of their master within moments.
const END_BOUND: Duration = Duration::from_secs(5);
/// As a shell reports a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// How the story is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// To play with, until the person has enough.
    Play,
    /// By itself, to its end.
    Check,
}

/// Runs the demo until it is told to stop, or the check to its end.
pub fn run(arguments: &[String]) -> ExitCode {
    let mode = match arguments {
        [] => Mode::Play,
        [only] if only == "--check" => Mode::Check,
        _ => {
            eprintln!("usage: ./demo [--check]");
            return ExitCode::from(64);
        }
    };
    if !geteuid().is_root() {
        eprintln!("the demo needs root, for Postfix's master: sudo ./demo");
        return ExitCode::from(77);
    }
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    // A server that does not start ends the story by a panic; the others are ended all the same.
    let story = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(tell(tools.clone(), mode))
    }));
    tools.end();
    let left = still_running(&tools);
    if !left.is_empty() {
        println!("FAILED: still running: {left:?}");
        return ExitCode::FAILURE;
    }
    println!("All servers are stopped, nothing is left.");
    story.unwrap_or(ExitCode::FAILURE)
}

async fn tell(tools: Tools, mode: Mode) -> ExitCode {
    let story = async {
        let begin = Instant::now();
        let lab = Lab::start(tools).await;
        let desk = lab.desk().await;
        match mode {
            Mode::Play => play::guide(&lab, desk).await,
            Mode::Check => check::play(&lab, desk, begin.elapsed()).await,
        }
    };
    select! {
        code = story => code,
        () = told_to_stop() => match mode {
            Mode::Play => ExitCode::SUCCESS,
            Mode::Check => ExitCode::from(INTERRUPTED),
        },
    }
}

async fn told_to_stop() {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut hang_up = signal(SignalKind::hangup()).unwrap();
    select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    println!();
}

fn still_running(tools: &Tools) -> Vec<String> {
    let deadline = Instant::now() + END_BOUND;
    loop {
        let left = running_in(tools.place.path());
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        thread::sleep(Duration::from_millis(20));
    }
}
