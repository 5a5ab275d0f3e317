//! Answers that no slapd gives: each is an error, or flags. None reads as "not flagged".

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    directory::{DirectoryError, filter::FilterTemplate, ldap},
    domain::person::{FlagReading, Standing},
    telemetry::chain::Chain,
};
use tokio::time::Instant;

use super::{
    asking::{PATIENCE, ask, bind, open, sender, settings, unbound},
    pretender::{self, Answer, Request, entry},
};
use crate::{
    lab::{Lab, slapd::FLAG},
    trials::{Trials, tests},
};

const ANNA: &str = "uid=anna,ou=people,dc=corp,dc=test";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = tests![trials.alone:
        half_an_answer_is_an_error,
        a_code_other_than_success_is_an_error,
        an_entry_without_a_name_is_an_error,
        a_part_of_the_values_is_an_error,
        an_answer_between_the_others_changes_nothing,
        a_flag_under_another_name_flags,
        two_lists_of_one_attribute_count_together,
        a_schema_that_is_busy_is_an_error,
        an_answer_to_the_bind_that_nobody_can_read_is_an_error,
        an_answer_to_a_bind_that_was_not_asked_is_an_error,
    ];
    tests.extend(tests![trials.shared:
        a_filter_of_attributes_that_nobody_has_is_an_error,
        an_end_date_that_the_schema_does_not_have_is_an_error,
        an_attribute_that_the_server_calls_otherwise_is_an_error,
    ]);
    tests
}

/// What a look-up makes of a server that has no schema to show and answers so.
async fn answered(
    answer: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> Result<Standing, DirectoryError> {
    let address = pretender::start(move |request| match request.is_about_schema() {
        true => Answer::whole(request, &[]),
        false => answer(request),
    });
    let directory = open(unbound(address.await));
    ask(&*directory, &sender("<anna@corp.test>")).await
}

fn unflagged() -> Vec<u8> {
    entry(ANNA, &[(FLAG, b"N")])
}

async fn half_an_answer_is_an_error() {
    let error = answered(|request| Answer::half(request, &unflagged())).await;
    let error = error.unwrap_err();
    assert!(matches!(error, DirectoryError::Connect { .. }), "{error:?}");
    assert!(error.is_transient());
}

async fn a_code_other_than_success_is_an_error() {
    for code in [1, 2, 3, 4, 10, 11, 14, 16, 32, 50, 51, 52, 53, 80, 118] {
        let answer =
            answered(move |request| Answer::code(request, code).after(request, &unflagged()));
        let error = answer.await.unwrap_err();
        assert!(matches!(error, DirectoryError::LookUp { .. }), "{error:?}");
        let told = Chain(&error).to_string();
        assert!(told.contains(&format!("rc={code} ")), "{told}");
    }
}

async fn an_entry_without_a_name_is_an_error() {
    let error = answered(|request| Answer::whole(request, &[entry("", &[(FLAG, b"N")])])).await;
    let told = Chain(&error.unwrap_err()).to_string();
    assert!(told.contains("has no name"), "{told}");
}

/// Active Directory gives long lists in parts.
async fn a_part_of_the_values_is_an_error() {
    let answer = answered(|request| {
        let part = entry(ANNA, &[("memberOf;range=0-1499", b"cn=a"), (FLAG, b"N")]);
        Answer::whole(request, &[part])
    });
    let told = Chain(&answer.await.unwrap_err()).to_string();
    assert!(told.contains("memberOf;range=0-1499"), "{told}");
}

async fn an_answer_between_the_others_changes_nothing() {
    // An intermediate response (RFC 4511, section 4.13) before an entry that is flagged.
    let standing = answered(|request| {
        let flagged = entry(ANNA, &[(FLAG, b"Y")]);
        Answer::whole(request, &[flagged]).after(request, &pretender::tagged(0x79, b""))
    });
    assert!(standing.await.unwrap().flagged().is_some());
}

/// Nothing but the flag was asked for.
async fn a_flag_under_another_name_flags() {
    let standing = answered(|request| {
        let odd = entry(ANNA, &[("something;x-else", b"\xff")]);
        Answer::whole(request, &[odd])
    });
    let standing = standing.await.unwrap();
    let entry = standing.flagged().unwrap();
    assert_eq!(entry.flag.reading(), Some(FlagReading::Doubtful));
}

async fn two_lists_of_one_attribute_count_together() {
    for values in [[b"Y", b"N"], [b"N", b"Y"]] {
        let standing = answered(move |request| {
            let twice = entry(ANNA, &values.map(|value| (FLAG, &value[..])));
            Answer::whole(request, &[twice])
        });
        assert!(standing.await.unwrap().flagged().is_some(), "{values:?}");
    }
}

/// A schema that is not shown now may be without the attribute all the same.
async fn a_schema_that_is_busy_is_an_error() {
    let address = pretender::start(|request| match request.is_about_schema() {
        true => Answer::code(request, pretender::BUSY),
        false => Answer::whole(request, &[unflagged()]),
    });
    let directory = open(unbound(address.await));
    for _ in 0..2 {
        let answer = ask(&*directory, &sender("<anna@corp.test>")).await;
        answer.unwrap_err();
    }
    let deadline = Instant::now() + PATIENCE;
    directory.probe(deadline).await.unwrap_err();
}

async fn an_answer_to_the_bind_that_nobody_can_read_is_an_error() {
    let address = pretender::start(|request| match request.is_bind() {
        // A bind response without anything in it.
        true => Answer::half(request, &[0x61, 0]),
        false => Answer::whole(request, &[unflagged()]),
    });
    let settings = ldap::Settings {
        bind: bind("cn=mailhold", "secret"),
        ..unbound(address.await)
    };
    let answer = ask(&*open(settings), &sender("<anna@corp.test>")).await;
    let error = answer.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    let told = Chain(&error).to_string();
    assert!(told.contains("cannot be read"), "{told}");
}

async fn an_answer_to_a_bind_that_was_not_asked_is_an_error() {
    let answer = answered(|request| Answer::half(request, &[0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0]));
    answer.await.unwrap_err();
}

async fn a_filter_of_attributes_that_nobody_has_is_an_error(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let settings = ldap::Settings {
        filter: FilterTemplate::new("(|(mial={address})(email2={address}))", "{address}").unwrap(),
        ..settings(&lab.slapd)
    };
    let error = ask(&*open(settings), &sender(&person.address)).await;
    let told = Chain(&error.unwrap_err()).to_string();
    assert!(
        told.contains("none of the attributes mial, email2 (directory.ldap.filter)"),
        "{told}"
    );
}

async fn an_end_date_that_the_schema_does_not_have_is_an_error(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let mut settings = settings(&lab.slapd);
    settings.marks.until = Some("mailMonitorUntl".to_owned());
    let error = ask(&*open(settings), &sender(&person.address)).await;
    let told = Chain(&error.unwrap_err()).to_string();
    assert!(
        told.contains("no attribute \"mailMonitorUntl\" (directory.ldap.until_attribute)"),
        "{told}"
    );
}

/// It would come under a name that nobody expects, and be taken for the flag.
async fn an_attribute_that_the_server_calls_otherwise_is_an_error(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let mut settings = settings(&lab.slapd);
    settings.marks.until = Some("surname".to_owned());
    let error = ask(&*open(settings), &sender(&person.address)).await;
    let told = Chain(&error.unwrap_err()).to_string();
    assert!(
        told.contains("calls \"surname\" by the name \"sn\""),
        "{told}"
    );
}
