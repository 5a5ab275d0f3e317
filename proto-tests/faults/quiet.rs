//! Waits until nothing moves any more after the last fault: what is not over by then is told. Nobody
//! mends anything but what an operator broke by hand.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use mailhold::domain::queue_id::QueueId;
use tokio::time::sleep;

use super::{injectors::Scene, visible::Lookout};
use crate::lab::role;

/// Sixty seconds after the cure all is repaired or alarmed; the rest is for what waits in Postfix.
const BOUND: Duration = Duration::from_secs(100);
/// For so long nothing may move.
const STILL: Duration = Duration::from_secs(3);
const UNDER_REVIEW: &str = "select queue_id from capture where state in ('held', 'decided')";
const LOOK: Duration = Duration::from_millis(500);

/// Waits, and tells what would not come to rest.
pub async fn wait(scene: &Scene, lookout: &Lookout) -> Option<String> {
    let house = &scene.house;
    let deadline = Instant::now() + BOUND;
    let mut still_since: Option<Instant> = None;
    loop {
        scene.hands.tidy(house, &scene.ledger).await;
        // What failed while its receiver was away would be tried again in its own time.
        house
            .postfix
            .command("postqueue")
            .arguments(["-f"])
            .output(b"")
            .await;
        let unrest = unrest(scene, lookout).await;
        if unrest.is_empty() {
            let since = *still_since.get_or_insert_with(Instant::now);
            if since.elapsed() > STILL {
                return None;
            }
        } else {
            still_since = None;
            if Instant::now() > deadline {
                return Some(unrest.join("; "));
            }
        }
        sleep(LOOK).await;
    }
}

async fn unrest(scene: &Scene, lookout: &Lookout) -> Vec<String> {
    let house = &scene.house;
    let mut unrest = Vec::new();
    let held = house.postfix.held().len();
    let queued = house.postfix.queued().len().saturating_sub(held);
    if queued > 0 {
        unrest.push(format!("{queued} messages on their way"));
    }
    let dropped = count(&house.postfix.queue_directory.join("maildrop"));
    if dropped > 0 {
        unrest.push(format!("{dropped} messages of local programs"));
    }
    let waiting = match role::get(house.milter.metrics, "/metrics").await {
        Some((200, figures)) => figures.lines().find_map(|line| {
            line.strip_prefix("mailhold_spool_waiting ")?
                .parse::<f64>()
                .ok()
        }),
        _ => None,
    };
    if waiting != Some(0.0) {
        unrest.push(format!("captures in the spool: {waiting:?}"));
    }
    let sql = "select (select count(*) from work), \
               (select count(*) from capture where state = 'captured')";
    match house.database.try_execute(sql).await {
        Some(counts) if counts == "0|0" => {}
        counts => unrest.push(format!("work and unconfirmed captures: {counts:?}")),
    }
    match house.database.try_execute(UNDER_REVIEW).await {
        Some(ids) => {
            let on_hold: HashSet<String> = house
                .postfix
                .held()
                .iter()
                .map(QueueId::to_string)
                .collect();
            let gone = ids.lines().filter(|id| !on_hold.contains(*id)).count();
            if gone > 0 {
                unrest.push(format!(
                    "{gone} records whose message has left the hold queue"
                ));
            }
        }
        None => unrest.push("PostgreSQL is away".to_owned()),
    }
    if !lookout.is_green() {
        unrest.push("a process is not ready, or has an alarm".to_owned());
    }
    unrest
}

fn count(directory: &Path) -> usize {
    fs::read_dir(directory).map_or(0, |entries| entries.flatten().count())
}
