//! Whose mail a reviewer sees, as the directory tells it.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::sign_in::{LdapSettings, ScopeRule},
    domain::{
        folding::Folding,
        rights::{Act, Matter, Principal, Refusal, may},
    },
};

use super::house::{PASSWORD, add, change_group, dn, identify, open, renew, settings, slapd};
use crate::{
    lab::{Lab, slapd::Slapd},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_unit_is_what_stands_beside_the_reviewer,
        a_unit_by_attribute_is_who_has_the_same_value,
        without_the_attribute_a_reviewer_sees_nobody,
        a_manager_sees_those_who_name_him,
        odd_names_of_managers_find_nobody_else,
        ones_own_mail_is_in_no_scope,
    ]
}

async fn reviewer(slapd: &Slapd, login: &str, more: &str, scope: ScopeRule) -> Principal {
    add(slapd, login, "sales", more).await;
    let entry = dn(login, "sales");
    change_group(
        slapd,
        "add",
        mailhold::domain::rights::DeskRole::Reviewer,
        &entry,
    )
    .await;
    let settings = LdapSettings {
        scope,
        ..settings(slapd)
    };
    identify(&open(settings), login, PASSWORD).await.unwrap()
}

fn view(reviewer: &Principal, entry: &str) -> Result<(), Refusal> {
    let matter = Matter::new(&Folding::default(), &[], [], entry);
    may(reviewer, Act::View, Some(&matter))
}

async fn a_unit_is_what_stands_beside_the_reviewer(lab: &Lab) {
    let slapd = slapd(lab).await;
    let rita = reviewer(slapd, "unit1", "", ScopeRule::Place).await;
    assert_eq!(view(&rita, &dn("anybody", "sales")), Ok(()));
    assert_eq!(view(&rita, &dn("ANYBODY", "Sales")), Ok(()));
    let law = view(&rita, &dn("anybody", "law"));
    assert_eq!(law, Err(Refusal::OutOfScope));
    assert_eq!(view(&rita, ""), Err(Refusal::OutOfScope));
}

async fn a_unit_by_attribute_is_who_has_the_same_value(lab: &Lab) {
    let slapd = slapd(lab).await;
    add(slapd, "dep2a", "law", "departmentNumber: 2(7)*\n").await;
    add(slapd, "dep2b", "sales", "departmentNumber: 27\n").await;
    let rule = ScopeRule::Attribute("departmentNumber".to_owned());
    let rita = reviewer(slapd, "dep2r", "departmentNumber: 2(7)*\n", rule).await;
    assert_eq!(view(&rita, &dn("dep2a", "law")), Ok(()));
    let other = view(&rita, &dn("dep2b", "sales"));
    assert_eq!(other, Err(Refusal::OutOfScope));
}

async fn without_the_attribute_a_reviewer_sees_nobody(lab: &Lab) {
    let slapd = slapd(lab).await;
    add(slapd, "none3", "sales", "").await;
    let rule = ScopeRule::Attribute("departmentNumber".to_owned());
    let rita = reviewer(slapd, "none3r", "", rule).await;
    let other = view(&rita, &dn("none3", "sales"));
    assert_eq!(other, Err(Refusal::OutOfScope));
}

async fn a_manager_sees_those_who_name_him(lab: &Lab) {
    let slapd = slapd(lab).await;
    let rita = reviewer(slapd, "boss4", "", ScopeRule::Manager).await;
    add(
        slapd,
        "staff4",
        "law",
        &format!("manager: {}\n", dn("boss4", "sales")),
    )
    .await;
    let staff = dn("staff4", "law");
    assert_eq!(view(&rita, &staff), Err(Refusal::OutOfScope));

    let settings = LdapSettings {
        scope: ScopeRule::Manager,
        ..settings(slapd)
    };
    let rita = renew(&open(settings), &rita).await.unwrap();
    assert_eq!(view(&rita, &staff), Ok(()));
    let other = view(&rita, &dn("other4", "law"));
    assert_eq!(other, Err(Refusal::OutOfScope));
}

/// A name with signs that mean something in a filter.
async fn odd_names_of_managers_find_nobody_else(lab: &Lab) {
    let slapd = slapd(lab).await;
    let rita = reviewer(slapd, "boss (5) *", "", ScopeRule::Manager).await;
    assert_eq!(rita.scope, mailhold::domain::scope::Scope::entries([]));
    assert_eq!(rita.login, "boss (5) *");
}

async fn ones_own_mail_is_in_no_scope(lab: &Lab) {
    let slapd = slapd(lab).await;
    let rita = reviewer(slapd, "own6", "", ScopeRule::Place).await;
    let own = view(&rita, &dn("OWN6", "sales"));
    assert_eq!(own, Err(Refusal::OwnMail));
}
