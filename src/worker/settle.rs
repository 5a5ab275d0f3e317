//! Carries decisions out: claim, look, act, prove, record. No transaction is open while Postfix
//! works, and a count of 0 means "look at the queue", never "done" and never "failed".

use std::{sync::Arc, time::Duration};

use chrono::Utc;
use futures_util::{StreamExt, stream};
use tokio::{sync::watch, time::Instant};

use super::{
    Bells, Desk,
    identity::{self, Found},
    note_postfix, note_store, prove, rung,
};
use crate::{
    domain::decision::Decision,
    postfix::{Held, Postfix, postsuper::Action},
    store::{
        settlements::Settlement,
        work::{Claimed, Lease},
    },
    telemetry::{AlarmKind, chain::Chain, events},
};

/// The first pause of a decision that could not be carried out; it doubles with every attempt.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Queue files read at once.
const AT_ONCE: usize = 4;

/// Settles whenever it is rung.
pub(super) async fn run(desk: Arc<Desk>, bells: Arc<Bells>, mut stop: watch::Receiver<bool>) {
    while rung(&bells.settle, desk.settings.poll, &mut stop).await {
        while settle_some(&desk).await == Progress::More && !*stop.borrow() {}
    }
}

#[derive(PartialEq, Eq)]
enum Progress {
    /// There may be more to claim.
    More,
    /// Nothing is due, or the database is away.
    Idle,
}

/// What becomes of one claimed decision.
pub(super) enum Fate {
    /// Its effect is proven, or another hand was faster.
    Settled(Settlement),
    /// To be tried again; why.
    Postponed(String),
}

/// The fates of one round.
pub(super) type Fates = Vec<(Claimed, Fate)>;

async fn settle_some(desk: &Desk) -> Progress {
    let settings = &desk.settings;
    let lease_ends = Instant::now() + settings.lease;
    let claimed = desk
        .store
        .claim(
            &settings.instance,
            &desk.name,
            settings.lease,
            settings.batch,
        )
        .await;
    let claimed = match claimed {
        Ok(claimed) if claimed.is_empty() => return Progress::Idle,
        Ok(claimed) => claimed,
        Err(error) => {
            note_store(desk, &error);
            return Progress::Idle;
        }
    };
    note_claimed(desk, &claimed);
    let (mut plan, mut fates) = look_at_all(desk, claimed).await;
    for action in Action::ALL {
        let works: Vec<Claimed> = plan
            .extract_if(.., |(_, planned)| *planned == action)
            .map(|(work, _)| work)
            .collect();
        // A worker that was frozen must not act on what another one may have claimed meanwhile.
        if Instant::now() + settings.lease / 2 >= lease_ends {
            fates.extend(postponed(works, "the lease was nearly over"));
        } else if !works.is_empty() {
            fates.extend(carry_out(desk, action, works).await);
        }
    }
    record(desk, fates, lease_ends).await;
    Progress::More
}

fn note_claimed(desk: &Desk, claimed: &[Claimed]) {
    for work in claimed.iter().filter(|work| work.lease.attempt() == 1) {
        let standing = &work.standing;
        desk.metrics.decided(work.decision.as_str());
        events::review_decided(&standing.queue_id, standing.capture_id, work.decision);
    }
}

