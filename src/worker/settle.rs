//! Carries decisions out: claim, look, begin, act, prove, record. No transaction is open while
//! Postfix works, and a count of 0 means "look at the queue", never "done" and never "failed".
//!
//! A command may be run in the first half of the lease only, and takes at most the second half
//! (`postfix.command_timeout`). So no two workers ever act on one message, as long as this one is
//! awake; if it was frozen it learns from the database, right before it acts, that it is too late.

use std::{collections::HashSet, sync::Arc, time::Duration};

use chrono::Utc;
use futures_util::{StreamExt, stream};
use tokio::{sync::watch, time::Instant};

use super::{
    Bells, Desk,
    asking::Asking,
    fates::{Fates, Fault, Proven, Recorded},
    identity::{self, Found},
    prove::{self, Missed},
    rung,
    troubles::{Part, Troubles},
};
use crate::{
    domain::{decision::Decision, queue_id::QueueId},
    postfix::{Held, Postfix, error::PostfixError, postsuper::Action},
    store::{
        settlements::Method,
        work::{Claimed, Lease},
    },
    telemetry::{AlarmKind, chain::Chain, events},
};

/// Queue files read at once.
const AT_ONCE: usize = 4;

/// Queue files are read up to about this many bytes before the commands for them are run, so that a
/// batch of large messages is carried out in parts instead of never in time.
const PART_BYTES: u64 = 64 * 1_024 * 1_024;

/// Settles whenever it is rung.
pub(super) async fn run(desk: Arc<Desk>, bells: Arc<Bells>, mut stop: watch::Receiver<bool>) {
    let mut memory = Memory::default();
    while rung(&bells.settle, &desk, &mut stop).await {
        while settle_round(&desk, &mut memory).await == Progress::More && !*stop.borrow() {}
    }
    // What PostgreSQL does not take now is proven again from Postfix's log after the next start.
    memory.proven.record(&desk, Fates::default()).await;
}

/// What is known from one round to the next. Nothing is lost with it but time.
#[derive(Default)]
struct Memory {
    proven: Proven,
    missed: Missed,
}

#[derive(PartialEq, Eq)]
enum Progress {
    /// There may be more to claim.
    More,
    /// Nothing is due, or the database is away.
    Idle,
}

async fn settle_round(desk: &Desk, memory: &mut Memory) -> Progress {
    Asking::Settle.begin(desk);
    let progress = settle_some(desk, memory).await;
    Asking::Settle.end(desk);
    progress
}

async fn settle_some(desk: &Desk, memory: &mut Memory) -> Progress {
    if memory.proven.record(desk, Fates::default()).await == Recorded::Away {
        return Progress::Idle;
    }
    let settings = desk.settings();
    // The lease begins later, in the database.
    let safe_until = Instant::now() + settings.lease / 2;
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
            Asking::Settle.note(desk, &error);
            return Progress::Idle;
        }
    };
    note_claimed(desk, &claimed);
    for part in parts(memory.proven.renew(claimed)) {
        let fates = settle_part(desk, part, safe_until, &mut memory.missed).await;
        if memory.proven.record(desk, fates).await == Recorded::Away {
            // The other leases end by themselves.
            return Progress::Idle;
        }
    }
    Progress::More
}

fn note_claimed(desk: &Desk, claimed: &[Claimed]) {
    for work in claimed.iter().filter(|work| work.lease.attempt() == 1) {
        let standing = &work.standing;
        desk.metrics.decided(work.decision.as_str());
        events::review_decided(&standing.queue_id, standing.capture_id, work.decision);
    }
}

/// Cuts a batch so that each part can be looked at in a fraction of the lease.
fn parts(claimed: Vec<Claimed>) -> Vec<Vec<Claimed>> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), 0_u64);
    for work in claimed {
        bytes = bytes.saturating_add(work.standing.size_bytes);
        if bytes > PART_BYTES && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
            bytes = work.standing.size_bytes;
        }
        part.push(work);
    }
    parts.push(part);
    parts
}

async fn settle_part(
    desk: &Desk,
    part: Vec<Claimed>,
    safe_until: Instant,
    missed: &mut Missed,
) -> Fates {
    if Instant::now() >= safe_until {
        return too_late(part);
    }
    let (mut plan, mut fates) = look_at_all(desk, part, missed).await;
    for action in Action::ALL {
        let works: Vec<Claimed> = plan
            .extract_if(.., |(_, planned)| *planned == action)
            .map(|(work, _)| work)
            .collect();
        if !works.is_empty() {
            fates.extend(begin(desk, (action, works), safe_until, missed).await);
        }
    }
    fates
}

fn too_late(works: Vec<Claimed>) -> Fates {
    let mut fates = Fates::default();
    fates.postpone(works, Fault::Time, "the lease was half over");
    fates
}

