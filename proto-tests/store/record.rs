//! The audit record as it grows: one chain, in the order of what was done, and nothing off it.

use std::sync::Arc;

use futures_util::future::join_all;
use libtest_mimic::Trial;
use mailhold::{
    domain::{
        audit::{AuditKind, AuditVia, Event},
        capture_id::CaptureId,
        decision::Decision,
    },
    store::{
        Role, Store,
        audit::{Fault, Soundness},
        decisions::Answer,
    },
};

use super::fixture::{Fixture, MAIL, audit_key, ballot, decided, path, record};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        an_empty_record_is_sound,
        what_is_appended_is_read_as_it_was,
        a_decision_and_its_event_are_one,
        a_refused_decision_leaves_no_event,
        an_event_that_cannot_be_stored_undoes_its_decision,
        a_login_that_was_taken_over_decides_nothing_off_the_record,
        writers_at_once_make_one_chain,
        the_desk_and_the_command_line_share_a_record,
        a_page_goes_on_where_the_last_one_ended,
        another_key_is_found_at_once,
        a_message_of_which_no_recipient_wants_notice_cannot_be_returned,
    ]
}

pub fn event(detail: &str) -> Event {
    Event {
        actor: "rita".to_owned(),
        os_user: None,
        via: AuditVia::Web,
        kind: AuditKind::Viewed,
        capture_id: None,
        client: None,
        detail: detail.to_owned(),
    }
}

pub async fn soundness(store: &Store) -> Soundness {
    store.verify_audit(&audit_key(), &[]).await.unwrap()
}

async fn an_empty_record_is_sound(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    assert_eq!(
        soundness(&fixture.reviews()).await,
        Soundness::Sound { n_entries: 0 }
    );
    let head = fixture.reviews().audit_head().await.unwrap();
    assert_eq!((head.seq, head.hash), (0, [0; 32]));
}

async fn what_is_appended_is_read_as_it_was(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let capture_id = CaptureId::new(uuid::Uuid::now_v7());
    let events = [
        event(""),
        Event {
            os_user: Some("ops as root".to_owned()),
            via: AuditVia::Cli,
            kind: AuditKind::Command,
            capture_id: Some(capture_id),
            client: Some("2001:db8::1".parse().unwrap()),
            ..event("日本語 'quoted' \\ \n line")
        },
        Event {
            client: Some("::ffff:192.0.2.1".parse().unwrap()),
            ..event("x")
        },
    ];
    let store = fixture.reviews();
    for event in &events {
        store.append_audit(&audit_key(), event).await.unwrap();
    }
    // What the database cannot hold is replaced before it is sealed, and what is too long is cut.
    let odd = event(&format!("a\0b{}", "c".repeat(5_000)));
    store.append_audit(&audit_key(), &odd).await.unwrap();

    let read = store.audit_page(None, 10).await.unwrap();
    let read: Vec<_> = read.into_iter().rev().map(|sealed| sealed.entry).collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(read[number].event, *event);
        assert_eq!(read[number].seq, number as i64 + 1);
    }
    assert!(read[3].event.detail.starts_with("a\u{fffd}bccc"));
    assert_eq!(read[3].event.detail.chars().count(), 2_000);
    let of_one = store.audit_of(capture_id).await.unwrap();
    assert_eq!(of_one.len(), 1);
    assert_eq!(of_one[0].entry, read[1]);
    assert_eq!(soundness(&store).await, Soundness::Sound { n_entries: 4 });
}

async fn a_decision_and_its_event_are_one(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let store = fixture.fresh("mailhold_web", Role::Web);
    let ballot = ballot(&capture, Decision::Release);
    let answer = store
        .decide_on_record(&ballot, &audit_key(), &decided(&ballot))
        .await;
    assert!(matches!(answer, Ok(Answer::Accepted { .. })), "{answer:?}");
    let record = store.audit_of(capture.id).await.unwrap();
    assert_eq!(record.len(), 1);
    assert_eq!(record[0].entry.event, decided(&ballot));
    assert_eq!(fixture.state(&capture).await, "decided");
}

async fn a_refused_decision_leaves_no_event(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.captured().await;
    let ballot = ballot(&capture, Decision::Release);
    let store = fixture.reviews();
    let answer = store
        .decide_on_record(&ballot, &audit_key(), &decided(&ballot))
        .await;
    assert_eq!(answer.unwrap(), Answer::NotHeldYet);
    assert_eq!(store.audit_of(capture.id).await.unwrap(), []);
}

async fn an_event_that_cannot_be_stored_undoes_its_decision(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let ballot = ballot(&capture, Decision::Release);
    let nobodys = Event {
        actor: String::new(),
        ..decided(&ballot)
    };
    let store = fixture.reviews();
    let error = store
        .decide_on_record(&ballot, &audit_key(), &nobodys)
        .await
        .unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    assert_eq!(fixture.state(&capture).await, "held");
    assert_eq!(fixture.count("decision").await, 0);
}

