//! What a running milter does to a held message, as the kernel sees it: synced before the answer,
//! committed before the removal.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;

use super::{
    order_rules::{self, Message},
    outpost::Outpost,
    trace,
};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
    wire::mail::Mail,
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_small_message_is_synced_before_the_answer_and_removed_after_the_commit,
        a_large_message_is_synced_before_the_answer_and_removed_after_the_commit,
    ]
}

const STRACE: &str = "/usr/bin/strace";
/// All that writes, syncs, removes, or talks to Postfix and PostgreSQL.
const CALLS: &str = "trace=openat,read,readv,recvfrom,recvmsg,write,writev,pwrite64,pwritev,sendto,\
                     sendmsg,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat";
const BOUND: Duration = Duration::from_secs(30);

async fn a_small_message_is_synced_before_the_answer_and_removed_after_the_commit(lab: &Lab) {
    in_order(lab, &Mail::flagged()).await;
}

async fn a_large_message_is_synced_before_the_answer_and_removed_after_the_commit(lab: &Lab) {
    // More than the spool keeps in memory.
    let mail = Mail::flagged().body((0..20).map(|n| vec![b'a' + n; 65_535]));
    in_order(lab, &mail).await;
}

async fn in_order(lab: &Lab, mail: &Mail) {
    let outpost = Outpost::wrapped(lab, traced, |settings| {
        // What travels is read by the test.
        let url = settings.text("milter.database.url").to_owned();
        settings.set("milter.database.url", format!("{url}?sslmode=disable"));
    })
    .await;
    let mut mta = outpost.mta().await;
    mta.send(mail).await.held();
    eventually("the spool is empty again", BOUND, async || {
        match outpost.n_files("segments") + outpost.n_files("large") {
            0 => Ok(()),
            more => Err(more),
        }
    })
    .await;
    drop(mta);
    let text = whole_trace(&outpost).await;
    let calls = trace::read(&text);
    let queue_id = mail.queue_id_at_end.as_deref().unwrap();
    let message = Message {
        spool: &outpost.spool,
        queue_id,
    };
    let faults = order_rules::faults(&calls, &message);
    assert_eq!(faults, [""; 0], "{}", trace::outline(&calls));
    let recorded = format!("select count(*) from capture where queue_id = '{queue_id}'");
    assert_eq!(outpost.sql(&recorded).await, "1");
}

/// The command that traces a milter from its first call on: one that is attached to a running
/// process may miss a thread. `-D` leaves the milter the process that the lab knows.
fn traced(spool: &Path) -> Vec<OsString> {
    let words = [
        STRACE, "-D", "-f", "-y", "-q", "-s", "65536", "-e", CALLS, "-o",
    ];
    let words = words.into_iter().map(OsString::from);
    words.chain([trace_of(spool).into(), "--".into()]).collect()
}

fn trace_of(spool: &Path) -> PathBuf {
    spool.with_extension("trace")
}

/// Stops the milter and gives what it did up to its end.
async fn whole_trace(outpost: &Outpost<'_>) -> String {
    let first = outpost.milter.id();
    outpost.milter.stop().await;
    eventually("strace has written all", BOUND, async || {
        let text = fs::read_to_string(trace_of(&outpost.spool)).unwrap();
        let is_end = |line: &str| {
            let (thread, rest) = line.split_once(' ').unwrap_or_default();
            thread == first.to_string() && rest.trim_start().starts_with("+++ exited")
        };
        match text.lines().last().is_some_and(is_end) && text.ends_with('\n') {
            true => Ok(text),
            false => Err(text.len()),
        }
    })
    .await
}
