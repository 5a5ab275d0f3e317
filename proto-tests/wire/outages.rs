//! When something is out of order, mail comes again: with one text for all, and never let through.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::directory::Outage;

use super::{
    desk::{Desk, Plan},
    mail::Mail,
    mta::Stage,
    people::{TROUBLED, Trouble, troubled},
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        an_outage_of_the_directory_asks_mail_to_come_again,
        an_outage_of_the_directory_can_hold_what_leaves_the_house,
        an_outage_of_the_directory_can_let_mail_pass_if_that_is_meant,
        the_alarm_of_an_outage_ends_with_it,
        a_directory_that_never_answers_is_given_up_at_the_deadline,
        an_identity_without_an_answer_does_not_hide_a_flagged_one,
        a_panic_ends_in_a_temporary_failure_and_an_alarm,
        a_connection_that_panicked_takes_no_more_mail,
        a_panic_in_one_connection_leaves_the_others_alone,
        a_full_spool_stops_flagged_mail_only,
        a_full_spool_is_alarmed_and_counted,
        a_content_that_cannot_be_kept_comes_again,
        every_failure_has_the_same_text_which_says_nothing_of_reviews,
    ]
}

async fn desk_with(trouble: Trouble, outage: Outage) -> Desk {
    Desk::with(Plan {
        directory: troubled(trouble),
        outage,
        mail_deadline: Duration::from_millis(100),
        ..Plan::default()
    })
    .await
}

async fn desk_with_full_spool() -> Desk {
    Desk::with(Plan {
        min_free_percent: 100,
        min_free_bytes: u64::MAX,
        ..Plan::default()
    })
    .await
}

fn troubled_mail() -> Mail {
    Mail::from(TROUBLED).to("<bob@elsewhere.test>")
}

async fn an_outage_of_the_directory_asks_mail_to_come_again() {
    let desk = desk_with(Trouble::Unreachable, Outage::Tempfail).await;
    let outcome = desk.mta().await.send(&troubled_mail()).await;
    outcome.tries_again_at(Stage::Mail);
    desk.nothing_captured().await;
    desk.alarms("directory_unreachable").await;
}

async fn an_outage_of_the_directory_can_hold_what_leaves_the_house() {
    let desk = desk_with(Trouble::Unreachable, Outage::Hold).await;
    let mut mta = desk.mta().await;
    mta.send(&troubled_mail()).await.held();
    let rule = desk.next_captured().await.capture.grounds.rule.clone();
    assert_eq!(rule, "directory-outage");
    let within = Mail::from(TROUBLED).to("<ben@corp.test>");
    mta.send(&within).await.accepted_at(Stage::Data);
}

async fn an_outage_of_the_directory_can_let_mail_pass_if_that_is_meant() {
    let desk = desk_with(Trouble::Unreachable, Outage::Pass).await;
    let outcome = desk.mta().await.send(&troubled_mail()).await;
    outcome.accepted_at(Stage::Mail);
    desk.nothing_captured().await;
    desk.alarms("directory_unreachable").await;
}

async fn the_alarm_of_an_outage_ends_with_it() {
    let desk = desk_with(Trouble::Unreachable, Outage::Tempfail).await;
    let mut mta = desk.mta().await;
    mta.send(&troubled_mail()).await;
    desk.alarms("directory_unreachable").await;
    mta.send(&Mail::unflagged()).await;
    desk.shows("alarm{kind=\"directory_unreachable\"}", 0).await;
}

async fn a_directory_that_never_answers_is_given_up_at_the_deadline() {
    let desk = desk_with(Trouble::Hangs, Outage::Tempfail).await;
    let outcome = desk.mta().await.send(&troubled_mail()).await;
    outcome.tries_again_at(Stage::Mail);
    desk.shows("directory_errors_total{kind=\"timeout\"}", 1)
        .await;
}

