//! `./test --faults`: reads its options, plays a run in a lab of its own, and tells what came of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

use tokio::runtime::Runtime;

use super::run::{self, Order};
use crate::lab::{Tools, place::random_text};

const USAGE: &str = "usage: ./test --faults [--seed N] [--minutes M]   (M from 1 to 1440)";
const MINUTES: u64 = 30;

/// Plays one run; exit code 1 where a promise was broken.
pub fn command(arguments: &[String]) -> ExitCode {
    let Some(order) = read(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    let played = catch_unwind(AssertUnwindSafe(|| runtime.block_on(play(&tools, order))));
    if played.is_err() {
        tools.place.keep();
    }
    tools.end();
    match played {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => {
            eprintln!("{}", replay(order));
            ExitCode::FAILURE
        }
    }
}

/// Plays a run and prints what came of it; whether no promise was broken. Otherwise the directory of
/// the lab stays, with the ledger, the snapshot and all logs.
pub async fn play(tools: &Tools, order: Order) -> bool {
    let outcomes = run::play(tools, order).await;
    eprintln!("{}", outcomes.told);
    if !outcomes.is_clean() {
        tools.place.keep();
    }
    outcomes.is_clean()
}

/// How to play the same plan again.
pub fn replay(order: Order) -> String {
    let minutes = order.length.as_secs().div_ceil(60);
    format!(
        "a promise was broken; the same again: ./test --faults --seed {} --minutes {minutes}",
        order.seed
    )
}

/// A seed that nobody chose.
pub fn any_seed() -> u64 {
    let text = random_text();
    // Short enough to be typed again.
    u64::from_str_radix(&text[..8], 16).unwrap()
}

fn read(arguments: &[String]) -> Option<Order> {
    let (mut seed, mut minutes) = (None, MINUTES);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next()?.parse().ok()?;
        match word.as_str() {
            "--seed" => seed = Some(value),
            "--minutes" if (1..=1_440).contains(&value) => minutes = value,
            _ => return None,
        }
    }
    Some(Order {
        seed: seed.unwrap_or_else(any_seed),
        length: Duration::from_secs(60 * minutes),
    })
}
