//! A milter or a worker that gets no more handles or threads: mail comes again, decisions wait, nothing
//! wrong is concluded, and it goes on by itself when there are some.

use std::sync::Arc;

use indymilter::{Actions, ProtoOpts, message::reply::Reply};
use libtest_mimic::Trial;
use mailhold::domain::{decision::Decision, lifecycle::State};

use super::outpost::Outpost;
use crate::{
    lab::{
        Lab,
        eventually::eventually,
        slapd::{PEOPLE, SERVICE},
    },
    trials::{Trials, tests},
    wire::{desk::BOUND, mail::Mail, mta::Stage, raw::Raw},
    worker::{commands::settled_once, workplace::Workplace},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_milter_without_handles_lets_mail_come_again_and_connections_wait,
        a_milter_without_handles_lets_no_mail_pass_unreviewed,
        a_milter_that_gets_no_threads_goes_on_with_those_it_has,
        a_worker_without_handles_concludes_nothing_and_goes_on_later,
        a_worker_without_processes_concludes_nothing_and_goes_on_later,
    ]
}

fn large() -> Mail {
    Mail::flagged().body((0..40).map(|n| vec![b'0' + n; 65_535]))
}

/// Whether all that was captured has gone into the database, and the files are closed.
async fn is_idle(outpost: &Outpost<'_>) {
    eventually("the spool is empty", BOUND, async || {
        match outpost.n_files("segments") + outpost.n_files("large") {
            0 => Ok(()),
            more => Err(more),
        }
    })
    .await;
}

async fn a_milter_without_handles_lets_mail_come_again_and_connections_wait(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    let mut mta = outpost.mta().await;
    mta.send(&Mail::flagged()).await.held();
    is_idle(&outpost).await;
    Outpost::limit(&outpost.milter, "nofile", Some(3)).await;
    for mail in [Mail::flagged(), large()] {
        mta.send(&mail).await.tries_again_at(Stage::End);
    }
    mta.send(&Mail::unflagged().login("ben"))
        .await
        .accepted_at(Stage::Mail);
    let mut waiting = Raw::connect(&outpost.place()).await;
    waiting.negotiate(Actions::all(), ProtoOpts::all()).await;
    outpost
        .milter
        .event_with(&["milter.accept_failed"], BOUND)
        .await;

    Outpost::limit(&outpost.milter, "nofile", None).await;
    assert!(matches!(waiting.reply().await, Some(Reply::OptNeg { .. })));
    for mail in [Mail::flagged(), large()] {
        mta.send(&mail).await.held();
    }
    outpost.mta().await.send(&Mail::flagged()).await.held();
    is_idle(&outpost).await;
    let recorded = outpost.sql("select count(*) from capture").await;
    assert_eq!(recorded, "4", "each held message, and no other");
}

async fn a_milter_without_handles_lets_no_mail_pass_unreviewed(lab: &Lab) {
    let slapd = &lab.slapd;
    let outpost = Outpost::on_disk(lab, |settings| {
        settings
            .set("directory.backend", "ldap")
            .set("directory.outage", "pass")
            .set("directory.ldap.mirror", "off")
            .set("directory.ldap.urls", vec![slapd.url()])
            .set("directory.ldap.base", PEOPLE)
            .set("directory.ldap.bind_dn", SERVICE)
            .set(
                "directory.ldap.bind_password_file",
                slapd.service_password.display().to_string(),
            )
            // Every look-up needs a handle of its own.
            .set("directory.ldap.max_connection_age", "1ms");
    })
    .await;
    let flagged = lab.person(&["Y"]).await;
    let mail = Mail::from(format!("<{}>", flagged.address)).to("<bob@elsewhere.test>");
    let mut mta = outpost.mta().await;
    mta.send(&mail).await.held();
    is_idle(&outpost).await;
    Outpost::limit(&outpost.milter, "nofile", Some(3)).await;
    mta.send(&mail).await.tries_again_at(Stage::Mail);
    Outpost::limit(&outpost.milter, "nofile", None).await;
    mta.send(&mail).await.held();
}

async fn a_milter_that_gets_no_threads_goes_on_with_those_it_has(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    // Its user may have no more threads.
    Outpost::limit(&outpost.milter, "nproc", Some(1)).await;
    let mut mta = outpost.mta().await;
    for mail in [large(), Mail::flagged(), large()] {
        mta.send(&mail).await.held();
    }
    mta.send(&Mail::unflagged().login("ben"))
        .await
        .accepted_at(Stage::Mail);
    is_idle(&outpost).await;
    assert!(outpost.milter.is_ready().await);
    let panics = "mailhold_alarm{kind=\"session_panicked\"}";
    assert_eq!(outpost.milter.metric(panics).await, 0.0);
}

async fn a_worker_without_handles_concludes_nothing_and_goes_on_later(lab: &Lab) {
    concludes_nothing(lab, "nofile", 3).await;
}

async fn a_worker_without_processes_concludes_nothing_and_goes_on_later(lab: &Lab) {
    concludes_nothing(lab, "nproc", 1).await;
}

/// A decision that falls while a worker can open or start nothing waits, and is carried out later.
async fn concludes_nothing(lab: &Lab, limit: &str, few: u32) {
    let work = Workplace::new(lab).await;
    let worker = work.worker(|_| {}).await;
    let (decided, undecided) = (work.held().await, work.held().await);
    Outpost::limit(&worker, limit, Some(few)).await;
    work.decide(&decided, Decision::Release).await;
    work.put_off(&decided).await;
    // Several rounds of its other work, too.
    let captured = work.captured().await;
    for _ in 0..3 {
        work.make_due().await;
        work.put_off(&decided).await;
    }
    assert_eq!(work.review(&decided).await.state, State::Decided);
    assert_eq!(work.review(&undecided).await.state, State::Held);

    Outpost::limit(&worker, limit, None).await;
    assert_eq!(worker.metric("mailhold_gone_total").await, 0.0);
    let mismatches = "mailhold_alarm{kind=\"identity_mismatch\"}";
    assert_eq!(worker.metric(mismatches).await, 0.0);
    work.make_due().await;
    settled_once(&work, &worker, &decided).await;
    work.is(&captured, State::Held).await;
}