/// Looks at each message right before anything is done: only the captured one may be touched.
async fn look_at_all(desk: &Desk, claimed: Vec<Claimed>) -> (Vec<(Claimed, Action)>, Fates) {
    let looks = claimed.into_iter().map(|work| async move {
        let found = identity::look(&desk.postfix, &work.standing).await;
        (work, found)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let (mut plan, mut fates) = (Vec::new(), Fates::new());
    let mut missing = Vec::new();
    while let Some((work, found)) = looks.next().await {
        match found {
            Ok(Found::Same(held)) => {
                let action = action_for(work.decision, &held, &desk.postfix);
                plan.push((work, action));
            }
            Ok(Found::Missing) => missing.push(work),
            Ok(Found::NotReady) => {
                fates.extend(postponed(vec![work], "the queue file is not ready"));
            }
            Ok(Found::Doubtful(reason)) => {
                let standing = &work.standing;
                let text = format!("{}: {reason}", standing.queue_id);
                desk.alarms.raise(AlarmKind::IdentityMismatch, &text);
                events::identity_mismatch(&standing.queue_id, standing.capture_id, &reason);
                fates.extend(postponed(vec![work], &reason));
            }
            Err(error) => {
                note_postfix(desk, &error);
                fates.extend(postponed(vec![work], &Chain(&error).to_string()));
            }
        }
    }
    fates.extend(prove::missing(desk, missing).await);
    (plan, fates)
}

/// A release late in the queue lifetime gets one try and then bounces (`qmgr_active.c`): after half
/// of it the message is submitted anew, with its age at zero.
fn action_for(decision: Decision, held: &Held, postfix: &Postfix) -> Action {
    match decision {
        Decision::Discard => Action::Discard,
        Decision::Return => Action::Return,
        Decision::Release => {
            let parameters = postfix.parameters();
            let lifetime = if held.message.sender.is_empty() {
                parameters.bounce_queue_lifetime
            } else {
                parameters.maximal_queue_lifetime
            };
            let now = u64::try_from(Utc::now().timestamp()).unwrap_or_default();
            let age = now.saturating_sub(held.message.created_second.unwrap_or_default());
            if Duration::from_secs(age) < lifetime / 2 {
                Action::Release
            } else {
                Action::Requeue
            }
        }
    }
}

async fn carry_out(desk: &Desk, action: Action, works: Vec<Claimed>) -> Fates {
    let ids: Vec<_> = works
        .iter()
        .map(|work| work.standing.queue_id.clone())
        .collect();
    let mark = desk.postfix.mark_log(Utc::now());
    let report = match desk.postfix.carry_out(action, &ids).await {
        Ok(report) => report,
        Err(error) => {
            note_postfix(desk, &error);
            // What happened all the same is found out at the next attempt.
            return postponed(works, &Chain(&error).to_string());
        }
    };
    desk.alarms.clear(AlarmKind::PostfixRefused);
    let on_their_way: Vec<_> = report.done.iter().cloned().collect();
    let (fates, hastened) = tokio::join!(
        prove::after(
            desk,
            prove::Command {
                action,
                mark,
                report
            },
            works
        ),
        hasten(&desk.postfix, action, &on_their_way),
    );
    if let Err(error) = hastened {
        events::delivery_not_hastened(&error);
    }
    fates
}

/// Has Postfix try the messages at once, instead of at its next look at the queue.
async fn hasten(
    postfix: &Postfix,
    action: Action,
    ids: &[crate::domain::queue_id::QueueId],
) -> Result<(), crate::postfix::error::PostfixError> {
    match action {
        Action::Release | Action::Return => postfix.deliver_now(ids).await,
        Action::Requeue => postfix.pick_up_now().await,
        Action::Discard => Ok(()),
    }
}

pub(super) fn postponed(works: Vec<Claimed>, reason: &str) -> Fates {
    works
        .into_iter()
        .map(|work| (work, Fate::Postponed(reason.to_owned())))
        .collect()
}

/// Records all fates; while PostgreSQL is away tries again for as long as the leases hold.
async fn record(desk: &Desk, fates: Fates, lease_ends: Instant) {
    let (mut settled, mut waiting) = (Vec::new(), Vec::new());
    for (work, fate) in fates {
        match fate {
            Fate::Settled(settlement) => settled.push((work, settlement)),
            Fate::Postponed(reason) => waiting.push((work, reason)),
        }
    }
    if !settled.is_empty() {
        record_settled(desk, &settled, lease_ends).await;
    }
    for (work, reason) in waiting {
        postpone(desk, &work, &reason).await;
    }
}

async fn record_settled(desk: &Desk, settled: &[(Claimed, Settlement)], lease_ends: Instant) {
    let settlements: Vec<Settlement> = settled
        .iter()
        .map(|(_, settlement)| settlement.clone())
        .collect();
    let recorded = loop {
        match desk.store.settle(&desk.name, &settlements).await {
            Ok(recorded) => break recorded,
            Err(error) => note_store(desk, &error),
        }
        if Instant::now() >= lease_ends {
            // The next attempt finds the proof in the queue and in Postfix's log.
            return;
        }
        tokio::time::sleep(FIRST_PAUSE).await;
    };
    let now = Utc::now();
    for (work, settlement) in settled {
        if recorded.contains(&settlement.capture_id) {
            prove::note(desk, work, settlement, now);
        }
    }
}

async fn postpone(desk: &Desk, work: &Claimed, reason: &str) {
    let pause = pause_after(work.lease, desk.settings.max_backoff);
    desk.metrics.settled(work.decision.as_str(), "postponed");
    events::settle_postponed(&work.standing.queue_id, work.decision, reason);
    if let Err(error) = desk.store.postpone(&[work.lease], pause, reason).await {
        // The lease ends by itself.
        note_store(desk, &error);
    }
}

fn pause_after(lease: Lease, longest: Duration) -> Duration {
    let doublings = lease.attempt().saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(longest)
}
