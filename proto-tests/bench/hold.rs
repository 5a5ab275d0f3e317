//! The worker beside a full hold queue: what it costs to compare it with the database again and
//! again, while nothing changes.

use std::time::{Duration, Instant};

use super::{
    full::{MESSAGES, fill, records},
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
    let fixture = &work.fixture;
    fixture
        .execute(&records(fixture.instance.as_str(), MESSAGES))
        .await;
    fixture.execute("analyze capture").await;
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

/// Waits until the worker has compared hold queue and database so many times, and tells how many.
pub async fn compared(worker: &Role, n_passes: f64) -> f64 {
    eventually("the worker has compared", BOUND, async || {
        match worker.metric(COUNT).await {
            found if found >= n_passes => Ok(found),
            other => Err(other),
        }
    })
    .await
}
