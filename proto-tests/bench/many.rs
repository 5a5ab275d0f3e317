//! A backlog of decisions, and one of captures.

use std::time::{Duration, Instant};

use super::{
    contest::{Contender, Ends, USUAL},
    ground::Ground,
    peers::polling::Polling,
    report::Report,
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::lab::{
    desk::{Desk, REVIEWERS},
    eventually::eventually,
};

/// Decisions at once.
const DECISIONS: usize = 10_000;
/// Fewer for what starts three programs for each.
const SLOW_DECISIONS: usize = 100;
/// Captures that wait for the end of an outage.
const CAPTURES: usize = 20_000;
const BOUND: Duration = Duration::from_secs(300);

/// Decides on all at once, and waits until all have left and are settled.
pub async fn decisions(ground: &Ground<'_>, report: &mut Report) {
    let (desk, postfix) = (&ground.desk, &ground.lab.postfix);
    let n_held = count(desk, "held").await;
    if n_held < DECISIONS {
        let more = ground.whole_job("more", postfix.smtp, DECISIONS - n_held);
        more.round(USUAL).await;
    }
    let held_before = postfix.held().len();
    let insert = format!(
        "alter table decision disable trigger decision_on_record;
        insert into decision (capture_id, decision, reviewer, via)
        select capture_id, 'release', '{}', 'cli' from capture
        where state = 'held' order by captured_at limit {DECISIONS};
        alter table decision enable trigger decision_on_record",
        REVIEWERS[0]
    );
    desk.database.execute(&insert).await;
    let began = Instant::now();
    eventually("all decisions are settled", BOUND, async || {
        match count(desk, "decided").await {
            0 => Ok(()),
            n => Err(n),
        }
    })
    .await;
    let time = began.elapsed().as_secs_f64();
    assert_eq!(held_before - postfix.held().len(), DECISIONS);
    let name = format!("{DECISIONS} decisions at once → all left hold/ and recorded");
    report.add(Row::new(name, Figure::plain(time), Target::AtMost(10.0)).unit("s"));
    let ours = DECISIONS as f64 / time;
    let theirs = polled_decisions(ground).await;
    report.add(
        Row::new(
            "decisions carried out in a second ÷ one postsuper, one postqueue and one UPDATE for each",
            Figure::plain(ours / theirs),
            Target::AtLeast(10.0),
        )
        .fact(format!("{ours:.0} and {theirs:.1} decisions/s")),
    );
}

async fn polled_decisions(ground: &Ground<'_>) -> f64 {
    let plain = &ground.plain;
    let before = plain.held();
    let more = ground.held("more", plain.holding_smtp, SLOW_DECISIONS);
    more.round(USUAL).await;
    let mut ids = plain.held();
    ids.retain(|id| !before.contains(id));
    let polling = Polling::new(ground.servers(plain)).await;
    polling.know(&ids).await;
    let began = Instant::now();
    polling.decide(&ids).await;
    ids.len() as f64 / began.elapsed().as_secs_f64()
}

async fn count(desk: &Desk, state: &str) -> usize {
    let sql = format!("select count(*) from capture where state = '{state}'");
    desk.database.execute(&sql).await.trim().parse().unwrap()
}

/// Captures that came while PostgreSQL took no connection. The worker rests: it would confirm them
/// at the same time.
pub async fn drain(ground: &Ground<'_>, report: &mut Report) {
    let desk = &ground.desk;
    desk.worker.stop().await;
    let server = &desk.database;
    server.take_connections(false).await;
    Contender {
        ends: Ends::Held,
        ..ground.whole_job("during an outage", ground.lab.postfix.smtp, CAPTURES)
    }
    .round(USUAL)
    .await;
    let recorded = async || desk.milter.metric("mailhold_recorded_total").await as usize;
    let before = recorded().await;
    server.take_connections(true).await;
    eventually("the recorder has begun", BOUND, async || {
        if recorded().await > before {
            Ok(())
        } else {
            Err(())
        }
    })
    .await;
    let (began, begun_with) = (Instant::now(), recorded().await);
    let end = before + CAPTURES;
    eventually(
        "all captures are recorded",
        BOUND,
        async || match recorded().await {
            n if n >= end => Ok(()),
            n => Err(n),
        },
    )
    .await;
    let rate = (end - begun_with) as f64 / began.elapsed().as_secs_f64();
    let name = format!("captures recorded in a second, {CAPTURES} waiting after an outage");
    report.add(Row::new(
        name,
        Figure::plain(rate),
        Target::AtLeast(3_000.0),
    ));
    desk.worker.start_again().await;
}
