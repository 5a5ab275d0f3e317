//! What the worker finds beside a message, and what belongs together: doubts, added recipients,
//! twins.

use std::sync::Arc;

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        capture::{Capture, ContentDigest},
        capture_id::CaptureId,
        lifecycle::State,
    },
    store::{
        added::{Added, AddedRecipient, How, RECORDED},
        captures::{HeaderFields, Record},
        reviews::{Filter, Likeness, Line, Order, Review, TWINS},
    },
};

use super::fixture::{Fixture, MAIL, path};
use crate::{
    lab::{Lab, place::random_text},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_same_doubt_is_recorded_once_and_another_reason_takes_its_place,
        a_doubt_is_over_when_the_message_is_confirmed,
        a_doubt_that_was_cleared_never_comes_back,
        doubts_are_counted_while_the_message_is_in_review,
        added_recipients_are_recorded_once_and_cut,
        the_worker_is_told_the_recipients_of_unconfirmed_captures_alone,
        twins_are_of_one_login_or_of_one_sender_without_a_login,
        a_missing_or_empty_message_id_makes_no_twins,
        twins_are_cut_after_the_newest,
        a_long_message_id_is_recorded_and_makes_twins,
    ]
}

async fn review(fixture: &Fixture<'_>, capture: &Capture) -> Review {
    let review = fixture.reviews().show(capture.id).await;
    review.unwrap().unwrap()
}

async fn the_same_doubt_is_recorded_once_and_another_reason_takes_its_place(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let worker = fixture.worker();
    assert!(worker.doubt(capture.id, "a link").await.unwrap());
    assert!(!worker.doubt(capture.id, "a link").await.unwrap());
    assert!(worker.doubt(capture.id, "its content").await.unwrap());
    assert!(worker.doubt(capture.id, "a link").await.unwrap());
    let doubts = review(&fixture, &capture).await.doubts;
    let told: Vec<_> = doubts
        .iter()
        .map(|doubt| (&*doubt.reason, doubt.cleared_at.is_none()))
        .collect();
    assert_eq!(
        told,
        [("a link", false), ("its content", false), ("a link", true)]
    );
    assert_eq!(
        worker.clear_doubts(&[capture.id]).await.unwrap(),
        [capture.id]
    );
    assert_eq!(worker.clear_doubts(&[capture.id]).await.unwrap(), []);
}

async fn a_doubt_is_over_when_the_message_is_confirmed(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let worker = fixture.worker();
    worker.doubt(capture.id, "a link").await.unwrap();
    assert!(line(&fixture, &capture).await.is_doubted);
    worker.confirm(&[capture.id]).await.unwrap();
    let doubts = review(&fixture, &capture).await.doubts;
    assert!(doubts[0].cleared_at >= Some(doubts[0].seen_at));
    assert!(!line(&fixture, &capture).await.is_doubted);
}

async fn a_doubt_that_was_cleared_never_comes_back(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let worker = fixture.worker();
    worker.doubt(capture.id, "a link").await.unwrap();
    let mut session = fixture.sign_in("mailhold_worker").await;
    let set = |value: &str| {
        format!(
            "update doubt set cleared_at = {value} where capture_id = '{}'",
            capture.id
        )
    };
    // Whenever it is said to end, it ends now.
    session.run(&set("null")).await;
    let doubts = review(&fixture, &capture).await.doubts;
    assert!(doubts[0].cleared_at >= Some(doubts[0].seen_at));
    let refused = session.refusal(&set("null")).await;
    assert_eq!(refused.1.as_deref(), Some("doubt_ends_once"));
}

async fn doubts_are_counted_while_the_message_is_in_review(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (held, other) = (fixture.held().await, fixture.captured().await);
    let worker = fixture.worker();
    let count = async || {
        let figures = worker.figures(&fixture.instance, None).await.unwrap();
        figures.n_doubted
    };
    assert_eq!(count().await, 0);
    for capture in [&held, &other] {
        worker.doubt(capture.id, "a link").await.unwrap();
    }
    assert_eq!(count().await, 2);
    worker.clear_doubts(&[other.id]).await.unwrap();
    assert_eq!(count().await, 1);
    let closing = mailhold::store::settlements::Closing {
        capture_id: held.id,
        end: mailhold::store::settlements::Undecided::Gone,
        evidence: "by hand".to_owned(),
    };
    worker.settle_undecided("w", &[closing]).await.unwrap();
    assert_eq!(count().await, 0);
    let doubts = review(&fixture, &held).await.doubts;
    assert_eq!(doubts[0].cleared_at, None, "what was seen stays on record");
}

async fn added_recipients_are_recorded_once_and_cut(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let recipient = |number: usize| AddedRecipient {
        how: How::Rewritten,
        address: format!("r{number}@elsewhere.test").into_bytes(),
        original: Some(b"\xff\0@elsewhere.test".to_vec()),
    };
    let all = Added {
        recipients: (0..RECORDED + 1).map(recipient).collect(),
        n_in_all: 312,
    };
    let worker = fixture.worker();
    for _ in 0..2 {
        worker
            .note_added(&[(capture.id, all.clone())])
            .await
            .unwrap();
    }
    let added = review(&fixture, &capture).await.added;
    assert_eq!(added.n_in_all, 312);
    assert_eq!(added.recipients, all.recipients[..RECORDED]);
}

