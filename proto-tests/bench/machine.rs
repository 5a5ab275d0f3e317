//! What the machine and its processes have spent. Never changes anything.

use std::{fs, time::Duration};

use nix::{
    time::{ClockId, clock_gettime},
    unistd::{Pid, SysconfVar, sysconf},
};
use serde_json::{Value, json};

/// The CPU time of all processes and of the kernel since the start of the machine, in steps of 10 ms
/// on each core (`/proc/stat`: user, nice, system, irq, softirq).
pub fn busy() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap();
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .map(|field| field.parse().unwrap())
        .collect();
    let ticks: u64 = [0, 1, 2, 5, 6].map(|index| fields[index]).iter().sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
    Duration::from_secs_f64(ticks as f64 / per_second as f64)
}

/// The CPU time of a process, threads that have ended included (`clock_getcpuclockid(3)`).
pub fn cpu(id: Pid) -> Duration {
    let clock = ClockId::pid_cpu_clock_id(id).unwrap();
    clock_gettime(clock).unwrap().into()
}

/// The CPU time of all processes whose command line holds a word, such as a database's name.
pub fn cpu_of_named(word: &str) -> Duration {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_named = |id: &i32| {
        let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word)
    };
    let clock = |id| ClockId::pid_cpu_clock_id(Pid::from_raw(id)).ok();
    ids.filter(is_named)
        .filter_map(clock)
        .filter_map(|clock| clock_gettime(clock).ok())
        .map(Duration::from)
        .sum()
}

/// The memory of a process that is in use now.
pub fn resident_mib(id: Pid) -> f64 {
    status_kib(id, "VmRSS:") / 1_024.0
}

/// The most memory that a process had in use.
pub fn peak_mib(id: Pid) -> f64 {
    status_kib(id, "VmHWM:") / 1_024.0
}

fn status_kib(id: Pid, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What figures are to be read beside.
pub fn description() -> Value {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap();
    let models = info.lines().filter(|line| line.starts_with("model name"));
    let models: Vec<&str> = models.filter_map(|line| line.split(": ").nth(1)).collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap();
    json!({
        "processor": models.first(),
        "cores": models.len(),
        "memory": memory.lines().next().unwrap().split_whitespace().skip(1).collect::<Vec<_>>().join(" "),
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim(),
    })
}
