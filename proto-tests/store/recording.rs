//! Recording captures.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::{
    domain::{capture::Capture, envelope::Path, lifecycle::State, verdict::Matched},
    store::{
        Store, StoreError,
        captures::{CHUNK_BYTES, Content, HeaderFields, Record},
    },
};
use sha2::{Digest, Sha256};

use super::fixture::{Fixture, MAIL, path, record};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        what_was_recorded_reads_back_byte_for_byte,
        recording_twice_changes_nothing,
        two_messages_under_one_queue_id_are_both_kept,
        invalid_text_and_nul_never_stop_a_record,
        one_refused_capture_stops_its_batch_for_good_but_not_the_others,
        content_of_50_mb_round_trips_in_chunks,
        content_that_ends_early_is_not_recorded,
        content_that_cannot_be_read_is_not_recorded,
        an_empty_message_is_recorded,
        a_hundred_recipients_keep_their_order,
        an_empty_batch_asks_nothing,
    ]
}

async fn what_was_recorded_reads_back_byte_for_byte(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = odd_capture(&fixture);
    let header = HeaderFields {
        subject: Some("Größe".to_owned()),
        from: Some("Anna <anna@corp.test>".to_owned()),
        to: None,
        date: Some("Sat, 21 Nov 2026 10:00:00 +0100".to_owned()),
        message_id: Some("<1@corp.test>".to_owned()),
    };
    let content = Bytes::from_static(MAIL);
    let record = Record {
        capture: capture.clone(),
        header: header.clone(),
        content,
    };

    fixture.milter().record(&mut [record]).await.unwrap();

    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    assert_eq!(review.capture, capture);
    assert_eq!(review.header, header);
    assert_eq!(review.state, State::Captured);
    assert_eq!(
        (review.held_at, review.decided, review.settled),
        (None, None, None)
    );
    assert_eq!(content_of(&fixture.reviews(), &capture).await, MAIL);
}

fn odd_capture(fixture: &Fixture<'_>) -> Capture {
    let mut capture = fixture.capture();
    capture.envelope.sender = Path {
        argument: b"<\"a \\\" b\"@\xff.test>".to_vec(),
        parameters: vec![b"SIZE=10".to_vec(), b"X=\"\\,{}\xe9".to_vec(), Vec::new()],
        rewritten: Some(b"a\x01b@corp.test".to_vec()),
    };
    capture.envelope.recipients.push(Path {
        argument: b"<\xf0\x28@x.test>".to_vec(),
        parameters: vec![b"NOTIFY=NEVER".to_vec()],
        rewritten: Some(Vec::new()),
    });
    capture.client.login = Some(b"\xe9mile\0".to_vec());
    capture.client.address = Some("2001:db8::1".parse().unwrap());
    capture.client.name = Some(b"unknown".to_vec());
    capture.client.daemon = Some(Vec::new());
    capture.grounds.matched = Matched {
        identity_kind: "login".to_owned(),
        identity: "émile".to_owned(),
        entry: "uid=émile,dc=corp,dc=test".to_owned(),
        flag: "Y".to_owned(),
        recipient: "bob@elsewhere.test".to_owned(),
    };
    capture
}

async fn recording_twice_changes_nothing(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let tables = ["capture", "capture_recipient", "capture_content"];
    let rows = async || join_all(tables.map(|table| fixture.count(table))).await;
    assert_eq!(rows().await, [1, 1, 1]);

    let again = record(&capture, MAIL);
    let twin = record(&capture, MAIL);
    fixture.milter().record(&mut [again, twin]).await.unwrap();

    assert_eq!(rows().await, [1, 1, 1]);
    assert_eq!(fixture.state(&capture).await, "held");
}

async fn two_messages_under_one_queue_id_are_both_kept(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let first = fixture.captured().await;
    let mut second = fixture.capture();
    second.queue_id = first.queue_id.clone();

    fixture
        .milter()
        .record(&mut [record(&second, MAIL)])
        .await
        .unwrap();

    assert_eq!(fixture.count("capture").await, 2);
}

async fn invalid_text_and_nul_never_stop_a_record(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    let nul = || "a\0b\u{1}\u{feff}\u{10ffff}".to_owned();
    capture.envelope.sender.argument = b"<\0\xff@corp.test>".to_vec();
    capture.grounds.rule = nul();
    capture.grounds.matched = Matched {
        identity_kind: nul(),
        identity: nul(),
        entry: nul(),
        flag: nul(),
        recipient: nul(),
    };
    let header = HeaderFields {
        subject: Some(nul()),
        from: Some(nul()),
        to: Some("x".repeat(300_000)),
        date: Some(String::new()),
        message_id: Some("\0".to_owned()),
    };
    let record = Record {
        capture: capture.clone(),
        header,
        content: Bytes::from_static(MAIL),
    };

    fixture.milter().record(&mut [record]).await.unwrap();

    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    assert_eq!(
        review.header.subject.unwrap(),
        "a\u{fffd}b\u{1}\u{feff}\u{10ffff}"
    );
    assert_eq!(review.capture.envelope, capture.envelope);
}

