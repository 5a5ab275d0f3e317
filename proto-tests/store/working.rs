//! The worker's questions: confirm, claim, postpone.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::{
    domain::{decision::Decision, lifecycle::State},
    store::{Role, work::Claimed},
};

use super::{
    fixture::{BOUND, Fixture, LONG_LEASE, MAIL, instance, queue_id, record},
    settling::settle_as_decided,
};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        unconfirmed_captures_are_found_by_queue_id,
        unconfirmed_captures_are_read_page_by_page,
        held_captures_are_read_page_by_page,
        decided_captures_are_read_page_by_page_until_they_are_settled,
        a_capture_is_confirmed_once,
        only_one_capture_of_a_queue_file_is_held,
        another_instances_messages_are_not_seen,
        a_claim_tells_all_that_identifies_the_queue_file,
        workers_that_claim_together_share_the_work,
        work_under_a_lease_is_not_claimed_again,
        postponed_work_is_claimed_after_its_pause,
        a_lost_lease_cannot_postpone,
        a_server_clock_that_was_set_back_keeps_no_decision_waiting,
        figures_count_what_waits,
    ]
}

async fn unconfirmed_captures_are_found_by_queue_id(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (known, held) = (fixture.captured().await, fixture.held().await);
    let asked = [queue_id(), known.queue_id.clone(), held.queue_id];
    let found = fixture
        .worker()
        .captured(&fixture.instance, &asked)
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].capture_id, known.id);
    assert_eq!(found[0].queue_id, known.queue_id);
    assert_eq!(found[0].digest, known.digest);
    assert_eq!(found[0].size_bytes, known.size_bytes);
    assert_eq!(found[0].captured_at, known.captured_at);
}

async fn unconfirmed_captures_are_read_page_by_page(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let made: Vec<_> = (0..5).map(|_| fixture.capture()).collect();
    let mut records: Vec<_> = made.iter().map(|capture| record(capture, MAIL)).collect();
    fixture.milter().record(&mut records).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = fixture
            .worker()
            .unconfirmed(&fixture.instance, after, 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.capture_id);
        seen.extend(page.iter().map(|standing| standing.capture_id));
    }
    assert_eq!(
        seen,
        made.iter().map(|capture| capture.id).collect::<Vec<_>>()
    );
}

async fn held_captures_are_read_page_by_page(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (first, second) = (fixture.held().await, fixture.held().await);
    fixture.captured().await;
    fixture.decided(Decision::Release).await;
    let worker = fixture.worker();
    let page = worker.held(&fixture.instance, None, 1).await.unwrap();
    assert_eq!(page[0].capture_id, first.id);
    let page = worker
        .held(&fixture.instance, Some(&first.queue_id), 10)
        .await
        .unwrap();
    assert_eq!(
        page.iter().map(|s| s.capture_id).collect::<Vec<_>>(),
        [second.id]
    );
}

async fn decided_captures_are_read_page_by_page_until_they_are_settled(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.decided(Decision::Discard).await;
    settle_as_decided(&fixture).await;
    fixture.held().await;
    let mut made = Vec::new();
    for decision in [Decision::Release, Decision::Discard, Decision::Return] {
        made.push(fixture.decided(decision).await.id);
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = fixture
            .worker()
            .decided(&fixture.instance, after, 2)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.capture_id);
        assert!(page.iter().all(|known| known.state == State::Decided));
        seen.extend(page.iter().map(|known| known.capture_id));
    }
    assert_eq!(seen, made);
}

async fn a_capture_is_confirmed_once(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let workers: Vec<_> = (0..4)
        .map(|_| fixture.fresh("mailhold_worker", Role::Worker))
        .collect();
    let ids = [capture.id];
    let confirmed = join_all(workers.iter().map(|worker| worker.confirm(&ids))).await;
    let n_confirmed: usize = confirmed
        .into_iter()
        .map(|moved| moved.unwrap().len())
        .sum();
    assert_eq!(n_confirmed, 1);
    assert_eq!(fixture.state(&capture).await, "held");
}

async fn only_one_capture_of_a_queue_file_is_held(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let first = fixture.captured().await;
    let [mut second, mut third] = [fixture.capture(), fixture.capture()];
    second.queue_id = first.queue_id.clone();
    third.queue_id = first.queue_id.clone();
    let mut records = [record(&second, MAIL), record(&third, MAIL)];
    fixture.milter().record(&mut records).await.unwrap();
    let worker = fixture.worker();

    assert_eq!(
        worker.confirm(&[first.id, second.id]).await.unwrap(),
        [first.id]
    );
    assert_eq!(worker.confirm(&[second.id, third.id]).await.unwrap(), []);
    assert_eq!(fixture.state(&third).await, "captured");
}

async fn another_instances_messages_are_not_seen(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    fixture.decided(Decision::Release).await;
    let (worker, other) = (fixture.worker(), instance());
    assert_eq!(worker.unconfirmed(&other, None, 10).await.unwrap(), []);
    assert_eq!(
        worker.captured(&other, &[capture.queue_id]).await.unwrap(),
        []
    );
    assert_eq!(worker.decided(&other, None, 10).await.unwrap(), []);
    assert_eq!(worker.claim(&other, "w", LONG_LEASE, 10).await.unwrap(), []);
    assert_eq!(
        worker.figures(&other, None).await.unwrap(),
        Default::default()
    );
}

