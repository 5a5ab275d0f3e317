//! Sessions of the review desk: begun, found, renewed and ended.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::{
        rights::{DeskRole, Principal},
        scope::Scope,
    },
    store::{
        Role, Store,
        sessions::{Limits, Session},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::fixture::Fixture;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_session_is_found_by_its_token_alone,
        the_token_is_not_in_the_database,
        a_session_ends_after_its_idle_and_its_absolute_time,
        a_request_prolongs_a_session,
        an_ended_session_is_found_no_more,
        renewed_rights_count_from_then_on,
        a_form_of_one_session_is_none_of_another,
        old_sessions_are_removed,
    ]
}

const LIMITS: Limits = Limits {
    idle: Duration::from_secs(1_800),
    absolute: Duration::from_secs(36_000),
};

fn web(fixture: &Fixture<'_>) -> Store {
    fixture.fresh("mailhold_web", Role::Web)
}

/// A login that no other test has.
fn person(fixture: &Fixture<'_>, scope: Scope) -> Principal {
    Principal {
        login: format!("rita-{}", fixture.instance),
        display_name: "Rita \u{0}West".replace('\0', ""),
        entry: Some("uid=rita,ou=people,dc=corp,dc=test".to_owned()),
        roles: BTreeSet::from([DeskRole::Reviewer, DeskRole::Auditor]),
        scope,
        names: ["rita", "rita@corp.test"].map(str::to_owned).into(),
    }
}

async fn found(store: &Store, token: &SecretString) -> Option<Session> {
    store.find_session(token, LIMITS).await.unwrap()
}

async fn a_session_is_found_by_its_token_alone(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let suffix = mailhold::domain::person::folded_entry("ou=people,dc=corp,dc=test");
    for scope in [
        Scope::All,
        Scope::Unit { suffix },
        Scope::entries(["uid=a,dc=test", "uid=b,dc=test"]),
        Scope::entries([]),
    ] {
        let person = person(&fixture, scope);
        let token = store.begin_session(&person).await.unwrap();
        assert_eq!(token.expose_secret().len(), 64);
        let session = found(&store, &token).await.unwrap();
        assert_eq!(session.principal, person);
    }
    for other in ["", "0", &"0".repeat(64)] {
        assert!(found(&store, &other.to_owned().into()).await.is_none());
    }
}

async fn the_token_is_not_in_the_database(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let person = person(&fixture, Scope::All);
    let token = web(&fixture).begin_session(&person).await.unwrap();
    let sql = "select string_agg(s::text, ' ') from web_session s";
    let all = fixture.execute(sql).await;
    assert!(all.contains(&person.login));
    assert!(!all.contains(token.expose_secret()), "{all}");
}

async fn a_session_ends_after_its_idle_and_its_absolute_time(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let person = person(&fixture, Scope::All);
    let token = store.begin_session(&person).await.unwrap();
    for (column, seconds, stands) in [
        ("seen_at", 1_700, true),
        ("seen_at", 1_801, false),
        ("started_at", 35_900, true),
        ("started_at", 36_001, false),
    ] {
        let sql = format!(
            "update web_session set seen_at = now(), started_at = now() where login = '{0}';
            update web_session set {column} = now() - interval '{seconds} seconds'
            where login = '{0}'",
            person.login
        );
        fixture.execute(&sql).await;
        let is_found = found(&store, &token).await.is_some();
        assert_eq!(is_found, stands, "{column} {seconds}");
    }
}

async fn a_request_prolongs_a_session(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let person = person(&fixture, Scope::All);
    let token = store.begin_session(&person).await.unwrap();
    let age = async |seconds: u32| {
        let login = &person.login;
        let sql = format!(
            "update web_session set seen_at = now() - interval '{seconds} seconds'
            where login = '{login}'"
        );
        fixture.execute(&sql).await;
        assert!(found(&store, &token).await.is_some());
        let sql = format!(
            "select seen_at > now() - interval '5 seconds' from web_session where login = '{login}'"
        );
        fixture.execute(&sql).await
    };
    assert_eq!(age(20).await, "f", "seen not long ago");
    assert_eq!(age(60).await, "t");
}

async fn an_ended_session_is_found_no_more(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let token = store
        .begin_session(&person(&fixture, Scope::All))
        .await
        .unwrap();
    let id = found(&store, &token).await.unwrap().id();
    assert!(store.end_session(id).await.unwrap());
    assert!(found(&store, &token).await.is_none());
    assert!(!store.end_session(id).await.unwrap());
}

async fn renewed_rights_count_from_then_on(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let before = person(&fixture, Scope::All);
    let token = store.begin_session(&before).await.unwrap();
    let session = found(&store, &token).await.unwrap();
    let after = Principal {
        roles: BTreeSet::new(),
        scope: Scope::entries(["uid=anna,dc=test"]),
        names: BTreeSet::new(),
        entry: None,
        ..before
    };
    store.renew_session(session.id(), &after).await.unwrap();
    let renewed = found(&store, &token).await.unwrap();
    assert_eq!(renewed.principal, after);
    assert!(renewed.renewed_at > session.renewed_at);
    assert_eq!(renewed.started_at, session.started_at);
}

async fn a_form_of_one_session_is_none_of_another(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let store = web(&fixture);
    let person = person(&fixture, Scope::All);
    let mut sessions = Vec::new();
    for _ in 0..2 {
        let token = store.begin_session(&person).await.unwrap();
        sessions.push(found(&store, &token).await.unwrap());
    }
    let form = sessions[0].form_token("decide");
    assert!(sessions[0].is_form_token("decide", &form));
    assert!(!sessions[1].is_form_token("decide", &form));
}

async fn old_sessions_are_removed(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let store = web(&fixture);
    let person = person(&fixture, Scope::All);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        tokens.push(store.begin_session(&person).await.unwrap());
    }
    let id = found(&store, &tokens[0]).await.unwrap().id();
    store.end_session(id).await.unwrap();
    assert_eq!(store.remove_old_sessions(LIMITS).await.unwrap(), 1);
    assert!(found(&store, &tokens[1]).await.is_some());
    fixture
        .execute("update web_session set started_at = now() - interval '2 days'")
        .await;
    assert_eq!(store.remove_old_sessions(LIMITS).await.unwrap(), 1);
}