async fn one_refused_capture_stops_its_batch_for_good_but_not_the_others(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let milter = fixture.milter();
    let (good, mut bad) = (fixture.capture(), fixture.capture());
    // A time that chrono can hold and PostgreSQL cannot.
    bad.captured_at = chrono::DateTime::<chrono::Utc>::MIN_UTC;

    let both = &mut [record(&good, MAIL), record(&bad, MAIL)];
    let error = milter.record(both).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Record { count: 2, .. }),
        "{error:?}"
    );
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(fixture.count("capture").await, 0);

    milter.record(&mut [record(&good, MAIL)]).await.unwrap();
    assert!(milter.record(&mut [record(&bad, MAIL)]).await.is_err());
    assert_eq!(fixture.state(&good).await, "captured");
}

/// Content that is made while it is read, in chunks of an awkward length.
struct Made {
    left: usize,
    chunk_bytes: usize,
    hash: Sha256,
}

impl Content for Made {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let length = self.left.min(self.chunk_bytes);
        let chunk: Vec<u8> = (0..length)
            .map(|at| ((self.left + at) * 31 % 251) as u8)
            .collect();
        self.left -= length;
        self.hash.update(&chunk);
        Ok(Some(Bytes::from(chunk)))
    }
}

async fn content_of_50_mb_round_trips_in_chunks(lab: &Lab) {
    const SIZE: usize = 50_000_001;
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    capture.size_bytes = SIZE as u64;
    // Longer than a row takes: it is split.
    let content = Made {
        left: SIZE,
        chunk_bytes: CHUNK_BYTES * 5 / 2,
        hash: Sha256::new(),
    };
    let mut records = [Record {
        capture: capture.clone(),
        header: HeaderFields::default(),
        content,
    }];
    fixture.milter().record(&mut records).await.unwrap();
    let [record] = records;

    let mut content = fixture.reviews().content(capture.id);
    let (mut hash, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = content.next_chunk().await.unwrap() {
        assert!(chunk.len() <= CHUNK_BYTES);
        size += chunk.len();
        hash.update(&chunk);
    }
    assert_eq!(size, SIZE);
    assert_eq!(hash.finalize(), record.content.hash.finalize());
}

async fn content_that_ends_early_is_not_recorded(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    capture.size_bytes += 1;
    let error = fixture
        .milter()
        .record(&mut [record(&capture, MAIL)])
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::ContentLength { .. }),
        "{error:?}"
    );
    assert_eq!(fixture.count("capture").await, 0);
}

struct Broken;

impl Content for Broken {
    async fn next_chunk(&mut self) -> io::Result<Option<Bytes>> {
        Err(io::Error::other("the disk is ill"))
    }
}

async fn content_that_cannot_be_read_is_not_recorded(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let (capture, header) = (fixture.capture(), HeaderFields::default());
    let mut records = [Record {
        capture,
        header,
        content: Broken,
    }];
    let error = fixture.milter().record(&mut records).await.unwrap_err();
    assert!(matches!(error, StoreError::ReadWaiting { .. }), "{error:?}");
    assert_eq!(fixture.count("capture").await, 0);
}

async fn an_empty_message_is_recorded(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    capture.size_bytes = 0;
    capture.envelope.recipients.clear();
    fixture
        .milter()
        .record(&mut [record(&capture, b"")])
        .await
        .unwrap();
    assert!(content_of(&fixture.reviews(), &capture).await.is_empty());
}

async fn a_hundred_recipients_keep_their_order(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut capture = fixture.capture();
    let recipient = |number| path(&format!("<r{number}@elsewhere.test>"));
    capture.envelope.recipients = (0..100).rev().map(recipient).collect();
    fixture
        .milter()
        .record(&mut [record(&capture, MAIL)])
        .await
        .unwrap();
    let review = fixture.reviews().show(capture.id).await.unwrap().unwrap();
    assert_eq!(review.capture.envelope, capture.envelope);
}

async fn an_empty_batch_asks_nothing(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut settings = fixture.settings("mailhold_milter");
    settings.url = "postgres://mailhold_milter@127.0.0.1:1/nowhere".to_owned();
    let store = Store::connect_lazy(&settings, mailhold::store::Role::Milter).unwrap();
    store.record::<Bytes>(&mut []).await.unwrap();
}

async fn content_of(store: &Store, capture: &Capture) -> Vec<u8> {
    let mut content = store.content(capture.id);
    let mut all = Vec::new();
    while let Some(chunk) = content.next_chunk().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all
}
