//! Carries decisions out: claim, look, begin, look once more, act, prove, record. No transaction is open while
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
    doubts,
    fates::{Fates, Fault, Proven, Recorded},
    identity::{self, Found},
    prove::{self, Missed},
    recheck::Read,
    rung,
    troubles::{Part, Troubles},
};
use crate::{
    domain::{decision::Decision, queue_id::QueueId},
    failpoint,
    postfix::{Held, Postfix, error::PostfixError, postsuper::Action},
    store::{
        settlements::Method,
        work::{Claimed, Lease},
    },
    telemetry::{chain::Chain, events},
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
    failpoint::reach!("worker.claimed");
    note_claimed(desk, &claimed);
    for part in parts(memory.proven.renew(claimed)) {
        let fates = settle_part(desk, part, safe_until, &mut memory.missed).await;
        failpoint::reach!("worker.settle.before");
        if memory.proven.record(desk, fates).await == Recorded::Away {
            // The other leases end by themselves.
            return Progress::Idle;
        }
        failpoint::reach!("worker.settle.after");
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
    let (mut plan, read, mut fates) = look_at_all(desk, part, missed).await;
    for action in Action::ALL {
        let works: Vec<Claimed> = plan
            .extract_if(.., |(_, planned)| *planned == action)
            .map(|(work, _)| work)
            .collect();
        if !works.is_empty() {
            fates.extend(begin(desk, (action, works), &read, safe_until, missed).await);
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
) -> (Vec<(Claimed, Action)>, Read, Fates) {
    let looks = part.into_iter().map(|work| async move {
        let found = identity::look(&desk.postfix, &work.standing, Some(work.decision)).await;
        (work, found)
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    let (mut plan, mut read, mut fates) = (Vec::new(), Read::default(), Fates::default());
    let mut missing = Vec::new();
    while let Some((work, found)) = looks.next().await {
        match found {
            Ok(Found::Same(held)) => {
                missed.found(&work);
                read.note(&work, held.stamp);
                let action = action_for(work.decision, &held, &desk.postfix);
                plan.push((work, action));
            }
            Ok(Found::Missing) => missing.push(work),
            Ok(Found::NotReady) => {
                missed.found(&work);
                fates.postpone(vec![work], Fault::Message, "the queue file is not ready");
            }
            Ok(Found::Doubtful(reason)) => {
                missed.found(&work);
                doubts::note(desk, Asking::Settle, &work.standing, &reason).await;
                fates.postpone(vec![work], Fault::Message, &reason);
            }
            Err(error) => {
                Troubles::note(desk, Part::Queue, &error);
                let reason = Chain(&error).to_string();
                fates.postpone(vec![work], Fault::Service, &reason);
            }
        }
    }
    let doubted = plan.iter().filter(|(work, _)| work.is_doubted);
    let found = doubted.map(|(work, _)| work.standing.capture_id);
    doubts::over(desk, Asking::Settle, &found.collect::<Vec<_>>()).await;
    let found = prove::missing(desk, missing, missed).await;
    hasten_found(desk, &found).await;
    fates.extend(found);
    (plan, read, fates)
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
    read: &Read,
    safe_until: Instant,
    missed: &mut Missed,
) -> Fates {
    let leases: Vec<Lease> = works.iter().map(|work| work.lease).collect();
    // After a reload another half than that of these leases, and long enough for a command as well.
    let margin = desk.settings().lease / 2;
    failpoint::reach!("worker.begin.before");
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
    failpoint::reach!("worker.begin.after");
    let (works, late) = works
        .into_iter()
        .partition(|work| begun.contains(&work.lease));
    let mut fates = too_late(late);
    if Instant::now() < safe_until {
        let works = last_look(desk, works, read, &mut fates).await;
        fates.extend(carry_out(desk, action, works, missed).await);
    } else {
        withdraw(desk, &works).await;
        fates.extend(too_late(works));
    }
    fates
}

/// Keeps those whose files are the ones that were read; the others are looked at anew.
async fn last_look(
    desk: &Desk,
    works: Vec<Claimed>,
    read: &Read,
    fates: &mut Fates,
) -> Vec<Claimed> {
    let (same, others, fault, reason) = match read.unchanged(&desk.postfix, works).await {
        Ok((same, changed)) => {
            let reason = "its queue file was changed right before the command".to_owned();
            (same, changed, Fault::Message, reason)
        }
        Err((works, error)) => {
            Troubles::note(desk, Part::Queue, &error);
            let reason = Chain(&error).to_string();
            (Vec::new(), works, Fault::Service, reason)
        }
    };
    withdraw(desk, &others).await;
    fates.postpone(others, fault, &reason);
    same
}

/// Takes the word back where it was left just now and it is certain that no command was run.
async fn withdraw(desk: &Desk, works: &[Claimed]) {
    let fresh = works.iter().filter(|work| work.begun_at.is_none());
    let leases: Vec<Lease> = fresh.map(|work| work.lease).collect();
    if leases.is_empty() {
        return;
    }
    if let Err(error) = desk.store.withdraw(&leases).await {
        Asking::Settle.note(desk, &error);
    }
}

async fn carry_out(desk: &Desk, action: Action, works: Vec<Claimed>, missed: &mut Missed) -> Fates {
    if works.is_empty() {
        return Fates::default();
    }
    let ids = queue_ids(&works);
    let mark = desk.postfix.mark_log(Utc::now());
    failpoint::reach!("worker.command.before");
    let carried_out = desk.postfix.carry_out(action, &ids).await;
    failpoint::reach!("worker.command.after");
    let report = match carried_out {
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
    failpoint::reach!("worker.proven");
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