async fn a_claim_tells_all_that_identifies_the_queue_file(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Return).await;
    let claimed = fixture.claim("w1").await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].decision, Decision::Return);
    assert_eq!(claimed[0].lease.attempt(), 1);
    assert_eq!(claimed[0].standing.capture_id, capture.id);
    assert_eq!(claimed[0].standing.queue_id, capture.queue_id);
    assert_eq!(claimed[0].standing.digest, capture.digest);
    let pending = fixture
        .reviews()
        .show(capture.id)
        .await
        .unwrap()
        .unwrap()
        .pending
        .unwrap();
    assert_eq!(
        (pending.attempt, pending.leased_by.as_deref()),
        (1, Some("w1"))
    );
}

async fn workers_that_claim_together_share_the_work(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    for _ in 0..20 {
        fixture.decided(Decision::Release).await;
    }
    let (workers, instance) = (
        [0; 4].map(|_| fixture.fresh("mailhold_worker", Role::Worker)),
        &fixture.instance,
    );
    let claims = workers
        .iter()
        .map(|worker| worker.claim(instance, "w", LONG_LEASE, 3));
    let mut claimed = Vec::new();
    for claim in join_all(claims).await {
        claimed.extend(claim.unwrap());
    }
    claimed.extend(fixture.claim("last").await);
    let mut ids: Vec<_> = claimed
        .iter()
        .map(|claimed| claimed.standing.capture_id)
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), claimed.len()), (20, 20));
}

async fn work_under_a_lease_is_not_claimed_again(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.decided(Decision::Release).await;
    assert_eq!(fixture.claim("w1").await.len(), 1);
    assert_eq!(fixture.claim("w1").await, []);
    assert_eq!(fixture.claim("w2").await, []);
}

async fn postponed_work_is_claimed_after_its_pause(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let lease = fixture.claim("w1").await[0].lease;
    let worker = fixture.worker();
    let pause = Duration::from_secs(3_600);
    assert_eq!(
        worker
            .postpone(&[lease], pause, "postsuper hangs")
            .await
            .unwrap(),
        [lease]
    );
    assert_eq!(fixture.claim("w1").await, []);
    let pending = fixture
        .reviews()
        .show(capture.id)
        .await
        .unwrap()
        .unwrap()
        .pending
        .unwrap();
    assert_eq!(pending.last_failure.as_deref(), Some("postsuper hangs"));
    assert_eq!(pending.leased_by, None);

    worker
        .postpone(&[lease], Duration::ZERO, "again")
        .await
        .unwrap();
    let claimed = claim_some(&fixture, "w2").await;
    assert_eq!(claimed[0].lease.attempt(), 2);
}

async fn a_lost_lease_cannot_postpone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.decided(Decision::Release).await;
    let lost = fixture
        .worker()
        .claim(&fixture.instance, "w1", Duration::ZERO, 1)
        .await
        .unwrap()[0]
        .lease;
    let newer = claim_some(&fixture, "w2").await[0].lease;
    let postponed = fixture
        .worker()
        .postpone(&[lost, newer], LONG_LEASE, "busy")
        .await
        .unwrap();
    assert_eq!(postponed, [newer]);
}

/// Claims as soon as something is due.
pub async fn claim_some(fixture: &Fixture<'_>, worker: &str) -> Vec<Claimed> {
    eventually("work is due", BOUND, async || {
        let claimed = fixture.claim(worker).await;
        if claimed.is_empty() {
            Err("nothing")
        } else {
            Ok(claimed)
        }
    })
    .await
}

async fn a_server_clock_that_was_set_back_keeps_no_decision_waiting(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    for _ in 0..3 {
        fixture.decided(Decision::Release).await;
    }
    let store = fixture.worker();
    let instance = &fixture.instance;
    let leased = store
        .claim(instance, "before", LONG_LEASE, 1)
        .await
        .unwrap();
    // As the server finds them after it was set back by an hour: one of them under a lease.
    let set_back = format!(
        "update work set due_at = due_at + interval '1 hour' where instance = '{instance}'"
    );
    fixture.execute(&set_back).await;
    assert_eq!(fixture.claim("worker").await, []);
    let longest = LONG_LEASE;
    assert_eq!(store.make_due(instance, longest).await.unwrap(), 3);
    assert_eq!(store.make_due(instance, longest).await.unwrap(), 0);
    let claimed = fixture.claim("worker").await;
    assert_eq!(claimed.len(), 3);
    assert_eq!(
        store.make_due(instance, longest).await.unwrap(),
        0,
        "leases stand"
    );
    let margin = Duration::from_secs(1);
    let late = store.begin(&[leased[0].lease], margin).await.unwrap();
    assert_eq!(late, [], "the lease of before is void");
}

async fn figures_count_what_waits(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let captured = fixture.captured().await;
    let held = fixture.held().await;
    fixture.held().await;
    fixture.decided(Decision::Discard).await;
    let figures = fixture
        .worker()
        .figures(&fixture.instance, None)
        .await
        .unwrap();
    assert_eq!(
        (
            figures.unconfirmed.count,
            figures.held.count,
            figures.decided.count
        ),
        (1, 2, 1)
    );
    assert_eq!(figures.unconfirmed.oldest, Some(captured.captured_at));
    assert_eq!(figures.held.oldest, Some(held.captured_at));
    assert!(figures.decided.oldest.is_some());
    // What is known already is not counted again, unless nothing is held any more.
    let store = fixture.worker();
    let known = store.figures(&fixture.instance, Some(7)).await.unwrap();
    assert_eq!((known.unconfirmed.count, known.held.count), (1, 7));
    let none = store.figures(&instance(), Some(7)).await.unwrap();
    assert_eq!(none.held.count, 0);
}
