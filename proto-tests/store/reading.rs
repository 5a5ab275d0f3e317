//! Lists and look-ups for reviewers.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::{decision::Decision, lifecycle::State},
    store::{
        captures::{HeaderFields, Record},
        reviews::{Filter, Order, ReviewKey},
    },
};

use super::fixture::{Fixture, MAIL, instance, now, path, queue_id, record};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_list_shows_what_a_reviewer_needs,
        the_list_is_read_page_by_page_in_both_orders,
        the_list_merges_the_states_that_are_asked_for,
        the_list_can_be_of_one_instance,
        a_queue_id_finds_its_captures_on_any_instance,
        what_does_not_exist_is_not_found,
    ]
}

fn filter(fixture: &Fixture<'_>, states: &[State], order: Order, limit: u32) -> Filter {
    Filter {
        states: states.to_vec(),
        instance: Some(fixture.instance.clone()),
        order,
        after: None,
        limit,
    }
}

async fn the_list_shows_what_a_reviewer_needs(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    capture
        .envelope
        .recipients
        .push(path("<eve@elsewhere.test>"));
    let header = HeaderFields {
        subject: Some("é".repeat(300)),
        from: Some("Anna <anna@corp.test>".to_owned()),
        ..HeaderFields::default()
    };
    let content = Bytes::from_static(MAIL);
    let mut records = [Record {
        capture: capture.clone(),
        header,
        content,
    }];
    fixture.milter().record(&mut records).await.unwrap();
    fixture.worker().confirm(&[capture.id]).await.unwrap();

    let filter = filter(&fixture, &[State::Held], Order::OldestFirst, 10);
    let lines = fixture.reviews().list(&filter).await.unwrap();
    assert_eq!(lines.len(), 1);
    let line = &lines[0];
    assert_eq!((line.capture_id, line.state), (capture.id, State::Held));
    assert_eq!(
        (&line.queue_id, &line.instance),
        (&capture.queue_id, &capture.instance)
    );
    assert_eq!(line.sender, "anna@corp.test");
    assert_eq!(
        line.recipients,
        ["bob@elsewhere.test", "eve@elsewhere.test"]
    );
    assert_eq!(line.glance, None);
    assert_eq!(
        (line.n_recipients, line.size_bytes),
        (2, capture.size_bytes)
    );
    assert_eq!(line.subject, Some("é".repeat(200)));
    assert_eq!(line.from.as_deref(), Some("Anna <anna@corp.test>"));
    assert_eq!(line.rule, "flagged-external");
}

async fn the_list_is_read_page_by_page_in_both_orders(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let begin = now();
    // Two of each second: the place in the list must not skip a twin.
    let made: Vec<_> = (0..10_u32)
        .map(|number| {
            let mut capture = fixture.capture();
            capture.captured_at = begin + Duration::from_secs(u64::from(number / 2));
            capture
        })
        .collect();
    let mut records: Vec<_> = made.iter().map(|capture| record(capture, MAIL)).collect();
    fixture.milter().record(&mut records).await.unwrap();

    let ids: Vec<_> = made.iter().map(|capture| capture.id).collect();
    let backwards: Vec<_> = ids.iter().rev().copied().collect();
    for (order, expected) in [(Order::OldestFirst, ids), (Order::NewestFirst, backwards)] {
        let mut filter = filter(&fixture, &[State::Captured], order, 3);
        let mut seen = Vec::new();
        loop {
            let page = fixture.reviews().list(&filter).await.unwrap();
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            filter.after = Some(last.position());
            seen.extend(page.iter().map(|line| line.capture_id));
        }
        assert_eq!(seen, expected, "{order:?}");
    }
}

async fn the_list_merges_the_states_that_are_asked_for(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let first = fixture.held().await;
    let second = fixture.decided(Decision::Release).await;
    let third = fixture.held().await;
    fixture.captured().await;
    let states = [State::Decided, State::Held];
    let lines = fixture
        .reviews()
        .list(&filter(&fixture, &states, Order::OldestFirst, 10))
        .await
        .unwrap();
    let ids: Vec<_> = lines.iter().map(|line| line.capture_id).collect();
    assert_eq!(ids, [first.id, second.id, third.id]);
    let all = filter(&fixture, &State::all(), Order::NewestFirst, 10);
    assert_eq!(fixture.reviews().list(&all).await.unwrap().len(), 4);
}

async fn the_list_can_be_of_one_instance(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.held().await;
    let mut filter = filter(&fixture, &[State::Held], Order::OldestFirst, 10);
    for (name, expected) in [(fixture.instance.clone(), 1), (instance(), 0)] {
        filter.instance = Some(name.clone());
        assert_eq!(
            fixture.reviews().list(&filter).await.unwrap().len(),
            expected,
            "{name}"
        );
    }
}

async fn a_queue_id_finds_its_captures_on_any_instance(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let first = fixture.captured().await;
    let mut second = fixture.capture();
    second.instance = instance();
    second.queue_id = first.queue_id.clone();
    fixture
        .milter()
        .record(&mut [record(&second, MAIL)])
        .await
        .unwrap();
    let reviews = fixture.reviews();
    let any = ReviewKey::Queue(None, first.queue_id.clone());
    assert_eq!(reviews.find(&any).await.unwrap(), [second.id, first.id]);
    let here = ReviewKey::Queue(Some(fixture.instance.clone()), first.queue_id);
    assert_eq!(reviews.find(&here).await.unwrap(), [first.id]);
    assert_eq!(
        reviews.find(&ReviewKey::Capture(first.id)).await.unwrap(),
        [first.id]
    );
}

async fn what_does_not_exist_is_not_found(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (reviews, unknown) = (fixture.reviews(), fixture.capture());
    assert_eq!(
        reviews.find(&ReviewKey::Capture(unknown.id)).await.unwrap(),
        []
    );
    assert_eq!(
        reviews
            .find(&ReviewKey::Queue(None, queue_id()))
            .await
            .unwrap(),
        []
    );
    assert_eq!(reviews.show(unknown.id).await.unwrap(), None);
    assert_eq!(
        reviews.content(unknown.id).next_chunk().await.unwrap(),
        None
    );
}