/// Looks at each message right before anything is done: only the captured one may be touched.
async fn look_at_all(
    desk: &Desk,
    part: Vec<Claimed>,
    missed: &mut Missed,
) -> (Vec<(Claimed, Action)>, Fates) {
    let looks = part.into_iter().map(|work| async move {
        let found = identity::look(&desk.postfix, &work.standing, Some(work.decision)).await;
        (work, found)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let (mut plan, mut fates) = (Vec::new(), Fates::default());
    let mut missing = Vec::new();
    while let Some((work, found)) = looks.next().await {
        match found {
            Ok(Found::Same(held)) => {
                missed.found(&work);
                let action = action_for(work.decision, &held, &desk.postfix);
                plan.push((work, action));
            }
            Ok(Found::Missing) => missing.push(work),
            Ok(Found::NotReady) => {
                fates.postpone(vec![work], Fault::Message, "the queue file is not ready");
            }
            Ok(Found::Doubtful(reason)) => {
                let standing = &work.standing;
                let text = format!("{}: {reason}", standing.queue_id);
                desk.alarms.raise(AlarmKind::IdentityMismatch, &text);
                events::identity_mismatch(&standing.queue_id, standing.capture_id, &reason);
                fates.postpone(vec![work], Fault::Message, &reason);
            }
            Err(error) => {
                Troubles::note(desk, Part::Queue, &error);
                let reason = Chain(&error).to_string();
                fates.postpone(vec![work], Fault::Service, &reason);
            }
        }
    }
    let found = prove::missing(desk, missing, missed).await;
    hasten_found(desk, &found).await;
    fates.extend(found);
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

/// Leaves word that the command is about to run: without it, whatever becomes of the message is
/// another hand's work. Acts on those that are still ours by the database's clock.
async fn begin(
    desk: &Desk,
    (action, works): (Action, Vec<Claimed>),
    safe_until: Instant,
    missed: &mut Missed,
) -> Fates {
    let leases: Vec<Lease> = works.iter().map(|work| work.lease).collect();
    // After a reload another half than that of these leases, and long enough for a command as well.
    let margin = desk.settings().lease / 2;
    let begun: HashSet<Lease> = match desk.store.begin(&leases, margin).await {
        Ok(begun) => begun.into_iter().collect(),
        Err(error) => {
            Asking::Settle.note(desk, &error);
            // The word may have been taken, and only the answer lost.
            withdraw(desk, &works).await;
            let mut fates = Fates::default();
            fates.postpone(works, Fault::Service, &Chain(&error).to_string());
            return fates;
        }
    };
    let (works, late) = works
        .into_iter()
        .partition(|work| begun.contains(&work.lease));
    let mut fates = too_late(late);
    if Instant::now() < safe_until {
        fates.extend(carry_out(desk, action, works, missed).await);
    } else {
        withdraw(desk, &works).await;
        fates.extend(too_late(works));
    }
    fates
}

/// Takes the word back where it was left just now and it is certain that no command was run.
async fn withdraw(desk: &Desk, works: &[Claimed]) {
    let fresh = works.iter().filter(|work| work.begun_at.is_none());
    let leases: Vec<Lease> = fresh.map(|work| work.lease).collect();
    if let Err(error) = desk.store.withdraw(&leases).await {
        Asking::Settle.note(desk, &error);
    }
}

async fn carry_out(desk: &Desk, action: Action, works: Vec<Claimed>, missed: &mut Missed) -> Fates {
    let ids = queue_ids(&works);
    let mark = desk.postfix.mark_log(Utc::now());
    let report = match desk.postfix.carry_out(action, &ids).await {
        Ok(report) => report,
        Err(error) => {
            Troubles::note(desk, Part::Commands, &error);
            if was_not_run(&error) {
                withdraw(desk, &works).await;
            }
            // What happened all the same is found out at the next attempt.
            let mut fates = Fates::default();
            fates.postpone(works, Fault::Service, &Chain(&error).to_string());
            return fates;
        }
    };
    Troubles::over(desk, Part::Commands);
    let on_their_way: Vec<_> = report.done.iter().cloned().collect();
    let command = prove::Command {
        action,
        mark,
        report,
    };
    let (fates, ()) = tokio::join!(
        prove::after(desk, command, works, missed),
        hasten(desk, action, &on_their_way),
    );
    fates
}

/// Whether `postsuper` itself was never started.
fn was_not_run(error: &PostfixError) -> bool {
    matches!(
        error,
        PostfixError::Start { .. } | PostfixError::Forbidden { .. }
    )
}

/// Has Postfix try the messages at once, instead of at its next look at the queue.
async fn hasten(desk: &Desk, action: Action, ids: &[QueueId]) {
    let hastened = match action {
        Action::Release | Action::Return => desk.postfix.deliver_now(ids).await,
        Action::Requeue if !ids.is_empty() => desk.postfix.pick_up_now().await,
        Action::Requeue | Action::Discard => Ok(()),
    };
    if let Err(error) = hastened {
        events::delivery_not_hastened(&error);
    }
}

/// The same for messages whose release was found done: whoever did it may not have come to this.
async fn hasten_found(desk: &Desk, fates: &Fates) {
    let (mut released, mut requeued) = (Vec::new(), Vec::new());
    for (work, method) in fates.settled() {
        let id = work.standing.queue_id.clone();
        match method {
            Method::Unhold | Method::Expire => released.push(id),
            Method::Requeue { .. } => requeued.push(id),
            Method::None | Method::Delete => {}
        }
    }
    hasten(desk, Action::Release, &released).await;
    hasten(desk, Action::Requeue, &requeued).await;
}

pub(super) fn queue_ids(works: &[Claimed]) -> Vec<QueueId> {
    works
        .iter()
        .map(|work| work.standing.queue_id.clone())
        .collect()
}
