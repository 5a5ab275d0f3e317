//! Settling: what became of messages, recorded once and only by whoever holds the lease.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        capture::Capture,
        capture_id::CaptureId,
        decision::{Decision, Disposition},
    },
    store::{
        Role, StoreError,
        reviews::ReviewKey,
        settlements::{Closing, Method, Settlement, Undecided},
        work::Claimed,
    },
};

use super::{
    fixture::{BOUND, Deciding, Fixture, LONG_LEASE, ballot, queue_id},
    working::claim_some,
};
use crate::{
    lab::{Lab, eventually::eventually},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        each_decision_is_settled_as_what_it_says,
        a_lease_that_expired_is_claimed_by_another_and_the_first_settlement_is_refused,
        a_settlement_is_recorded_once,
        a_disposition_that_was_not_decided_is_refused,
        a_decided_message_can_be_gone,
        a_requeued_message_answers_to_both_queue_ids,
        a_requeue_without_a_known_new_id_is_recorded_so,
        a_captured_message_can_be_never_queued_or_gone,
        a_held_message_can_be_gone_but_not_never_queued,
        a_decided_message_is_not_closed_behind_its_back,
        what_was_settled_before_is_not_read_again,
    ]
}

fn settlement(claimed: &Claimed, disposition: Disposition, method: Method) -> Settlement {
    Settlement {
        lease: claimed.lease,
        capture_id: claimed.standing.capture_id,
        disposition,
        method,
        evidence: "postsuper said so".to_owned(),
    }
}

/// Carries out all decisions that are due and gives the settled captures.
pub async fn settle_as_decided(fixture: &Fixture<'_>) -> Vec<CaptureId> {
    let settlements: Vec<_> = claim_some(fixture, "w1")
        .await
        .iter()
        .map(|claimed| {
            let method = match claimed.decision {
                Decision::Release => Method::Unhold,
                Decision::Discard => Method::Delete,
                Decision::Return => Method::Expire,
            };
            settlement(claimed, claimed.decision.fulfilled(), method)
        })
        .collect();
    fixture.worker().settle("w1", &settlements).await.unwrap()
}

async fn each_decision_is_settled_as_what_it_says(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut captures = Vec::new();
    for decision in Decision::ALL {
        captures.push((fixture.decided(decision).await, decision));
    }
    assert_eq!(settle_as_decided(&fixture).await.len(), 3);
    for (capture, decision) in captures {
        let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
        assert_eq!(review.state.as_str(), decision.fulfilled().as_str());
        let settled = review.settled.unwrap();
        assert_eq!(settled.disposition, decision.fulfilled());
        assert_eq!(
            (settled.worker, settled.evidence),
            ("w1".into(), "postsuper said so".into())
        );
        assert_eq!(review.pending, None);
    }
}

async fn a_lease_that_expired_is_claimed_by_another_and_the_first_settlement_is_refused(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let first = fixture
        .worker()
        .claim(&fixture.instance, "w1", Duration::ZERO, 1)
        .await
        .unwrap();
    let second = claim_some(&fixture, "w2").await;
    assert_eq!(second[0].lease.attempt(), 2);

    let late = settlement(&first[0], Disposition::Released, Method::Unhold);
    assert_eq!(fixture.worker().settle("w1", &[late]).await.unwrap(), []);
    assert_eq!(fixture.state(&capture).await, "decided");

    let right = settlement(&second[0], Disposition::Released, Method::Unhold);
    assert_eq!(
        fixture.worker().settle("w2", &[right]).await.unwrap(),
        [capture.id]
    );
    assert_eq!(settled_by(&fixture, &capture).await, "w2");
}

async fn settled_by(fixture: &Fixture<'_>, capture: &Capture) -> String {
    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    review.settled.unwrap().worker
}

async fn a_settlement_is_recorded_once(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let claimed = fixture.claim("w1").await;
    let report = settlement(&claimed[0], Disposition::Released, Method::Unhold);
    let worker = fixture.worker();
    assert_eq!(
        worker
            .settle("w1", std::slice::from_ref(&report))
            .await
            .unwrap(),
        [capture.id]
    );
    // Whoever did not hear the answer is told again; nobody else's settlement is taken for one's own.
    let again = worker.settle("w1", std::slice::from_ref(&report)).await;
    assert_eq!(again.unwrap(), [capture.id]);
    assert_eq!(worker.settle("w2", &[report]).await.unwrap(), []);
    assert_eq!(fixture.count("settlement").await, 1);
}

async fn a_disposition_that_was_not_decided_is_refused(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Discard).await;
    let claimed = fixture.claim("w1").await;
    for (disposition, method) in [
        (Disposition::Released, Method::Unhold),
        (Disposition::Returned, Method::Expire),
        (Disposition::NeverQueued, Method::None),
    ] {
        let wrong = settlement(&claimed[0], disposition, method);
        let error = fixture.worker().settle("w1", &[wrong]).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Settle { .. }) && !error.is_transient(),
            "{error:?}"
        );
    }
    assert_eq!(fixture.state(&capture).await, "decided");
    assert_eq!(fixture.count("settlement").await, 0);
}

async fn a_decided_message_can_be_gone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let claimed = fixture.claim("w1").await;
    let gone = settlement(&claimed[0], Disposition::Gone, Method::None);
    assert_eq!(
        fixture.worker().settle("w1", &[gone]).await.unwrap(),
        [capture.id]
    );
    assert_eq!(fixture.state(&capture).await, "gone");
}

