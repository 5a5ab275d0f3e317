//! Another implementation of the protocol, Debian's `miltertest` on libmilter's definitions, drives our
//! milter. Each script in `proto-tests/miltertest/` is one test.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::outpost::Outpost;
use crate::{
    lab::{Lab, eventually::eventually, program::Program},
    trials::{Trials, tests},
    wire::desk::BOUND,
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        miltertest_sees_an_unflagged_message_accepted,
        miltertest_sees_a_flagged_message_quarantined,
        miltertest_gives_a_message_up_at_each_stage,
        miltertest_sends_a_message_of_twelve_megabytes,
        miltertest_sends_two_messages_over_one_connection,
        miltertest_sends_steps_out_of_order,
    ]
}

const MILTERTEST: &str = "/usr/bin/miltertest";
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto-tests/miltertest");

/// Runs a script to its end, and gives the milter and what was said of its captures.
async fn run<'a>(lab: &'a Lab, script: &str) -> Outpost<'a> {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    let address = outpost.address;
    let socket = format!("socket=inet:{}@{}", address.port(), address.ip());
    let output = Program::new("miltertest", MILTERTEST)
        .arguments(["-D", &socket, "-D", &format!("scripts={SCRIPTS}")])
        .arguments(["-D", &format!("script={script}")])
        .arguments(["-s", &format!("{SCRIPTS}/run.lua")])
        .run(b"")
        .await;
    assert_eq!(output, "");
    outpost
}

/// Waits until these are recorded: queue ID and length, in the order of their queue IDs.
async fn captured(outpost: &Outpost<'_>, wanted: &[&str]) {
    let sql = "select queue_id || ' ' || size_bytes from capture order by queue_id";
    eventually(&format!("{wanted:?} are recorded"), BOUND, async || {
        let seen = outpost.sql(sql).await;
        match seen == wanted.join("\n") && outpost.n_files("large") == 0 {
            true => Ok(()),
            false => Err(seen),
        }
    })
    .await;
}

async fn miltertest_sees_an_unflagged_message_accepted(lab: &Lab) {
    let outpost = run(lab, "unflagged").await;
    captured(&outpost, &[]).await;
}

async fn miltertest_sees_a_flagged_message_quarantined(lab: &Lab) {
    let outpost = run(lab, "flagged").await;
    captured(&outpost, &["4jWkMG56f7z1j 60"]).await;
}

async fn miltertest_gives_a_message_up_at_each_stage(lab: &Lab) {
    let outpost = run(lab, "aborted").await;
    captured(&outpost, &[]).await;
    eventually("all connections have ended", BOUND, async || match outpost
        .milter
        .metric("mailhold_milter_connections")
        .await
    {
        0.0 => Ok(()),
        more => Err(more),
    })
    .await;
}

async fn miltertest_sends_a_message_of_twelve_megabytes(lab: &Lab) {
    let outpost = run(lab, "oversized").await;
    captured(&outpost, &["4jWkMG56f7z1p 12800051"]).await;
}

async fn miltertest_sends_two_messages_over_one_connection(lab: &Lab) {
    let outpost = run(lab, "two_messages").await;
    captured(&outpost, &["4jWkMG56f7z1q 58", "4jWkMG56f7z1r 60"]).await;
}

async fn miltertest_sends_steps_out_of_order(lab: &Lab) {
    let outpost = run(lab, "out_of_order").await;
    let panics = "mailhold_alarm{kind=\"session_panicked\"}";
    assert_eq!(outpost.milter.metric(panics).await, 0.0);
    assert!(outpost.milter.is_ready().await);
}
