//! The story of mailhold on real servers: to play with, or played by itself with `--check`. Never
//! touches a server of the machine, and leaves nothing running.

mod check;
mod play;
mod steps;

use std::{process::ExitCode, time::Instant};

use nix::unistd::geteuid;
use tokio::{
    runtime::Runtime,
    select,
    signal::unix::{SignalKind, signal},
};

use crate::lab::{Lab, Tools};

/// Runs the demo until it is told to stop, or the check to its end.
pub fn run(arguments: &[String]) -> ExitCode {
    let is_check = match arguments {
        [] => false,
        [only] if only == "--check" => true,
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
    // A panic of a server's start ends the runtime's task, not this function: all is torn down.
    let story = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(async {
            select! {
                code = tell(tools.clone(), is_check) => code,
                () = told_to_stop() => ExitCode::SUCCESS,
            }
        })
    }));
    let begin = Instant::now();
    tools.end();
    if is_check && story.is_ok() {
        return check::nothing_left(&tools, story.unwrap_or(ExitCode::FAILURE), begin.elapsed());
    }
    println!("All servers are stopped.");
    story.unwrap_or(ExitCode::FAILURE)
}

async fn tell(tools: Tools, is_check: bool) -> ExitCode {
    let begin = Instant::now();
    let lab = Lab::start(tools).await;
    let desk = lab.desk().await;
    if is_check {
        check::play(&lab, desk, begin.elapsed()).await
    } else {
        play::guide(&lab, desk).await
    }
}

async fn told_to_stop() {
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    println!();
}