async fn an_identity_without_an_answer_does_not_hide_a_flagged_one() {
    for trouble in [Trouble::Hangs, Trouble::Unreachable] {
        let desk = desk_with(trouble, Outage::Pass).await;
        let mail = troubled_mail().login("anna");
        desk.mta().await.send(&mail).await.held();
    }
}

async fn a_panic_ends_in_a_temporary_failure_and_an_alarm() {
    let desk = desk_with(Trouble::Panics, Outage::Pass).await;
    let outcome = desk.mta().await.send(&troubled_mail()).await;
    outcome.tries_again_at(Stage::Mail);
    desk.nothing_captured().await;
    desk.alarms("session_panicked").await;
    desk.shows("milter_sessions_total{result=\"panic\"}", 1)
        .await;
}

async fn a_connection_that_panicked_takes_no_more_mail() {
    let desk = desk_with(Trouble::Panics, Outage::Tempfail).await;
    let mut mta = desk.mta().await;
    mta.send(&troubled_mail()).await;
    for mail in [Mail::unflagged(), Mail::flagged()] {
        mta.send(&mail).await.tries_again_at(Stage::Mail);
    }
    desk.nothing_captured().await;
}

async fn a_panic_in_one_connection_leaves_the_others_alone() {
    let desk = desk_with(Trouble::Panics, Outage::Tempfail).await;
    let mut other = desk.mta().await;
    other.send_until(Stage::Header, &Mail::flagged()).await;
    desk.mta().await.send(&troubled_mail()).await;
    for stage in [Stage::EndOfHeader, Stage::Body] {
        other.send_stage(stage, &Mail::flagged()).await;
    }
    let outcome = other.send_stage(Stage::End, &Mail::flagged()).await;
    outcome.unwrap().held();
    desk.mta().await.send(&Mail::flagged()).await.held();
}

async fn a_full_spool_stops_flagged_mail_only() {
    let desk = desk_with_full_spool().await;
    let mut mta = desk.mta().await;
    let outcome = mta.send(&Mail::flagged()).await;
    outcome.tries_again_at(Stage::Data);
    mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
    let within = Mail::from("<anna@corp.test>").to("<ben@corp.test>");
    mta.send(&within).await.accepted_at(Stage::Data);
    desk.nothing_captured().await;
}

async fn a_full_spool_is_alarmed_and_counted() {
    let desk = desk_with_full_spool().await;
    desk.mta().await.send(&Mail::flagged()).await;
    desk.alarms("spool_full").await;
    desk.shows("capture_errors_total{kind=\"full\"}", 1).await;
}

async fn a_content_that_cannot_be_kept_comes_again() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let large = Mail::flagged().body([vec![b'x'; 200_000]]);
    desk.break_spool();
    mta.send(&large).await.tries_again_at(Stage::End);
    assert_eq!(desk.spool.n_waiting(), 0);
    desk.alarms("spool_failing").await;
    mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
}

async fn every_failure_has_the_same_text_which_says_nothing_of_reviews() {
    let mut texts = Vec::new();
    for trouble in [Trouble::Unreachable, Trouble::Hangs, Trouble::Panics] {
        let desk = desk_with(trouble, Outage::Tempfail).await;
        let mut mta = desk.mta().await;
        let outcome = mta.send(&troubled_mail()).await;
        texts.push(outcome.tries_again_at(Stage::Mail));
    }
    let full = desk_with_full_spool().await;
    let outcome = full.mta().await.send(&Mail::flagged()).await;
    texts.push(outcome.tries_again_at(Stage::Data));
    let desk = Desk::start().await;
    for queue_id in ["D305C34A1F", "ALL"] {
        let mail = Mail::flagged().queue_id(queue_id);
        let outcome = desk.mta().await.send(&mail).await;
        texts.push(outcome.tries_again_at(Stage::End));
    }
    for text in texts {
        assert_eq!(
            text,
            "451 4.3.0 Temporary local problem, please try again later"
        );
    }
}