async fn a_login_that_was_taken_over_decides_nothing_off_the_record(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    for login in ["mailhold_web", "mailhold_reviews"] {
        // Prepared before, it would tell of a decision that nobody has seen.
        let prepared = Event {
            kind: AuditKind::Decided,
            capture_id: Some(capture.id),
            ..event("release")
        };
        let role = match login {
            "mailhold_web" => Role::Web,
            _ => Role::Reviews,
        };
        let store = fixture.fresh(login, role);
        store.append_audit(&audit_key(), &prepared).await.unwrap();
        let decide = format!(
            "insert into decision (capture_id, decision, reviewer, via)
            values ('{}', 'release', 'rita', 'api')",
            capture.id
        );
        let (code, constraint) = fixture.sign_in(login).await.refusal(&decide).await;
        assert_eq!(
            (code.as_str(), constraint.as_deref()),
            ("23514", Some("decision_on_record")),
            "{login}"
        );
    }
    assert_eq!(fixture.state(&capture).await, "held");
    assert_eq!(fixture.count("decision").await, 0);
}

async fn writers_at_once_make_one_chain(lab: &Lab) {
    const WRITERS: i64 = 8;
    const ROUNDS: i64 = 6;
    let fixture = Fixture::own(lab).await;
    let captures = [fixture.held().await, fixture.held().await];
    let writers = (0..WRITERS).map(|writer| {
        let (login, role) = match writer % 2 {
            0 => ("mailhold_reviews", Role::Reviews),
            _ => ("mailhold_web", Role::Web),
        };
        let store = fixture.fresh(login, role);
        let capture = &captures[usize::from(writer > WRITERS / 2)];
        async move {
            let ballot = ballot(capture, Decision::Discard);
            let event = decided(&ballot);
            let key = audit_key();
            let answer = store.decide_on_record(&ballot, &key, &event).await;
            let answer = answer.unwrap();
            for round in 0..ROUNDS {
                let event = Event {
                    capture_id: Some(capture.id),
                    ..event_of(writer, round)
                };
                store.append_audit(&key, &event).await.unwrap();
            }
            matches!(answer, Answer::Accepted { .. })
        }
    });
    let decided = join_all(writers).await;
    assert_eq!(decided.iter().filter(|accepted| **accepted).count(), 2);
    let n_entries = WRITERS * ROUNDS + 2;
    assert_eq!(
        soundness(&fixture.reviews()).await,
        Soundness::Sound { n_entries }
    );
}

fn event_of(writer: i64, round: i64) -> Event {
    event(&format!("{writer} {round}"))
}

async fn the_desk_and_the_command_line_share_a_record(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    for (login, role) in [
        ("mailhold_web", Role::Web),
        ("mailhold_reviews", Role::Reviews),
    ] {
        let store = fixture.fresh(login, role);
        store
            .append_audit(&audit_key(), &event(login))
            .await
            .unwrap();
    }
    assert_eq!(
        soundness(&fixture.reviews()).await,
        Soundness::Sound { n_entries: 2 }
    );
}

async fn a_page_goes_on_where_the_last_one_ended(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let store = fixture.reviews();
    for number in 0..7 {
        store
            .append_audit(&audit_key(), &event(&number.to_string()))
            .await
            .unwrap();
    }
    let mut before = None;
    let mut seen = Vec::new();
    loop {
        let page = store.audit_page(before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.entry.seq);
        seen.extend(page.iter().map(|sealed| sealed.entry.seq));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}

async fn another_key_is_found_at_once(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let store = fixture.reviews();
    store.append_audit(&audit_key(), &event("")).await.unwrap();
    let other = "another key of the tests, also long".to_owned().into();
    let other = mailhold::store::audit::AuditKey::new(other).unwrap();
    let found = store.verify_audit(&other, &[]).await.unwrap();
    let fault = Fault::Altered;
    assert_eq!(found, Soundness::Broken { seq: 1, fault });
}

async fn a_message_of_which_no_recipient_wants_notice_cannot_be_returned(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let never = |words: &[&str]| {
        let mut path = path("<bob@elsewhere.test>");
        path.parameters = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        path
    };
    for (recipients, is_refused) in [
        (
            vec![
                never(&["notify=Never"]),
                never(&["ORCPT=rfc822;a", "NOTIFY=NEVER"]),
            ],
            true,
        ),
        (vec![never(&["NOTIFY=NEVER"]), never(&[])], false),
        (vec![never(&["NOTIFY=FAILURE,DELAY"])], false),
        (vec![never(&["NOTIFY=NEVERMORE", "\u{e9}"])], false),
    ] {
        let mut capture = fixture.capture();
        capture.envelope.recipients = recipients;
        fixture
            .milter()
            .record(&mut [record(&capture, MAIL)])
            .await
            .unwrap();
        fixture.worker().confirm(&[capture.id]).await.unwrap();
        let ballot = ballot(&capture, Decision::Return);
        let reviews = fixture.reviews();
        let answer = reviews
            .decide_on_record(&ballot, &audit_key(), &decided(&ballot))
            .await;
        let answer = answer.unwrap();
        match is_refused {
            true => assert_eq!(answer, Answer::NobodyToBeTold),
            false => assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}"),
        }
    }
}
