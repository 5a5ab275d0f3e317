//! The worker beside a full hold queue: what it costs to compare it with the database again and
//! again, while nothing changes.

use std::time::{Duration, Instant};

use super::{
    full::{MESSAGES, fill, name},
    machine::{self, cpu},
};
use crate::{
    lab::{Lab, eventually::eventually, postfix::Postfix, role::Role},
    worker::workplace::Workplace,
};

/// Comparisons that are measured.
const PASSES: f64 = 20.0;
const BOUND: Duration = Duration::from_secs(300);
const COUNT: &str = "mailhold_reconcile_duration_seconds_count";

/// Runs it.
pub async fn measure(lab: &Lab) {
    let postfix = Postfix::start(&lab.tools, "full", lab.sink.address).await;
    let work = Workplace::on(lab, &postfix).await;
    fill(&postfix, MESSAGES).await;
    record(&work).await;
    let begin = Instant::now();
    let worker = work
        .worker(|settings| {
            // Nothing but comparing.
            settings
                .set("worker.poll", "1h")
                .set("worker.reconcile", "1s");
        })
        .await;
    compared(&worker, 1.0).await;
    println!(
        "first comparison of {MESSAGES} messages, all asked of the database: {:.1} s, {:.2} s of CPU",
        begin.elapsed().as_secs_f64(),
        cpu(worker.id()).as_secs_f64()
    );
    let (before, cpu_before) = (worker.metric(COUNT).await, cpu(worker.id()));
    let sum_before = worker
        .metric("mailhold_reconcile_duration_seconds_sum")
        .await;
    let after = compared(&worker, before + PASSES).await;
    let n_passes = after - before;
    let spent = (cpu(worker.id()) - cpu_before).as_secs_f64();
    let sum = worker
        .metric("mailhold_reconcile_duration_seconds_sum")
        .await;
    println!(
        "each of {n_passes} comparisons while nothing changes: {:.1} ms of CPU, {:.1} ms from \
         begin to end; resident memory {} MiB",
        spent * 1_000.0 / n_passes,
        (sum - sum_before) * 1_000.0 / n_passes,
        machine::resident_mib(worker.id()) as u64
    );
    assert_eq!(worker.metric("mailhold_on_hold").await, MESSAGES as f64);
    assert_eq!(worker.metric("mailhold_strays").await, 0.0);
    assert_eq!(worker.metric("mailhold_gone_total").await, 0.0);
    worker.stop().await;
    postfix.stop().await;
}

async fn record(work: &Workplace<'_>) {
    let instance = &work.fixture.instance;
    let begin = name(0).trim_end_matches('0').to_owned();
    let insert = format!(
        "insert into capture (capture_id, instance, queue_id, captured_at, sender, sender_argument,
            sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
            matched_entry, matched_flag, matched_recipient, size_bytes, digest)
        select gen_random_uuid(), '{instance}', '{begin}' || number, now(), 'a@corp.test', '', '{{}}',
            1, 'flagged-external', '', '', '', '', '', 1, decode(repeat('00', 32), 'hex')
        from generate_series(0, {MESSAGES} - 1) as number;
        update capture set state = 'held' where instance = '{instance}';
        update capture set held_at = now() - interval '1 hour' where instance = '{instance}';
        analyze capture"
    );
    work.fixture.execute(&insert).await;
}

async fn compared(worker: &Role, n_passes: f64) -> f64 {
    eventually("the worker has compared", BOUND, async || {
        match worker.metric(COUNT).await {
            found if found >= n_passes => Ok(found),
            other => Err(other),
        }
    })
    .await
}
