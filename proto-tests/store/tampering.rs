//! A record that somebody tampers with: who may not, and what is found when a superuser did.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::store::audit::{Fault, Head, Soundness};

use super::{
    fixture::{Fixture, audit_key},
    record::{event, soundness},
};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_login_changes_the_record_its_owner_included,
        a_login_that_may_append_can_neither_skip_nor_backdate,
        an_edited_entry_is_found,
        an_entry_deleted_from_the_middle_is_found,
        entries_in_another_order_are_found,
        an_entry_put_in_without_the_key_is_found,
        entries_taken_from_the_end_are_found,
        an_end_that_was_covered_up_is_found_with_a_kept_head,
        an_end_that_was_written_anew_is_found_with_a_kept_head,
    ]
}

const N_ENTRIES: i64 = 6;
/// What only a superuser or the owner can do.
const UNGUARDED: &str = "alter table audit_event disable trigger user;
    alter table audit_head disable trigger user;";

/// A record of six entries in a database of its own.
async fn recorded(lab: &Lab) -> Fixture<'_> {
    let fixture = Fixture::own(lab).await;
    for number in 1..=N_ENTRIES {
        let event = event(&number.to_string());
        fixture
            .reviews()
            .append_audit(&audit_key(), &event)
            .await
            .unwrap();
    }
    let n_entries = N_ENTRIES;
    assert_eq!(
        soundness(&fixture.reviews()).await,
        Soundness::Sound { n_entries }
    );
    fixture
}

async fn no_login_changes_the_record_its_owner_included(lab: &Lab) {
    let fixture = recorded(lab).await;
    let tables = ["audit_event", "audit_head"];
    let mut logins: Vec<&str> = crate::store::rights::LOGINS.to_vec();
    logins.push(crate::lab::postgres::OWNER);
    for login in logins {
        let mut session = fixture.sign_in(login).await;
        for table in tables {
            for statement in [format!("delete from {table}"), format!("truncate {table}")] {
                let (code, _) = session.refusal(&statement).await;
                assert_eq!(code, "42501", "{login}: {statement}");
            }
        }
        let edit = "update audit_event set detail = 'x'";
        assert_eq!(session.refusal(edit).await.0, "42501", "{login}");
    }
    let n_entries = N_ENTRIES;
    assert_eq!(
        soundness(&fixture.reviews()).await,
        Soundness::Sound { n_entries }
    );
}

async fn a_login_that_may_append_can_neither_skip_nor_backdate(lab: &Lab) {
    let fixture = recorded(lab).await;
    let insert = |seq: i64, previous: &str, at: &str| {
        format!(
            "insert into audit_event (seq, at, actor, via, kind, detail, previous, hash)
            values ({seq}, {at}, 'x', 'web', 'viewed', '', {previous}, sha256('x'))"
        )
    };
    let last = "(select hash from audit_head)";
    let mut session = fixture.sign_in("mailhold_web").await;
    for (sql, constraint) in [
        (insert(N_ENTRIES + 2, last, "now()"), "audit_event_follows"),
        (insert(N_ENTRIES, last, "now()"), "audit_event_follows"),
        (
            insert(N_ENTRIES + 1, "sha256('y')", "now()"),
            "audit_event_follows",
        ),
        (
            insert(N_ENTRIES + 1, last, "now() - interval '1 hour'"),
            "audit_event_of_now",
        ),
        (
            insert(N_ENTRIES + 1, last, "now() + interval '1 hour'"),
            "audit_event_of_now",
        ),
    ] {
        let refusal = session.refusal(&sql).await;
        assert_eq!(
            refusal,
            ("23514".to_owned(), Some(constraint.to_owned())),
            "{sql}"
        );
    }
}

async fn after(lab: &Lab, tampering: &str) -> Soundness {
    let fixture = recorded(lab).await;
    fixture.execute(&format!("{UNGUARDED} {tampering}")).await;
    soundness(&fixture.reviews()).await
}

