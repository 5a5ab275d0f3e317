//! How long a record and a decision take, and the memory that a large body needs.

use std::fs;

use crate::lab::{Lab, desk::Desk, smtp};

/// Messages sent one at a time.
const SINGLE: usize = 50;
/// A body of 50 MB.
const LARGE_BYTES: usize = 50_000_000;

/// One message at a time on an idle machine: recorded, held, decided, settled.
pub async fn idle(lab: &Lab, desk: &Desk, sender: &str) {
    for number in 0..SINGLE {
        let recipient = format!("bench{number}@elsewhere.test");
        let mail = smtp::small_mail(sender, &recipient, "bench");
        let reply = smtp::send(lab.postfix.smtp, sender, &[&recipient], &mail)
            .await
            .ok();
        let id = reply.queue_id();
        desk.held(&id).await;
        desk.decide("discard", &id).await;
        desk.settled(&id).await;
    }
    print_times(desk, "one message at a time").await;
    let decided = desk
        .database
        .execute(
            "select format('p50 %s ms, p99 %s ms', round(p[1]), round(p[2])) from (select percentile_cont(array[0.5, 0.99]) within group (order by 1000 * extract(epoch from s.created_at - d.created_at)) as p from settlement s join decision d using (decision_id)) t",
        )
        .await;
    println!(
        "decision committed -> settled, {SINGLE} one at a time: {}",
        decided.trim()
    );
}

/// The same times under the load of the throughput rounds.
pub async fn loaded(desk: &Desk) {
    print_times(desk, "all messages of this run").await;
}

/// `created_at` is the start of the recorder's transaction: the row is visible a commit later.
async fn print_times(desk: &Desk, what: &str) {
    for (name, column) in [("record", "created_at"), ("held", "held_at")] {
        let sql = format!(
            "select format('p50 %s ms, p99 %s ms, %s messages', round(p[1]), round(p[2]), n) from (select percentile_cont(array[0.5, 0.99]) within group (order by 1000 * extract(epoch from {column} - captured_at)) as p, count({column}) as n from capture) t"
        );
        let times = desk.database.execute(&sql).await;
        println!("end of message -> {name}, {what}: {}", times.trim());
    }
}

/// The milter's peak memory before and after one body of 50 MB.
pub async fn large_body(lab: &Lab, desk: &Desk, sender: &str) {
    let before = peak_kib(desk);
    let line = [b'x'; 998];
    let mut mail = smtp::small_mail(sender, "large@elsewhere.test", "large");
    while mail.len() < LARGE_BYTES {
        mail.extend_from_slice(&line);
        mail.extend_from_slice(b"\r\n");
    }
    let reply = smtp::send(lab.postfix.smtp, sender, &["large@elsewhere.test"], &mail)
        .await
        .ok();
    desk.held(&reply.queue_id()).await;
    let after = peak_kib(desk);
    println!(
        "milter's peak resident memory: {} MiB before, {} MiB after one body of {} MB, recorded",
        before / 1_024,
        after / 1_024,
        mail.len() / 1_000_000
    );
}

fn peak_kib(desk: &Desk) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", desk.milter.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
