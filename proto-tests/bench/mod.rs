//! Measures what a held mail costs, beside a bare milter on the same Postfix and disk in the same
//! run. Figures for people; nothing here passes or fails.

mod bare;
mod hold;
mod latency;
mod mirror;
mod peers;
mod throughput;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use tokio::runtime::Runtime;

use crate::lab::{Lab, Tools, desk::Desk, ports::free_address};

/// Rounds of each kind unless the command line says more.
const ROUNDS: usize = 6;

/// What is measured.
#[derive(Clone, Copy)]
enum What {
    /// A held mail, in so many rounds of each kind.
    Mail(usize),
    /// The live mirror.
    Mirror,
    /// A full hold queue.
    Hold,
    /// Nothing: whether the peers do what they are measured for.
    Peers,
}

/// Runs all measurements.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let what = match words.as_slice() {
        [] => Some(What::Mail(ROUNDS)),
        ["mirror"] => Some(What::Mirror),
        ["hold"] => Some(What::Hold),
        ["peers"] => Some(What::Peers),
        [rounds] => rounds
            .parse()
            .ok()
            .filter(|rounds| (1..=100).contains(rounds))
            .map(What::Mail),
        _ => None,
    };
    let Some(what) = what else {
        eprintln!(
            "usage: ./bench [ROUNDS]   (1 to 100)\n       ./bench mirror\n       ./bench hold"
        );
        return ExitCode::from(64);
    };
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    let measured = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let lab = Lab::start(tools.clone()).await;
            match what {
                What::Mail(rounds) => measure(&lab, rounds).await,
                What::Mirror => mirror::measure(&lab).await,
                What::Hold => hold::measure(&lab).await,
                What::Peers => peers::proof::run(&lab).await,
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