async fn an_edited_entry_is_found(lab: &Lab) {
    for change in [
        "detail = 'x'",
        "actor = 'otto'",
        "at = at - interval '1 microsecond'",
        "kind = 'searched'",
        "via = 'cli'",
        "os_user = ''",
        "client = '192.0.2.9'",
        "capture_id = gen_random_uuid()",
        "hash = sha256('x')",
    ] {
        let found = after(
            lab,
            &format!("update audit_event set {change} where seq = 3"),
        )
        .await;
        let fault = Fault::Altered;
        assert_eq!(found, Soundness::Broken { seq: 3, fault }, "{change}");
    }
}

async fn an_entry_deleted_from_the_middle_is_found(lab: &Lab) {
    let (seq, fault) = (3, Fault::Missing);
    let found = after(lab, "delete from audit_event where seq = 3").await;
    assert_eq!(found, Soundness::Broken { seq, fault });
    let found = after(
        lab,
        "delete from audit_event where seq = 3;
        update audit_event set seq = seq - 1 where seq = 4;
        update audit_event set seq = seq - 1 where seq = 5;",
    );
    let fault = Fault::Altered;
    assert_eq!(found.await, Soundness::Broken { seq, fault });
    let (seq, fault) = (1, Fault::Missing);
    let found = after(lab, "delete from audit_event where seq = 1").await;
    assert_eq!(found, Soundness::Broken { seq, fault });
}

async fn entries_in_another_order_are_found(lab: &Lab) {
    let swap = "update audit_event set seq = 99 where seq = 2;
        update audit_event set seq = 2 where seq = 3;
        update audit_event set seq = 3 where seq = 99;";
    let (seq, fault) = (2, Fault::Altered);
    assert_eq!(after(lab, swap).await, Soundness::Broken { seq, fault });
}

async fn an_entry_put_in_without_the_key_is_found(lab: &Lab) {
    let put = "insert into audit_event (seq, at, actor, via, kind, detail, previous, hash)
        select 7, now(), 'x', 'web', 'viewed', '', hash, sha256('x') from audit_head;
        update audit_head set seq = 7, hash = sha256('x');";
    let (seq, fault) = (7, Fault::Altered);
    assert_eq!(after(lab, put).await, Soundness::Broken { seq, fault });
}

async fn entries_taken_from_the_end_are_found(lab: &Lab) {
    let (seq, fault) = (5, Fault::Truncated);
    let found = after(lab, "delete from audit_event where seq > 4").await;
    assert_eq!(found, Soundness::Broken { seq, fault });
}

/// Takes the last two away, and puts the end where nobody would see it.
const COVERED_UP: &str = "delete from audit_event where seq > 4;
    update audit_head set (seq, hash) = (select seq, hash from audit_event where seq = 4);";

async fn an_end_that_was_covered_up_is_found_with_a_kept_head(lab: &Lab) {
    let fixture = recorded(lab).await;
    let store = fixture.reviews();
    let kept: Head = store
        .audit_head()
        .await
        .unwrap()
        .to_string()
        .parse()
        .unwrap();
    fixture.execute(&format!("{UNGUARDED} {COVERED_UP}")).await;
    // Without it nobody can tell.
    assert_eq!(soundness(&store).await, Soundness::Sound { n_entries: 4 });
    let found = store.verify_audit(&audit_key(), &[kept]).await.unwrap();
    let (seq, fault) = (5, Fault::Truncated);
    assert_eq!(found, Soundness::Broken { seq, fault });
}

/// By somebody who has the key as well.
async fn an_end_that_was_written_anew_is_found_with_a_kept_head(lab: &Lab) {
    let fixture = recorded(lab).await;
    let store = fixture.reviews();
    let kept = store.audit_head().await.unwrap();
    let enable = "alter table audit_event enable trigger user;
        alter table audit_head enable trigger user;";
    fixture
        .execute(&format!("{UNGUARDED} {COVERED_UP} {enable}"))
        .await;
    for detail in ["other", "words", "follow"] {
        store
            .append_audit(&audit_key(), &event(detail))
            .await
            .unwrap();
    }
    assert_eq!(soundness(&store).await, Soundness::Sound { n_entries: 7 });
    let found = store.verify_audit(&audit_key(), &[kept]).await.unwrap();
    let (seq, fault) = (6, Fault::Replaced);
    assert_eq!(found, Soundness::Broken { seq, fault });
}