async fn the_worker_is_told_the_recipients_of_unconfirmed_captures_alone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut unseen = fixture.capture();
    unseen.envelope.recipients[0].rewritten = Some(b"bob@elsewhere.test".to_vec());
    record(&fixture, &unseen, None).await;
    let held = fixture.held().await;
    let named = fixture
        .worker()
        .named_recipients(&[unseen.id, held.id])
        .await
        .unwrap();
    assert_eq!(named.len(), 1, "{named:?}");
    assert_eq!(named[&unseen.id], unseen.envelope.recipients);
    for login in ["mailhold_milter", "mailhold_reviews"] {
        let mut session = fixture.sign_in(login).await;
        let asked = format!("select * from recipients_to_confirm('{{{}}}')", unseen.id);
        assert_eq!(session.refusal(&asked).await.0, "42501", "{login}");
    }
}

/// A capture of its own kind: nothing else here is its twin by chance.
fn kind(fixture: &Fixture<'_>) -> Capture {
    let mut capture = fixture.capture();
    let mut digest = [0; 32];
    digest.copy_from_slice(random_text().as_bytes());
    capture.digest = ContentDigest(digest);
    capture
}

fn again(capture: &Capture, fixture: &Fixture<'_>) -> Capture {
    let fresh = fixture.capture();
    Capture {
        id: fresh.id,
        queue_id: fresh.queue_id,
        ..capture.clone()
    }
}

async fn record(fixture: &Fixture<'_>, capture: &Capture, message_id: Option<&str>) {
    let header = HeaderFields {
        message_id: message_id.map(str::to_owned),
        ..HeaderFields::default()
    };
    let mut records = [Record {
        capture: capture.clone(),
        header,
        content: Bytes::from_static(MAIL),
    }];
    fixture.milter().record(&mut records).await.unwrap();
}

async fn twins(fixture: &Fixture<'_>, capture: &Capture) -> Vec<(CaptureId, Likeness)> {
    let twins = review(fixture, capture).await.twins;
    let known: Vec<_> = twins
        .known
        .iter()
        .map(|twin| (twin.capture_id, twin.likeness))
        .collect();
    assert_eq!(line(fixture, capture).await.n_twins, known.len());
    known
}

async fn line(fixture: &Fixture<'_>, capture: &Capture) -> Line {
    let all = Filter {
        states: State::all(),
        instance: Some(fixture.instance.clone()),
        order: Order::OldestFirst,
        after: None,
        limit: 100,
    };
    let lines = fixture.reviews().list(&all).await.unwrap();
    let line = lines.into_iter().find(|line| line.capture_id == capture.id);
    line.unwrap()
}

async fn twins_are_of_one_login_or_of_one_sender_without_a_login(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let plain = kind(&fixture);
    let anna = {
        let mut capture = again(&plain, &fixture);
        capture.client.login = Some(b"anna".to_vec());
        capture
    };
    let as_other = {
        let mut capture = again(&anna, &fixture);
        capture.envelope.sender = path("<sales@corp.test>");
        capture
    };
    let carl = {
        let mut capture = again(&anna, &fixture);
        capture.client.login = Some(b"carl".to_vec());
        capture
    };
    let other_sender = {
        let mut capture = again(&plain, &fixture);
        capture.envelope.sender = path("<carl@corp.test>");
        capture
    };
    let plain_again = again(&plain, &fixture);
    let message_id = format!("<{}@client.test>", random_text());
    for capture in [&plain, &anna, &as_other, &carl, &other_sender, &plain_again] {
        record(&fixture, capture, Some(&message_id)).await;
    }
    let content = |capture: &Capture| vec![(capture.id, Likeness::Content)];
    assert_eq!(twins(&fixture, &plain).await, content(&plain_again));
    assert_eq!(twins(&fixture, &anna).await, content(&as_other));
    assert_eq!(twins(&fixture, &carl).await, []);
    assert_eq!(twins(&fixture, &other_sender).await, []);
}

async fn a_missing_or_empty_message_id_makes_no_twins(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let sender = path(&format!("<s{}@corp.test>", random_text()));
    let mut captures = Vec::new();
    for message_id in [None, None, Some(""), Some("")] {
        let mut capture = kind(&fixture);
        capture.envelope.sender = sender.clone();
        record(&fixture, &capture, message_id).await;
        captures.push(capture);
    }
    for capture in &captures {
        assert_eq!(twins(&fixture, capture).await, []);
    }
}

async fn twins_are_cut_after_the_newest(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let first = kind(&fixture);
    let message_id = format!("<{}@client.test>", random_text());
    record(&fixture, &first, Some(&message_id)).await;
    let mut later = Vec::new();
    for _ in 0..TWINS + 2 {
        let capture = again(&first, &fixture);
        record(&fixture, &capture, Some(&message_id)).await;
        later.push((capture.id, Likeness::Content));
    }
    assert_eq!(twins(&fixture, &first).await, later[2..]);
    assert!(review(&fixture, &first).await.twins.are_cut);
}

/// An index takes no long values, and a capture must be recorded whatever its header says.
async fn a_long_message_id_is_recorded_and_makes_twins(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    // Random, or it would be compressed.
    let parts: String = (0..1_500).map(|_| random_text()).collect();
    let (mut first, mut second) = (kind(&fixture), kind(&fixture));
    for capture in [&mut first, &mut second] {
        capture.client.login = Some(parts.as_bytes().to_vec());
        record(&fixture, capture, Some(&parts)).await;
    }
    let known = [(second.id, Likeness::MessageId)];
    assert_eq!(twins(&fixture, &first).await, known);
}
