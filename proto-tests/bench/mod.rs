//! Measures what a held mail costs, beside a bare milter on the same Postfix and disk in the same
//! run. Figures for people; nothing here passes or fails.

mod bare;
mod latency;
mod mirror;
mod throughput;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use tokio::runtime::Runtime;

use crate::lab::{Lab, Tools, desk::Desk, ports::free_address};

/// Rounds of each kind unless the command line says more.
const ROUNDS: usize = 6;

/// Runs all measurements.
pub fn run(arguments: &[String]) -> ExitCode {
    let of_mirror = arguments.first().is_some_and(|word| word == "mirror");
    let rounds = match arguments {
        [] => Some(ROUNDS),
        [_] if of_mirror => Some(0),
        [rounds] => rounds
            .parse()
            .ok()
            .filter(|rounds| (1..=100).contains(rounds)),
        _ => None,
    };
    let Some(rounds) = rounds else {
        eprintln!("usage: ./bench [ROUNDS]   (1 to 100)\n       ./bench mirror");
        return ExitCode::from(64);
    };
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    let measured = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let lab = Lab::start(tools.clone()).await;
            match rounds {
                0 => mirror::measure(&lab).await,
                rounds => measure(&lab, rounds).await,
            }
        });
    }));
    tools.end();
    if measured.is_ok() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn measure(lab: &Lab, rounds: usize) {
    let inet = free_address();
    let desk = Desk::start(lab.servers(), |settings| {
        let socket = |name| format!("unix:{}", lab.postfix.socket(name).display());
        let instance = "postfix";
        settings.listen(&[
            (socket("smtp.sock"), instance),
            (socket("local.sock"), instance),
            (format!("inet:{inet}"), instance),
        ]);
    })
    .await;
    let sender = lab.person(&["Y"]).await;
    latency::idle(lab, &desk, &sender.address).await;
    latency::large_body(lab, &desk, &sender.address).await;
    throughput::measure(lab, &desk, &sender.address, (inet, rounds)).await;
    latency::loaded(&desk).await;
}
