//! Who is let in: one entry and its password, and nothing else.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;
use mailhold::{
    directory::sign_in::{LdapSettings, SignInError},
    domain::{rights::DeskRole, scope::Scope},
};
use tokio::time::Instant;

use super::house::{
    self, PASSWORD, PATIENCE, add, add_reviewer, change_group, dn, filter, identify, is_away, open,
    settings, slapd, try_identify,
};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_right_password_lets_in_with_name_addresses_and_role,
        a_wrong_password_lets_nobody_in,
        an_empty_password_is_not_even_asked_about,
        an_unknown_login_lets_nobody_in,
        an_entry_without_a_password_lets_nobody_in,
        a_login_that_finds_two_entries_lets_nobody_in,
        a_login_stays_one_value_of_the_filter,
        a_person_without_a_group_has_no_role,
        roles_come_from_groups_either_way,
        a_member_of_several_groups_has_several_roles,
        a_group_that_cannot_be_read_is_no_answer,
        a_directory_that_is_away_is_no_wrong_password,
        a_wrong_password_of_ours_is_no_wrong_password_of_theirs,
        many_at_once_are_each_told_apart,
    ]
}

async fn the_right_password_lets_in_with_name_addresses_and_role(lab: &Lab) {
    let slapd = slapd(lab).await;
    let more = "displayName: Rita West\nmailAlternateAddress: r.west@corp.test\n";
    add(slapd, "rita1", "sales", more).await;
    let entry = dn("rita1", "sales");
    change_group(slapd, "add", DeskRole::Reviewer, &entry).await;

    let rita = identify(&open(settings(slapd)), "RITA1", PASSWORD)
        .await
        .unwrap();
    assert_eq!(rita.login, "rita1");
    assert_eq!(rita.display_name, "Rita West");
    assert_eq!(rita.entry, Some(entry));
    assert_eq!(rita.roles, BTreeSet::from([DeskRole::Reviewer]));
    let names: Vec<_> = rita.names.iter().map(String::as_str).collect();
    assert_eq!(names, ["r.west@corp.test", "rita1", "rita1@corp.test"]);
    assert_eq!(rita.scope, Scope::All);
}

async fn a_wrong_password_lets_nobody_in(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "rita2").await;
    let sign_in = open(settings(slapd));
    for wrong in [
        "wrong horse",
        "correct horse ",
        "\0",
        PASSWORD.to_uppercase().as_str(),
    ] {
        assert_eq!(identify(&sign_in, "rita2", wrong).await, None, "{wrong:?}");
    }
    assert!(identify(&sign_in, "rita2", PASSWORD).await.is_some());
}

/// slapd refuses such a bind, Active Directory says yes to it. With a server that is away it shows that
/// nobody is asked.
async fn an_empty_password_is_not_even_asked_about(lab: &Lab) {
    let slapd = slapd(lab).await;
    let mut away = settings(slapd);
    away.directory.servers = vec!["ldap://127.0.0.1:1".parse().unwrap()];
    assert_eq!(identify(&open(away), "anybody", "").await, None);
}

async fn an_unknown_login_lets_nobody_in(lab: &Lab) {
    let sign_in = open(settings(slapd(lab).await));
    for unknown in ["nobody", "", " ", "rita\0", "\u{7}", &"x".repeat(300)] {
        assert_eq!(
            identify(&sign_in, unknown, PASSWORD).await,
            None,
            "{unknown:?}"
        );
    }
}

async fn an_entry_without_a_password_lets_nobody_in(lab: &Lab) {
    let slapd = slapd(lab).await;
    slapd.add_person("plain3", &["plain3@corp.test"], &[]).await;
    assert_eq!(
        identify(&open(settings(slapd)), "plain3", PASSWORD).await,
        None
    );
}

async fn a_login_that_finds_two_entries_lets_nobody_in(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "twin4").await;
    let sign_in = open(settings(slapd));
    assert!(identify(&sign_in, "twin4", PASSWORD).await.is_some());
    add(slapd, "twin4", "law", "").await;
    assert_eq!(identify(&sign_in, "twin4", PASSWORD).await, None);
}

async fn a_login_stays_one_value_of_the_filter(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "rita5").await;
    for template in ["(uid={login})", "(|(uid={login})(mail={login}))"] {
        let sign_in = open(LdapSettings {
            filter: filter(template),
            ..settings(slapd)
        });
        assert!(identify(&sign_in, "rita5", PASSWORD).await.is_some());
        for login in [
            "*",
            "rita5*",
            "*)(uid=rita5",
            "rita5)(uid=*",
            "*)(uid=*))(|(uid=*",
            "rita5\\",
            "\\72ita5",
        ] {
            assert_eq!(identify(&sign_in, login, PASSWORD).await, None, "{login}");
        }
    }
}

