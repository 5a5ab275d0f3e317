//! What only a process of its own can show: its memory, and its want of file handles. This program
//! is that process, started again with a word of ours.

use std::{
    env, fs, io,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use indymilter::{
    MacroStage,
    message::{command::Command, reply::Reply},
};
use libtest_mimic::Trial;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::{net::UnixStream, runtime::Runtime};

use super::{
    desk::{BOUND, Desk, Place},
    mail::{Mail, QUEUE_ID},
    raw::Raw,
};
use crate::{
    lab::{eventually::eventually_true, program::Program},
    trials::{Trials, tests},
};

/// The word that makes the test program a milter for a moment.
pub const MILTER: &str = "milter-alone";

const BODY_BYTES: usize = 50 * 1_024 * 1_024;
/// Far below the body, well above a chunk.
const GROWTH_LIMIT_BYTES: u64 = 16 * 1_024 * 1_024;

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_body_of_fifty_megabytes_stays_out_of_memory,
        a_milter_without_file_handles_serves_again_when_it_has_some,
    ]
}

/// The child's side.
pub fn run(words: &[String]) -> ExitCode {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        match words[0].as_str() {
            "body" => take_a_large_body().await,
            "handles" => run_out_of_handles().await,
            other => panic!("{other}"),
        }
    });
    ExitCode::SUCCESS
}

async fn child(what: &str) -> String {
    let program = Program::new(what, env::current_exe().unwrap());
    program.arguments([MILTER, what]).run(b"").await
}

async fn a_body_of_fifty_megabytes_stays_out_of_memory() {
    let out = child("body").await;
    let growth: u64 = out.trim().parse().unwrap();
    assert!(growth < GROWTH_LIMIT_BYTES, "grew by {growth} bytes");
}

async fn take_a_large_body() {
    let desk = Desk::start().await;
    // Whatever the first message of a process needs is not the large one's.
    desk.mta().await.send(&Mail::flagged()).await.held();
    desk.next_captured().await;
    let before = memory("VmRSS");
    let mut raw = Raw::open(desk.place()).await;
    raw.mail(None, "<anna@corp.test>").await;
    raw.rcpt("<bob@elsewhere.test>").await;
    raw.command(Command::Data).await;
    assert_eq!(raw.reply().await, Some(Reply::Continue));
    raw.header("Subject", " large").await;
    raw.command(Command::Eoh).await;
    let chunk = Bytes::from(vec![b'x'; 65_535]);
    for _ in 0..=BODY_BYTES / chunk.len() {
        raw.command(Command::BodyChunk(chunk.clone())).await;
    }
    raw.macros(MacroStage::Eom, &[("i", QUEUE_ID)]).await;
    raw.command(Command::BodyEnd("".into())).await;
    assert!(matches!(raw.reply().await, Some(Reply::Quarantine { .. })));
    println!("{}", memory("VmHWM").saturating_sub(before));
}

/// A figure of this process in bytes: proc(5), status.
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kibibytes = line.split_whitespace().nth(1).unwrap();
    kibibytes.parse::<u64>().unwrap() * 1_024
}

async fn a_milter_without_file_handles_serves_again_when_it_has_some() {
    assert_eq!(child("handles").await, "served\n");
}

async fn run_out_of_handles() {
    tracing_subscriber::fmt().with_writer(|| Seen).init();
    let desk = Desk::start().await;
    let Place::Unix(path) = desk.place() else {
        panic!("not a UNIX socket");
    };
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    let mut hoard = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        hoard.push(file);
    }
    // The last handle is the client's: the milter has none to accept it with.
    hoard.pop();
    let client = UnixStream::connect(path).await.unwrap();
    eventually_true("an accept failed", BOUND, async || {
        let seen = SEEN.lock().unwrap();
        String::from_utf8_lossy(&seen).contains("milter.accept_failed")
    })
    .await;
    hoard.clear();
    drop(client);
    desk.mta().await.send(&Mail::flagged()).await.held();
    println!("served");
}

/// The log of this process.
static SEEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Seen;

impl io::Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SEEN.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
