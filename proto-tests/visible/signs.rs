//! What an operator's monitoring sees of a process, and within which time.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::lab::{eventually::eventually, role::Role};

/// A fault is seen by then.
pub const RED: Duration = Duration::from_secs(30);
/// And its cure by then.
pub const GREEN: Duration = Duration::from_secs(60);

/// A process that does not answer a monitoring by then counts as away.
const PATIENCE: Duration = Duration::from_secs(2);

/// What keeps a process from its work, and what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// `/readyz` says so.
    InTheWay,
    /// `/readyz` says that it is ready.
    Aside,
}

async fn page(role: &Role, path: &str) -> Option<(u16, String)> {
    timeout(PATIENCE, role.get(path)).await.ok().flatten()
}

/// Waits until an alarm stands, and gives its detail. It is told in all places at once.
pub async fn red(role: &Role, kind: &str, course: Course) -> String {
    let begin = format!("{kind}: ");
    let detail = eventually(&format!("{kind} is alarmed"), RED, async || {
        let answer = page(role, "/alarms").await;
        let alarms = answer.clone().map(|(_, body)| body).unwrap_or_default();
        let found = alarms.lines().find_map(|line| line.strip_prefix(&begin));
        found.map(str::to_owned).ok_or(answer)
    })
    .await;
    assert_eq!(figure(role, kind).await, 1.0, "{kind}");
    assert!(n_told(role, "alarm.began", kind) > n_told(role, "alarm.ended", kind));
    let ready = page(role, "/readyz").await;
    match (course, &ready) {
        (Course::InTheWay, Some((503, body))) => assert!(body.contains(&begin), "{body}"),
        (Course::Aside, Some((_, body))) => assert!(!body.contains(&begin), "{body}"),
        (Course::InTheWay | Course::Aside, _) => panic!("{kind}: {ready:?}"),
    }
    detail
}

/// Waits until an alarm is over and the process is ready.
pub async fn green(role: &Role, kind: &str) {
    let begin = format!("{kind}: ");
    eventually(&format!("{kind} is over"), GREEN, async || {
        let seen = (page(role, "/alarms").await, page(role, "/readyz").await);
        match &seen {
            (Some((200, alarms)), Some((200, _))) if !alarms.contains(&begin) => Ok(()),
            _ => Err(seen),
        }
    })
    .await;
    assert_eq!(figure(role, kind).await, 0.0, "{kind}");
    assert_eq!(
        n_told(role, "alarm.began", kind),
        n_told(role, "alarm.ended", kind)
    );
}

/// Waits until a process does not answer its monitoring any more.
pub async fn away(role: &Role) {
    let what = "the process does not answer";
    eventually(what, RED, async || match page(role, "/readyz").await {
        None => Ok(()),
        answer => Err(answer),
    })
    .await;
}

/// Waits until a process is ready.
pub async fn ready(role: &Role) {
    let what = "the process is ready";
    eventually(what, GREEN, async || match page(role, "/readyz").await {
        Some((200, _)) => Ok(()),
        answer => Err(answer),
    })
    .await;
}

/// How often an event of an alarm was told.
pub fn n_told(role: &Role, event: &str, kind: &str) -> usize {
    let events = role.events();
    let wanted = |line: &&Value| line["kind"] == kind && line["event"] == event;
    events.iter().filter(wanted).count()
}

async fn figure(role: &Role, kind: &str) -> f64 {
    role.metric(&format!("mailhold_alarm{{kind=\"{kind}\"}}"))
        .await
}
