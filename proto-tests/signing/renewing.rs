//! Rights change at once: who is signed in is looked up again, without a password.

use std::{collections::BTreeSet, sync::Arc};

use libtest_mimic::Trial;
use mailhold::{
    directory::sign_in::{LdapSettings, ScopeRule},
    domain::{person::folded_entry, rights::DeskRole, scope::Scope},
};

use super::house::{
    PASSWORD, add_reviewer, change_group, dn, filter, identify, open, renew, settings, slapd,
};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        an_unchanged_person_is_renewed_as_is,
        who_leaves_the_group_loses_the_role,
        an_entry_that_is_gone_has_no_rights,
        an_entry_that_is_locked_by_the_filter_has_no_rights,
        a_person_who_moves_to_another_unit_must_sign_in_again,
        new_addresses_are_ones_own_at_once,
    ]
}

async fn an_unchanged_person_is_renewed_as_is(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "same1").await;
    let sign_in = open(settings(slapd));
    let person = identify(&sign_in, "same1", PASSWORD).await.unwrap();
    assert_eq!(renew(&sign_in, &person).await, Some(person));
}

async fn who_leaves_the_group_loses_the_role(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "left2").await;
    let sign_in = open(settings(slapd));
    let person = identify(&sign_in, "left2", PASSWORD).await.unwrap();
    let entry = dn("left2", "sales");
    change_group(slapd, "delete", DeskRole::Reviewer, &entry).await;
    let left = renew(&sign_in, &person).await.unwrap();
    assert_eq!(left.roles, BTreeSet::new());
}

async fn an_entry_that_is_gone_has_no_rights(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "gone3").await;
    let sign_in = open(settings(slapd));
    let person = identify(&sign_in, "gone3", PASSWORD).await.unwrap();
    let entry = dn("gone3", "sales");
    slapd
        .modify(&format!("dn: {entry}\nchangetype: delete\n"))
        .await;
    assert_eq!(renew(&sign_in, &person).await, None);
    assert_eq!(identify(&sign_in, "gone3", PASSWORD).await, None);
}

async fn an_entry_that_is_locked_by_the_filter_has_no_rights(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "lock4").await;
    let sign_in = open(LdapSettings {
        filter: filter("(&(uid={login})(!(employeeType=locked)))"),
        ..settings(slapd)
    });
    let person = identify(&sign_in, "lock4", PASSWORD).await.unwrap();
    let lock = "changetype: modify\nreplace: employeeType\nemployeeType: locked\n";
    slapd
        .modify(&format!("dn: {}\n{lock}", dn("lock4", "sales")))
        .await;
    assert_eq!(renew(&sign_in, &person).await, None);
}

async fn a_person_who_moves_to_another_unit_must_sign_in_again(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "move5").await;
    let sign_in = open(LdapSettings {
        scope: ScopeRule::Place,
        ..settings(slapd)
    });
    let person = identify(&sign_in, "move5", PASSWORD).await.unwrap();
    let entry = dn("move5", "sales");
    let law = "ou=law,ou=people,dc=corp,dc=test";
    let rename = format!(
        "dn: {entry}\nchangetype: modrdn\nnewrdn: uid=move5\ndeleteoldrdn: 0\nnewsuperior: {law}\n"
    );
    slapd.modify(&rename).await;
    assert_eq!(renew(&sign_in, &person).await, None);
    let moved = identify(&sign_in, "move5", PASSWORD).await.unwrap();
    let suffix = folded_entry(law);
    assert_eq!(moved.scope, Scope::Unit { suffix });
}

async fn new_addresses_are_ones_own_at_once(lab: &Lab) {
    let slapd = slapd(lab).await;
    add_reviewer(slapd, "name6").await;
    let sign_in = open(settings(slapd));
    let person = identify(&sign_in, "name6", PASSWORD).await.unwrap();
    let add = "changetype: modify\nadd: mail\nmail: Married.Name+x@Corp.test\n";
    slapd
        .modify(&format!("dn: {}\n{add}", dn("name6", "sales")))
        .await;
    let renewed = renew(&sign_in, &person).await.unwrap();
    assert!(
        renewed.names.contains("married.name@corp.test"),
        "{renewed:?}"
    );
}
