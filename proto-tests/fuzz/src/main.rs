//! The fuzzer: libFuzzer with one of mailhold's targets, which MAILHOLD_FUZZ_TARGET names.
//! With `list` or `seeds TARGET DIRECTORY WORDS` as arguments it tells and writes what a run begins
//! with.

#![no_main]

use std::{collections::BTreeSet, env, fs, panic, path::Path, process, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use mailhold::targets::{ALL, Target};

const NAME: &str = "MAILHOLD_FUZZ_TARGET";

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(init: begin(), |input: &[u8]| {
    if let Some(target) = TARGET.get() {
        (target.run)(input);
    }
});

fn begin() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["list"] => {
            for target in ALL {
                println!("{}", target.name);
            }
            process::exit(0);
        }
        ["seeds", name, directory, words] => {
            let seeds = (found(name).seeds)();
            for (at, seed) in seeds.iter().enumerate() {
                write(&Path::new(directory).join(format!("seed-{at}")), seed);
            }
            write(Path::new(words), dictionary(&seeds).as_bytes());
            process::exit(0);
        }
        _ => {}
    }
    let name = env::var(NAME).unwrap_or_default();
    TARGET.get_or_init(|| found(&name));
    // libfuzzer-sys ends the process at every panic. Some are caught on purpose: those of the header
    // parser, which is somebody else's. What is not caught ends the process all the same.
    drop(panic::take_hook());
}

fn found(name: &str) -> Target {
    let found = ALL.iter().find(|target| target.name == name);
    let Some(target) = found else {
        eprintln!("fuzz: there is no target {name:?}; try `list`");
        process::exit(2);
    };
    *target
}

/// The words of the seeds, as libFuzzer reads them.
fn dictionary(seeds: &[Vec<u8>]) -> String {
    let is_sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let words = seeds
        .iter()
        .flat_map(|seed| seed.split(|byte| !is_sign(byte)));
    let words: BTreeSet<&[u8]> = words
        .filter(|word| (3..=24).contains(&word.len()))
        .collect();
    words
        .into_iter()
        .map(|word| format!("\"{}\"\n", String::from_utf8_lossy(word)))
        .collect()
}

fn write(path: &Path, bytes: &[u8]) {
    if let Err(fault) = fs::write(path, bytes) {
        eprintln!("fuzz: cannot write {}: {fault}", path.display());
        process::exit(2);
    }
}
