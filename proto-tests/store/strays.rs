//! Strays on the record: how they end, and what becomes of one that has two captures.

use std::sync::Arc;

use bytes::Bytes;
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        audit::{AuditKind, AuditVia, Event},
        capture::Capture,
        capture_id::CaptureId,
        decision::Decision,
        queue_id::QueueId,
    },
    mail::digest::ContentHasher,
    store::{
        captures::HeaderFields,
        strays::{
            Stray,
            adoptions::{Adopted, Adopter, Foundling},
        },
    },
};

use super::fixture::{Deciding as _, Fixture, MAIL, audit_key, ballot, now, record};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

/// Of what is adopted.
const MESSAGE_ID: &str = "<1@corp.test>";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_stray_ends_once_and_is_adopted_by_an_administrator_alone,
        of_two_records_of_an_adopted_message_one_is_confirmed_and_the_other_ends,
        a_message_that_is_adopted_after_its_end_is_reviewed_again,
        an_adopted_message_is_a_twin_of_what_the_same_person_sent,
    ]
}

async fn a_stray_ends_once_and_is_adopted_by_an_administrator_alone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let instance = &fixture.instance;
    let mut session = fixture.sign_in("mailhold_worker").await;
    let stray = format!(
        "insert into stray (instance, queue_id, arrived_at, size_bytes)
        values ('{instance}', '4jWkMG56f7z1j', now(), 1)"
    );
    session.run(&stray).await;
    let set = |value: &str| format!("update stray set {value} where instance = '{instance}'");
    let adopted = set("ended = 'adopted', ended_at = now()");
    let refused = session.refusal(&adopted).await;
    assert_eq!(refused.1.as_deref(), Some("stray_adopted_by_word"));
    // Whenever it is said to end, it ends now.
    session
        .run(&set("ended = 'left', ended_at = '2001-01-01'"))
        .await;
    let found = format!("select ended_at >= found_at from stray where instance = '{instance}'");
    assert_eq!(fixture.execute(&found).await, "t");
    let refused = session.refusal(&set("ended = null, ended_at = null")).await;
    assert_eq!(refused.1.as_deref(), Some("stray_ends_once"));
}

/// As when its own capture came at the same time as the adopted one.
async fn of_two_records_of_an_adopted_message_one_is_confirmed_and_the_other_ends(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let own = of_mail(&fixture);
    let adopted = adopted(&fixture, &own.queue_id).await;
    let mut other_content = fixture.capture();
    other_content.queue_id = own.queue_id.clone();
    let records = &mut [record(&own, MAIL), record(&other_content, MAIL)];
    fixture.milter().record(records).await.unwrap();

    let worker = fixture.worker();
    let end = async || {
        let ended = worker.end_doubles(&fixture.instance, "test").await.unwrap();
        let ended = ended.into_iter().map(|double| double.capture_id);
        ended.collect::<Vec<_>>()
    };
    assert_eq!(end().await, [], "neither is reviewed yet");
    let mut pair = vec![own.id, adopted];
    let confirmed = worker.confirm(&pair).await.unwrap();
    assert_eq!(confirmed.len(), 1, "one of them");
    pair.retain(|id| !confirmed.contains(id));
    assert_eq!(end().await, pair);
    assert_eq!(end().await, []);
    assert_eq!(fixture.state(&other_content).await, "captured");
}

/// As when it was put on hold again after its release.
async fn a_message_that_is_adopted_after_its_end_is_reviewed_again(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let own = of_mail(&fixture);
    let records = &mut [record(&own, MAIL)];
    fixture.milter().record(records).await.unwrap();
    let worker = fixture.worker();
    worker.confirm(&[own.id]).await.unwrap();
    let id = own.id;
    let ballot = ballot(&own, Decision::Release);
    fixture.reviews().decide(&ballot).await.unwrap();
    let settle = format!(
        "insert into settlement (capture_id, decision_id, disposition, method, worker, evidence)
        select capture_id, decision_id, 'released', 'unhold', 'lab', 'none'
        from decision where capture_id = '{id}';
        update capture set state = 'released' where capture_id = '{id}'"
    );
    fixture.execute(&settle).await;

    let adopted = adopted(&fixture, &own.queue_id).await;
    let ended = worker.end_doubles(&fixture.instance, "test").await.unwrap();
    assert_eq!(ended, []);
    assert_eq!(worker.confirm(&[adopted]).await.unwrap(), [adopted]);
}

/// Found by its content and by its Message-ID, as what the milter records.
async fn an_adopted_message_is_a_twin_of_what_the_same_person_sent(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let mut own = record(&of_mail(&fixture), MAIL);
    own.header.message_id = Some(MESSAGE_ID.to_owned());
    let own_id = own.capture.id;
    fixture.milter().record(&mut [own]).await.unwrap();
    let adopted = adopted(&fixture, &fixture.capture().queue_id).await;
    let keys = format!(
        "select count(*), count(twin_by_message_id), count(distinct twin_by_message_id),
            count(distinct twin_by_digest)
        from capture where capture_id in ('{own_id}', '{adopted}')"
    );
    assert_eq!(fixture.execute(&keys).await, "2|2|1|1");
    let review = fixture.reviews().show(adopted).await.unwrap().unwrap();
    let twins: Vec<CaptureId> = review.twins.known.iter().map(|t| t.capture_id).collect();
    assert!(twins.contains(&own_id), "{twins:?}");
}

/// A capture with the digest of its content.
fn of_mail(fixture: &Fixture<'_>) -> Capture {
    let mut capture = fixture.capture();
    let mut hasher = ContentHasher::new();
    hasher.update(MAIL);
    capture.digest = hasher.finish();
    capture
}

/// The capture of an adopted stray of this name.
async fn adopted(fixture: &Fixture<'_>, queue_id: &QueueId) -> CaptureId {
    let worker = fixture.worker();
    let stray = Stray {
        queue_id: queue_id.clone(),
        arrived_at: now(),
        size_bytes: 1,
    };
    let by = Adopter {
        administrator: "olga".to_owned(),
        os_user: None,
        note: None,
    };
    let found = Foundling {
        sender: b"anna@corp.test".to_vec(),
        recipients: vec![b"bob@elsewhere.test".to_vec()],
        login: None,
        client_address: None,
        header: HeaderFields {
            message_id: Some(MESSAGE_ID.to_owned()),
            ..HeaderFields::default()
        },
        content: Bytes::from_static(MAIL),
    };
    let instance = &fixture.instance;
    worker.note_strays(instance, &[stray]).await.unwrap();
    let event = Event {
        actor: by.administrator.clone(),
        os_user: None,
        via: AuditVia::Cli,
        kind: AuditKind::Adopted,
        capture_id: None,
        client: None,
        detail: queue_id.to_string(),
    };
    let (reviews, key) = (fixture.reviews(), audit_key());
    let word = reviews.adopt_on_record((Some(instance), queue_id), &by, &key, &event);
    let word = word.await;
    assert_eq!(word.unwrap(), Adopted::Accepted);
    let ward = worker.wards(instance, 1).await.unwrap().remove(0);
    let capture_id = CaptureId::new(uuid::Uuid::now_v7());
    let is_captured = worker.capture_ward(&ward, capture_id, &found).await;
    assert!(is_captured.unwrap());
    capture_id
}
