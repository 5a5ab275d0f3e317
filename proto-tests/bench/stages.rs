//! Who spends what for one held message: CPU time, context switches and bytes written, by process.

use std::{collections::BTreeMap, fs};

use nix::unistd::{SysconfVar, sysconf};

use super::{
    contest::{Contender, USUAL},
    ground::Ground,
    held::BARE,
    peers::{Mode, Peer, Socket},
};

/// Messages of the one long round of each way.
const MESSAGES: usize = 10_000;

/// What processes of one kind have spent.
#[derive(Clone, Copy, Default)]
struct Spent {
    cpu_us: f64,
    switches: f64,
    written_bytes: f64,
}

/// Measures the whole job, and a milter that captures nothing beside it.
pub async fn measure(ground: &Ground<'_>) {
    let bare = Peer::libmilter(ground.servers(&ground.plain), Mode::Hold, Socket::Unix).await;
    let entrance = ground.entrance(&ground.plain, &bare.address);
    ground.open(&[entrance]).await;
    let smtp = ground.lab.postfix.smtp;
    for way in [
        ground.held(BARE, entrance, MESSAGES),
        ground.whole_job("mailhold, the whole job", smtp, MESSAGES),
    ] {
        print(&way).await;
    }
}

async fn print(way: &Contender<'_>) {
    let before = spent();
    let round = way.round(USUAL).await;
    println!(
        "\n{}: {:.0} messages/s, {:.3} ms of CPU for one\n\
         | process | CPU, µs | context switches | bytes written |\n|---|---|---|---|",
        way.name, round.rate, round.machine_ms
    );
    for (kind, after) in spent() {
        let before = before.get(&kind).copied().unwrap_or_default();
        let each = |after: f64, before: f64| (after - before) / MESSAGES as f64;
        let cpu_us = each(after.cpu_us, before.cpu_us);
        if cpu_us >= 5.0 {
            println!(
                "| {kind} | {cpu_us:.0} | {:.2} | {:.0} |",
                each(after.switches, before.switches),
                each(after.written_bytes, before.written_bytes)
            );
        }
    }
}

/// All processes, by their kind. One that has ended is forgotten with all that it spent.
fn spent() -> BTreeMap<String, Spent> {
    let mut kinds: BTreeMap<String, Spent> = BTreeMap::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let path = process.path();
        let read = |name: &str| fs::read_to_string(path.join(name)).ok();
        let (Some(stat), Some(line)) = (read("stat"), read("cmdline")) else {
            continue;
        };
        let kind = kinds.entry(kind(&line, &stat)).or_default();
        kind.cpu_us += cpu_us(&stat);
        let io = read("io").unwrap_or_default();
        kind.written_bytes += field(&io, "write_bytes:");
        for thread in fs::read_dir(path.join("task"))
            .into_iter()
            .flatten()
            .flatten()
        {
            let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            kind.switches += field(&status, "voluntary_ctxt_switches:");
            kind.switches += field(&status, "nonvoluntary_ctxt_switches:");
        }
    }
    kinds
}

fn kind(line: &str, stat: &str) -> String {
    let name = stat.split(['(', ')']).nth(1).unwrap_or_default();
    let words = line.replace('\0', " ");
    let words: Vec<&str> = words.split_whitespace().collect();
    match words.as_slice() {
        [.., role @ ("milter" | "worker")] if line.contains("mailhold") => {
            format!("mailhold {role}")
        }
        ["postgres:", login, ..] => format!("postgres for {login}"),
        [] => format!(
            "kernel: {}",
            name.split(['/', ':']).next().unwrap_or_default()
        ),
        _ => name.to_owned(),
    }
}

fn cpu_us(stat: &str) -> f64 {
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11..13]
        .iter()
        .map(|field| field.parse::<f64>().unwrap())
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
    ticks * 1e6 / per_second as f64
}

fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    value.unwrap_or_default()
}
