//! Plays the story by itself: one line per step with what was seen. Never goes on to success after a
//! step that did not hold.

use std::{
    any::Any,
    future::Future,
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    time::{Duration, Instant},
};

use futures_util::FutureExt;

use super::steps::House;
use crate::lab::{Lab, desk::Desk};

const N_LOG_LINES: usize = 15;

/// Counts the steps and remembers whether all held.
struct Tally {
    n_steps: usize,
    n_failed: usize,
}

/// Plays all steps, each even when an earlier one failed.
pub async fn play(lab: &Lab, desk: &Desk, start_time: Duration) -> ExitCode {
    let begin = Instant::now();
    let house = House { lab, desk };
    let mut tally = Tally {
        n_steps: 0,
        n_failed: 0,
    };
    tally.tell("servers ready", Ok(ready(lab, start_time)));
    tally.step("people", house.people()).await;
    tally
        .step("unflagged mail is delivered", house.unflagged_passes())
        .await;
    tally
        .step("flagged mail is held", house.flagged_is_held())
        .await;
    tally
        .step(
            "flagged mail from sendmail",
            house.flagged_from_sendmail_is_held(),
        )
        .await;
    tally.step("dodges are held", house.dodges_are_held()).await;
    tally
        .step("explain comes true", house.explain_comes_true())
        .await;
    tally
        .step("reviews list and show", house.reviews_show_it())
        .await;
    tally
        .step("release delivers", house.release_delivers())
        .await;
    tally.step("discard removes", house.discard_removes()).await;
    tally.step("return bounces", house.return_bounces()).await;
    tally
        .step(
            "read and released at the review desk",
            house.released_at_the_desk(),
        )
        .await;
    tally.step("flag taken away", house.flag_taken_away()).await;
    tally.step("milter stopped", house.milter_stopped()).await;
    tally
        .step("PostgreSQL stopped", house.postgres_stopped())
        .await;
    drop(panic::take_hook());
    let Tally { n_steps, n_failed } = tally;
    if n_failed > 0 {
        show_logs(lab, desk);
    }
    println!(
        "{} of {n_steps} steps held in {} s",
        n_steps - n_failed,
        begin.elapsed().as_secs()
    );
    if n_failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What the servers said last, for whoever looks for the cause.
fn show_logs(lab: &Lab, desk: &Desk) {
    let milter: Vec<_> = desk
        .milter
        .events()
        .iter()
        .map(ToString::to_string)
        .collect();
    let worker: Vec<_> = desk
        .worker
        .events()
        .iter()
        .map(ToString::to_string)
        .collect();
    let postfix = lab.postfix.log().lines_with(&[]);
    for (name, lines) in [("milter", milter), ("worker", worker), ("Postfix", postfix)] {
        println!("--- {name}");
        for line in &lines[lines.len().saturating_sub(N_LOG_LINES)..] {
            println!("{line}");
        }
    }
}

impl Tally {
    async fn step(&mut self, name: &str, step: impl Future<Output = String>) {
        let seen = AssertUnwindSafe(step).catch_unwind().await;
        self.tell(name, seen.map_err(reason));
    }

    fn tell(&mut self, name: &str, seen: Result<String, String>) {
        self.n_steps += 1;
        match seen {
            Ok(seen) => println!("ok  {:>2}  {seen}", self.n_steps),
            Err(reason) => {
                self.n_failed += 1;
                println!("FAILED {:>2}  {name}: {reason}", self.n_steps);
            }
        }
    }
}

fn ready(lab: &Lab, all: Duration) -> String {
    let times: Vec<_> = lab
        .start_times
        .iter()
        .filter(|(name, _)| *name != "all")
        .map(|(name, time)| format!("{name} {} ms", time.as_millis()))
        .collect();
    format!(
        "servers ready in {} ms ({}, then milter and worker)",
        all.as_millis(),
        times.join(", ")
    )
}

fn reason(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "panicked".to_owned())
}
