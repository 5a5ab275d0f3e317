//! What a running milter does to a held message, as the kernel sees it: synced before the answer,
//! committed before the removal.

use std::{fs, sync::Arc, time::Duration};

use libtest_mimic::Trial;

use super::{
    order_rules::{self, Message},
    outpost::Outpost,
    trace,
};
use crate::{
    lab::{Lab, child::Child, eventually::eventually, program::Program},
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
    let outpost = Outpost::on_disk(lab, |settings| {
        // What travels is read by the test.
        let url = settings.text("milter.database.url").to_owned();
        settings.set("milter.database.url", format!("{url}?sslmode=disable"));
    })
    .await;
    let file = outpost.spool.with_extension("trace");
    let strace = attach(lab, &outpost, &file).await;
    let mut mta = outpost.mta().await;
    mta.send(mail).await.held();
    eventually("the spool is empty again", BOUND, async || {
        match outpost.n_files("segments") + outpost.n_files("large") {
            0 => Ok(()),
            more => Err(more),
        }
    })
    .await;
    strace.end();
    let calls = trace::read(&fs::read_to_string(&file).unwrap());
    let queue_id = mail.queue_id_at_end.as_deref().unwrap();
    let message = Message {
        spool: &outpost.spool,
        queue_id,
    };
    assert_eq!(order_rules::faults(&calls, &message), [""; 0]);
    let recorded = format!("select count(*) from capture where queue_id = '{queue_id}'");
    assert_eq!(outpost.sql(&recorded).await, "1");
}

/// Begins to trace all threads of a milter.
async fn attach(lab: &Lab, outpost: &Outpost<'_>, file: &std::path::Path) -> Child {
    let name = format!("strace-{}", outpost.milter.id());
    let strace = Program::new(&name, STRACE)
        .arguments(["-f", "-y", "-s", "65536", "-e", CALLS, "-o"])
        .arguments([file])
        .arguments(["-p", &outpost.milter.id().to_string()]);
    let strace = lab.tools.starter.start(&strace);
    eventually("strace is attached", BOUND, async || {
        strace.must_run();
        let output = strace.output();
        match output.contains("attached") {
            true => Ok(()),
            false => Err(output),
        }
    })
    .await;
    strace
}
