//! Several servers: the first whole answer counts, and a dead server costs its deadline once.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    directory::{DirectoryError, ldap},
    telemetry::chain::Chain,
};
use tokio::time::Instant;

use super::{
    asking::{ask, bind, flagged, open, reading, sender, settings, url},
    pretender::{self, Answer},
};
use crate::{
    lab::{
        Lab,
        ports::free_address,
        slapd::{SERVICE, SUFFIX, Slapd},
    },
    trials::{Trials, tests},
};

const TIMEOUT: Duration = Duration::from_millis(600);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_server_that_is_down_is_passed_over,
        a_frozen_server_costs_its_deadline_once,
        half_an_answer_of_one_server_is_none,
        a_refused_bind_is_passed_over,
        an_error_of_one_server_is_passed_over,
        all_servers_share_the_deadline_of_a_mail,
        servers_that_all_fail_are_named,
        a_refusal_is_told_before_a_silence,
        a_server_that_rests_is_asked_when_the_others_fail,
        the_first_server_that_works_is_the_one_that_is_asked,
        one_server_that_works_is_enough_for_the_lookout,
    ]
}

/// Asks these addresses in order, the way the lab's slapd is asked.
fn asking_in_order(slapd: &Slapd, addresses: &[SocketAddr]) -> ldap::Settings {
    let server = |address| url(&format!("ldap://{address}"));
    ldap::Settings {
        servers: addresses.iter().map(server).collect(),
        timeout: TIMEOUT,
        ..settings(slapd)
    }
}

async fn a_server_that_is_down_is_passed_over(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let directory = open(asking_in_order(
        &lab.slapd,
        &[free_address(), lab.slapd.address],
    ));
    for _ in 0..2 {
        flagged(&*directory, &sender(&person.address)).await;
    }
}

async fn a_frozen_server_costs_its_deadline_once(lab: &Lab) {
    let frozen = Slapd::start_with(&lab.tools, "slapd-first", "").await;
    frozen.freeze().await;
    let person = lab.person(&["Y"]).await;
    let mut settings = asking_in_order(&lab.slapd, &[frozen.address, lab.slapd.address]);
    settings.timeout = Duration::from_secs(3);
    let directory = open(settings);
    let begin = Instant::now();
    flagged(&*directory, &sender(&person.address)).await;
    assert!(begin.elapsed() >= Duration::from_secs(3));
    let begin = Instant::now();
    for _ in 0..5 {
        flagged(&*directory, &sender(&person.address)).await;
    }
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    frozen.thaw();
}

async fn half_an_answer_of_one_server_is_none(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    // It says that the person is not flagged, and hangs up before the end of its answer.
    let entry = pretender::entry("uid=x,dc=corp,dc=test", &[("IsMailMonitor", b"N")]);
    let half = pretender::start(move |request| match request.is_about_schema() {
        true => Answer::whole(request, &[]),
        false => Answer::half(request, &entry),
    })
    .await;
    let directory = open(asking_in_order(&lab.slapd, &[half, lab.slapd.address]));
    flagged(&*directory, &sender(&person.address)).await;
}

async fn a_refused_bind_is_passed_over(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    // Each slapd has a password of its own for the service.
    let other = Slapd::start_with(&lab.tools, "slapd-unfriendly", "").await;
    let directory = open(asking_in_order(
        &lab.slapd,
        &[other.address, lab.slapd.address],
    ));
    flagged(&*directory, &sender(&person.address)).await;
}

async fn an_error_of_one_server_is_passed_over(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let busy = pretender::start(|request| match request.is_bind() {
        true => Answer::whole(request, &[]),
        false => Answer::code(request, pretender::BUSY),
    })
    .await;
    let directory = open(asking_in_order(&lab.slapd, &[busy, lab.slapd.address]));
    flagged(&*directory, &sender(&person.address)).await;
}

async fn all_servers_share_the_deadline_of_a_mail(lab: &Lab) {
    let frozen = Slapd::start_with(&lab.tools, "slapd-shared", "").await;
    frozen.freeze().await;
    let mut settings = asking_in_order(&lab.slapd, &[frozen.address, frozen.address]);
    settings.timeout = Duration::from_secs(20);
    let directory = open(settings);
    let begin = Instant::now();
    let identity = sender("<anna@corp.test>");
    let answer = directory.standing(&identity, begin + TIMEOUT).await;
    let error = answer.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(begin.elapsed() < TIMEOUT + Duration::from_secs(2));
    frozen.thaw();
}

async fn servers_that_all_fail_are_named(lab: &Lab) {
    let dead = [free_address(), free_address()];
    let directory = open(asking_in_order(&lab.slapd, &dead));
    for _ in 0..2 {
        let error = ask(&*directory, &sender("<anna@corp.test>")).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, DirectoryError::AllServers { .. }),
            "{error:?}"
        );
        assert!(error.is_transient() && error.kind() == "unreachable");
        let told = Chain(&error).to_string();
        for address in dead {
            assert!(told.contains(&format!("ldap://{address}")), "{told}");
        }
    }
}

/// A wrong password on one server is for a person to put right, whatever the other one has.
async fn a_refusal_is_told_before_a_silence(lab: &Lab) {
    let mut settings = asking_in_order(&lab.slapd, &[lab.slapd.address, free_address()]);
    settings.bind = bind(SERVICE, "wrong");
    let error = ask(&*open(settings), &sender("<anna@corp.test>")).await;
    let error = error.unwrap_err();
    assert!(!error.is_transient() && error.kind() == "refused");
    let told = Chain(&error).to_string();
    assert!(told.contains("refused the bind"), "{told}");
}

async fn a_server_that_rests_is_asked_when_the_others_fail(lab: &Lab) {
    let first = Slapd::start_with(&lab.tools, "slapd-comes-back", "").await;
    first.add_person("anna", &["anna@corp.test"], &["Y"]).await;
    let second = free_address();
    let directory = open(asking_in_order(&first, &[first.address, second]));
    flagged(&*directory, &sender("<anna@corp.test>")).await;
    first.kill();
    let answer = ask(&*directory, &sender("<anna@corp.test>")).await;
    answer.unwrap_err();
    first.start_again().await;
    flagged(&*directory, &sender("<anna@corp.test>")).await;
}

async fn the_first_server_that_works_is_the_one_that_is_asked(lab: &Lab) {
    let person = lab.person(&["Y"]).await;
    let stranger = pretender::start(|request| Answer::whole(request, &[])).await;
    let directory = open(asking_in_order(&lab.slapd, &[lab.slapd.address, stranger]));
    for _ in 0..3 {
        flagged(&*directory, &sender(&person.address)).await;
    }
    let directory = open(asking_in_order(&lab.slapd, &[stranger, lab.slapd.address]));
    let read = reading(&*directory, &sender(&person.address)).await;
    assert_eq!(read, None);
}

async fn one_server_that_works_is_enough_for_the_lookout(lab: &Lab) {
    let directory = open(asking_in_order(
        &lab.slapd,
        &[free_address(), lab.slapd.address],
    ));
    let deadline = Instant::now() + Duration::from_secs(20);
    directory.probe(deadline).await.unwrap();
    let mut settings = asking_in_order(&lab.slapd, &[free_address(), lab.slapd.address]);
    settings.base = format!("ou=peple,{SUFFIX}");
    open(settings).probe(deadline).await.unwrap_err();
    let person = lab.person(&["N"]).await;
    assert_eq!(reading(&*directory, &sender(&person.address)).await, None);
}