async fn a_requeued_message_answers_to_both_queue_ids(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let (claimed, new) = (fixture.claim("w1").await, queue_id());
    let method = Method::Requeue {
        new_queue_id: Some(new.clone()),
    };
    let report = settlement(&claimed[0], Disposition::Released, method.clone());
    fixture.worker().settle("w1", &[report]).await.unwrap();

    let reviews = fixture.reviews();
    for name in [&capture.queue_id, &new] {
        let key = ReviewKey::Queue(Some(fixture.instance.clone()), name.clone());
        assert_eq!(reviews.find(&key).await.unwrap(), [capture.id], "{name}");
    }
    let settled = reviews
        .show(capture.id)
        .await
        .unwrap()
        .unwrap()
        .settled
        .unwrap();
    assert_eq!(settled.method, method);
}

async fn a_requeue_without_a_known_new_id_is_recorded_so(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.decided(Decision::Release).await;
    let claimed = fixture.claim("w1").await;
    let method = Method::Requeue { new_queue_id: None };
    let report = settlement(&claimed[0], Disposition::Released, method.clone());
    fixture.worker().settle("w1", &[report]).await.unwrap();
    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    assert_eq!(review.settled.unwrap().method, method);
}

fn closing(capture_id: CaptureId, end: Undecided) -> Closing {
    Closing {
        capture_id,
        end,
        evidence: "not in any queue".to_owned(),
    }
}

async fn a_captured_message_can_be_never_queued_or_gone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (first, second) = (fixture.captured().await, fixture.captured().await);
    let closings = [
        closing(first.id, Undecided::NeverQueued),
        closing(second.id, Undecided::Gone),
    ];
    let mut closed = fixture
        .worker()
        .settle_undecided("w1", &closings)
        .await
        .unwrap();
    closed.sort();
    assert_eq!(closed, [first.id, second.id]);
    assert_eq!(fixture.state(&first).await, "never_queued");
    assert_eq!(fixture.state(&second).await, "gone");
    assert_eq!(
        fixture
            .worker()
            .settle_undecided("w1", &closings)
            .await
            .unwrap(),
        []
    );
}

async fn a_held_message_can_be_gone_but_not_never_queued(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (capture, worker) = (fixture.held().await, fixture.worker());
    let never = [closing(capture.id, Undecided::NeverQueued)];
    assert_eq!(worker.settle_undecided("w1", &never).await.unwrap(), []);
    let gone = [closing(capture.id, Undecided::Gone)];
    assert_eq!(
        worker.settle_undecided("w1", &gone).await.unwrap(),
        [capture.id]
    );
    assert_eq!(fixture.state(&capture).await, "gone");
}

async fn a_decided_message_is_not_closed_behind_its_back(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let (reviews, worker) = (fixture.reviews(), fixture.worker());
    let (ballot, gone) = (
        ballot(&capture, Decision::Release),
        [closing(capture.id, Undecided::Gone)],
    );
    let (answer, closed) = tokio::join!(
        reviews.decide(&ballot),
        worker.settle_undecided("w1", &gone)
    );
    // Either may be first; never both.
    let closed = closed.unwrap().len();
    let expected = if closed == 1 { "gone" } else { "decided" };
    assert_eq!(fixture.state(&capture).await, expected, "{answer:?}");
    let n_decisions = fixture.count("decision").await;
    assert_eq!(n_decisions, 1 - closed);
    assert_eq!(worker.settle_undecided("w1", &gone).await.unwrap(), []);
}

/// Statements are planned once for a connection, here while there is next to nothing in the tables.
async fn what_was_settled_before_is_not_read_again(lab: &Lab) {
    const MESSAGES: usize = 200;
    const READ_FOR_EACH: usize = 20;
    let fixture = Fixture::own(lab).await;
    fixture
        .execute("vacuum (analyze) decision, settlement")
        .await;
    let worker = fixture.fresh("mailhold_worker", Role::Worker);
    for _ in 0..MESSAGES {
        let capture = fixture.decided(Decision::Release).await;
        let claimed = worker.claim(&fixture.instance, "w1", LONG_LEASE, 10).await;
        let claimed = claimed.unwrap();
        let leases = [claimed[0].lease];
        let begun = worker.begin(&leases, Duration::ZERO).await.unwrap();
        assert_eq!(begun, leases);
        let report = settlement(&claimed[0], Disposition::Released, Method::Unhold);
        let settled = worker.settle("w1", &[report]).await.unwrap();
        assert_eq!(settled, [capture.id]);
    }
    // What a connection has read is told at its end.
    worker.close().await;
    fixture.worker().close().await;
    let sql = format!(
        "select count(*) from pg_stat_activity
        where usename = 'mailhold_worker' and datname = '{}'",
        fixture.database
    );
    eventually(
        "the worker's connections have ended",
        BOUND,
        async || match fixture.execute(&sql).await.as_str() {
            "0" => Ok(()),
            n => Err(n.to_owned()),
        },
    )
    .await;
    let sql = "select sum(idx_tup_read) from pg_stat_user_indexes
        where relname in ('decision', 'settlement')";
    let n_read: usize = fixture.execute(sql).await.parse().unwrap();
    assert!(n_read <= MESSAGES * READ_FOR_EACH, "{n_read}");
}
