//! Measures what mailhold costs beside other ways to do the same, on the same Postfix and disk in the
//! same run, and compares it with what is promised.

mod contest;
mod curves;
mod desk;
mod full;
mod ground;
mod held;
mod hold;
mod keys;
mod latency;
mod machine;
mod many;
mod memory;
mod mirror;
mod moments;
mod pages;
mod peers;
mod plot;
pub mod proof;
mod report;
mod stages;
mod statistics;
mod unflagged;
mod verdict;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
};

use tokio::runtime::Runtime;

use self::{ground::Ground, held::Sizes, report::Report};
use crate::lab::{Lab, Tools};

const USAGE: &str = "usage: ./bench [--quick] [PART…]    what is promised, or these parts of it
       ./bench plots                throughput against messages on hold, sessions and size
       ./bench stages               who spends what for one held message
       ./bench desk                 list and search with 1,000,000 reviews
       ./bench keys                 200 messages decided in a browser
       ./bench mirror | hold | peers
parts: held unflagged moments decisions memory full drain";

/// Where report and plots go.
const OUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench");

/// One part of the promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Held,
    Unflagged,
    Moments,
    Decisions,
    Memory,
    Full,
    Drain,
}

/// What is measured.
enum What {
    /// What is promised.
    Promises {
        parts: Vec<Part>,
        sizes: Sizes,
        n_single: usize,
    },
    /// Throughput against what grows.
    Plots,
    /// Who spends what.
    Stages,
    /// The live mirror.
    Mirror,
    /// The worker beside a full hold queue.
    Hold,
    /// List and search of the review desk.
    Desk,
    /// A reviewer's sitting in a browser.
    Keys,
    /// Whether the peers do what they are for.
    Peers,
}

const QUICK: Sizes = Sizes {
    n_rounds: 20,
    n_messages: 300,
    n_slow: 80,
    n_slowest: 20,
    n_alone: 2_000,
};
const THOROUGH: Sizes = Sizes {
    n_rounds: 30,
    n_messages: 800,
    n_slow: 200,
    n_slowest: 40,
    n_alone: 8_000,
};

impl Part {
    const ALL: [(&'static str, Self); 7] = [
        ("held", Self::Held),
        ("unflagged", Self::Unflagged),
        ("moments", Self::Moments),
        ("decisions", Self::Decisions),
        ("memory", Self::Memory),
        ("full", Self::Full),
        ("drain", Self::Drain),
    ];
    /// What is measured within five minutes.
    const QUICK: [Self; 4] = [Self::Held, Self::Unflagged, Self::Moments, Self::Memory];

    fn named(word: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(name, _)| *name == word);
        found.map(|(_, part)| *part)
    }
}

/// Runs what the command line says.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(what) = read(&words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(64);
    };
    let runtime = Runtime::new().unwrap();
    let tools = Tools::make();
    let measured = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let lab = Lab::start(tools.clone()).await;
            measure(&lab, &what).await
        })
    }));
    tools.end();
    measured.unwrap_or(ExitCode::FAILURE)
}

fn read(words: &[&str]) -> Option<What> {
    let is_quick = words.contains(&"--quick");
    let rest: Vec<&str> = words
        .iter()
        .copied()
        .filter(|word| *word != "--quick")
        .collect();
    match rest.as_slice() {
        ["plots"] => return Some(What::Plots),
        ["stages"] => return Some(What::Stages),
        ["mirror"] => return Some(What::Mirror),
        ["hold"] => return Some(What::Hold),
        ["desk"] => return Some(What::Desk),
        ["keys"] => return Some(What::Keys),
        ["peers"] => return Some(What::Peers),
        _ => {}
    }
    let named: Option<Vec<Part>> = rest.iter().map(|word| Part::named(word)).collect();
    let parts = match named? {
        named if !named.is_empty() => named,
        _ if is_quick => Part::QUICK.to_vec(),
        _ => Part::ALL.map(|(_, part)| part).to_vec(),
    };
    let (sizes, n_single) = if is_quick {
        (QUICK, 500)
    } else {
        (THOROUGH, 1_000)
    };
    Some(What::Promises {
        parts,
        sizes,
        n_single,
    })
}

async fn measure(lab: &Lab, what: &What) -> ExitCode {
    match what {
        What::Promises {
            parts,
            sizes,
            n_single,
        } => return promises(lab, parts, *sizes, *n_single).await,
        What::Plots => {
            fs::create_dir_all(OUT).unwrap();
            curves::draw(&Ground::start(lab).await, OUT.as_ref()).await;
        }
        What::Stages => stages::measure(&Ground::start(lab).await).await,
        What::Mirror => mirror::measure(lab).await,
        What::Hold => hold::measure(lab).await,
        What::Desk => return desk::measure(lab).await,
        What::Keys => return keys::measure(lab).await,
        What::Peers => peers::proof::run(lab).await,
    }
    ExitCode::SUCCESS
}

async fn promises(lab: &Lab, parts: &[Part], sizes: Sizes, n_single: usize) -> ExitCode {
    let ground = Ground::start(lab).await;
    let mut report = Report::default();
    for part in parts {
        match part {
            Part::Held => held::measure(&ground, sizes, &mut report).await,
            Part::Unflagged => unflagged::measure(&ground, sizes, &mut report).await,
            Part::Moments => {
                moments::of_captures(&ground, n_single * 5, &mut report).await;
                moments::of_decisions(&ground, n_single, &mut report).await;
            }
            Part::Decisions => many::decisions(&ground, &mut report).await,
            Part::Memory => memory::measure(&ground, &mut report).await,
            Part::Full => full::measure(&ground, sizes, &mut report).await,
            Part::Drain => many::drain(&ground, &mut report).await,
        }
    }
    report.print();
    fs::create_dir_all(OUT).unwrap();
    report.write(&PathBuf::from(OUT).join("report.json"));
    report.exit_code()
}
