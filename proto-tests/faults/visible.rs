//! Looks at the house from outside, as monitoring does: who is ready, which alarms stand. Never judges
//! what it sees.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::Utc;
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{house::House, snapshot::Look};
use crate::lab::role;

const LOOK: Duration = Duration::from_millis(500);
/// Monitoring gives up as well.
const PATIENCE: Duration = Duration::from_secs(2);
/// Alarms that tell of a moment stand for a quarter of an hour, whatever is cured.
const MOMENTARY: [&str; 7] = [
    "flag_unknown",
    "capture_set_aside",
    "header_unread",
    "session_panicked",
    "queue_id_missing",
    "negotiation_failed",
    "gone",
];
/// What an operator's hand keeps at fault, also between two faults of servers.
const BY_HAND: [&str; 2] = ["stray", "identity_mismatch"];

/// Looks until it is dropped.
pub struct Lookout {
    looks: Arc<Mutex<Vec<Look>>>,
    looking: JoinHandle<()>,
}

impl Lookout {
    /// Begins.
    pub fn begin(house: &House) -> Self {
        let looks: Arc<Mutex<Vec<Look>>> = Arc::default();
        let roles = house.roles().map(|role| (role.name.clone(), role.metrics));
        let seen = looks.clone();
        let looking = tokio::spawn(async move {
            loop {
                let from = Utc::now();
                let [one, two, three] = &roles;
                let (one, two, three) = tokio::join!(signs(one), signs(two), signs(three));
                let look = Look {
                    from,
                    to: Utc::now(),
                    signs: [one, two, three].into_iter().flatten().collect(),
                };
                seen.lock().unwrap().push(look);
                sleep(LOOK).await;
            }
        });
        Self { looks, looking }
    }

    /// Whether all is green now, what an operator's hand has done included.
    pub fn is_green(&self) -> bool {
        let looks = self.looks.lock().unwrap();
        looks.last().is_some_and(|look| look.signs.is_empty())
    }

    /// All that was seen of servers: what an operator's hand has done is no fault of theirs.
    pub fn looks(&self) -> Vec<Look> {
        let mut looks = self.looks.lock().unwrap().clone();
        for look in &mut looks {
            look.signs.retain(|sign| !is_by_hand(sign));
        }
        looks
    }

    /// Waits until all servers are seen green, or for so long.
    pub async fn green(&self, bound: Duration) {
        let begin = Utc::now();
        let is_green = || {
            let looks = self.looks.lock().unwrap();
            let fresh = looks.last().filter(|look| look.from >= begin);
            fresh.is_some_and(|look| look.signs.iter().all(|sign| is_by_hand(sign)))
        };
        let waiting = async {
            while !is_green() {
                sleep(LOOK).await;
            }
        };
        timeout(bound, waiting).await.ok();
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn is_by_hand(sign: &str) -> bool {
    let kind = sign.rsplit(' ').next();
    kind.is_some_and(|kind| BY_HAND.contains(&kind))
}

/// Whether a process is away or not ready, and its alarms that stand.
async fn signs((name, door): &(String, SocketAddr)) -> BTreeSet<String> {
    let sign = |what: &str| format!("{name} {what}");
    let (Some((ready, _)), Some((200, figures))) =
        (page(*door, "/readyz").await, page(*door, "/metrics").await)
    else {
        return BTreeSet::from([sign("away")]);
    };
    let alarms = figures.lines().filter_map(|line| {
        let alarm = line.strip_prefix("mailhold_alarm{kind=\"")?;
        alarm.strip_suffix("\"} 1")
    });
    let lasting = alarms.filter(|kind| !MOMENTARY.contains(kind));
    let mut signs: BTreeSet<String> = lasting.map(sign).collect();
    if ready != 200 && signs.is_empty() {
        signs.insert(sign("not ready"));
    }
    signs
}

async fn page(door: SocketAddr, path: &str) -> Option<(u16, String)> {
    timeout(PATIENCE, role::get(door, path))
        .await
        .ok()
        .flatten()
}