async fn a_person_without_a_group_has_no_role(lab: &Lab) {
    let slapd = slapd(lab).await;
    add(slapd, "paul6", "sales", "").await;
    let paul = identify(&open(settings(slapd)), "paul6", PASSWORD)
        .await
        .unwrap();
    assert_eq!(paul.roles, BTreeSet::new());
}

async fn roles_come_from_groups_either_way(lab: &Lab) {
    let slapd = slapd(lab).await;
    add(slapd, "otto7", "law", "").await;
    change_group(slapd, "add", DeskRole::Auditor, &dn("otto7", "law")).await;
    for settings in [settings(slapd), house::by_entry(settings(slapd))] {
        let otto = identify(&open(settings), "otto7", PASSWORD).await.unwrap();
        assert_eq!(otto.roles, BTreeSet::from([DeskRole::Auditor]));
    }
}

async fn a_member_of_several_groups_has_several_roles(lab: &Lab) {
    let slapd = slapd(lab).await;
    add(slapd, "all8", "law", "").await;
    for role in DeskRole::ALL {
        change_group(slapd, "add", role, &dn("all8", "law")).await;
    }
    let all = identify(&open(settings(slapd)), "all8", PASSWORD)
        .await
        .unwrap();
    assert_eq!(all.roles, BTreeSet::from(DeskRole::ALL));
}

async fn a_group_that_cannot_be_read_is_no_answer(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "rita9").await;
    let mut settings = house::by_entry(settings(slapd));
    for (_, group) in &mut settings.groups {
        *group = mailhold::domain::person::Group::new("cn=none,ou=groups,dc=corp,dc=test");
    }
    let error = try_identify(&open(settings), "rita9", PASSWORD)
        .await
        .unwrap_err();
    assert!(!error.is_transient() && !is_away(&error), "{error:?}");
}

async fn a_directory_that_is_away_is_no_wrong_password(lab: &Lab) {
    let slapd = house::start(lab, "slapd-signing-away").await;
    add_reviewer(&slapd, "rita").await;
    let sign_in = open(settings(&slapd));
    let rita = identify(&sign_in, "rita", PASSWORD).await.unwrap();
    slapd.kill();
    let error = try_identify(&sign_in, "rita", PASSWORD).await.unwrap_err();
    assert!(is_away(&error) && error.is_transient(), "{error:?}");
    let deadline = Instant::now() + PATIENCE;
    let error = sign_in.renew(&rita, deadline).await.unwrap_err();
    assert!(is_away(&error), "{error:?}");
    assert!(sign_in.probe(deadline).await.is_err());

    slapd.start_again().await;
    assert_eq!(
        identify(&sign_in, "rita", PASSWORD).await,
        Some(rita.clone())
    );
    slapd.freeze().await;
    let soon = Instant::now() + std::time::Duration::from_millis(300);
    let error = sign_in
        .identify("rita", &PASSWORD.to_owned().into(), soon)
        .await
        .unwrap_err();
    assert!(is_away(&error), "{error:?}");
    slapd.thaw();
    assert_eq!(identify(&sign_in, "rita", PASSWORD).await, Some(rita));
}

async fn a_wrong_password_of_ours_is_no_wrong_password_of_theirs(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "rita10").await;
    let mut settings = settings(slapd);
    settings.directory.bind = crate::directory::asking::bind(crate::lab::slapd::SERVICE, "wrong");
    let error = try_identify(&open(settings), "rita10", PASSWORD)
        .await
        .unwrap_err();
    assert!(matches!(error, SignInError::Directory(_)), "{error:?}");
}

/// Each on a connection of its own: none is taken for another one.
async fn many_at_once_are_each_told_apart(lab: &Lab) {
    let slapd = slapd(lab).await;
    for number in 0..4 {
        add_reviewer(slapd, &format!("crowd{number}")).await;
    }
    let sign_in = open(settings(slapd));
    let tries = (0..40).map(|number| {
        let login = format!("crowd{}", number % 4);
        let password = if number % 3 == 0 {
            "wrong horse"
        } else {
            PASSWORD
        };
        let sign_in = sign_in.clone();
        async move {
            let found = identify(&sign_in, &login, password).await;
            let found = found.map(|principal| principal.login);
            assert_eq!(found, (number % 3 != 0).then_some(login));
        }
    });
    futures_util::future::join_all(tries).await;
}
