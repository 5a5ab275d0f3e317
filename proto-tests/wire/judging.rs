//! Whose mail is held, and at which stage all other mail is let go.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    desk::Desk,
    mail::Mail,
    mta::{Outcome, Stage},
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        an_unflagged_mail_is_accepted_at_mail_and_leaves_nothing,
        a_flagged_mail_that_leaves_the_house_is_held,
        the_reason_for_the_quarantine_names_the_capture_only,
        a_flagged_login_counts_whatever_the_sender_address,
        a_flagged_mail_within_the_house_is_accepted_at_data,
        one_recipient_outside_the_house_is_enough,
        a_mail_to_exempt_recipients_is_accepted_at_data,
        one_recipient_that_is_not_exempt_is_enough,
        a_doubtful_flag_counts_as_flagged_and_raises_the_alarm,
        the_null_sender_is_nobody_with_brackets_or_without,
        the_null_sender_with_a_flagged_login_is_held,
        a_flagged_sender_is_known_in_any_spelling,
        a_sender_is_looked_up_as_sent_and_as_postfix_rewrote_it,
    ]
}

async fn an_unflagged_mail_is_accepted_at_mail_and_leaves_nothing() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let outcome = mta.send(&Mail::unflagged().login("ben")).await;
    outcome.accepted_at(Stage::Mail);
    desk.nothing_captured().await;
    desk.shows("milter_verdicts_total{verdict=\"unflagged\"}", 1)
        .await;
}

async fn a_flagged_mail_that_leaves_the_house_is_held() {
    let desk = Desk::start().await;
    let mail = Mail::flagged();
    desk.mta().await.send(&mail).await.held();
    assert_eq!(desk.captured().await.content, mail.content());
}

async fn the_reason_for_the_quarantine_names_the_capture_only() {
    let desk = Desk::start().await;
    let reason = desk.mta().await.send(&Mail::flagged()).await.held();
    let id = desk.captured().await.capture.id;
    assert_eq!(reason, format!("mailhold review {id}"));
}

async fn a_flagged_login_counts_whatever_the_sender_address() {
    let desk = Desk::start().await;
    let mail = Mail::unflagged().login("anna");
    desk.mta().await.send(&mail).await.held();
    let matched = desk.captured().await.capture.grounds.matched.clone();
    assert_eq!(
        (matched.identity_kind, matched.identity),
        ("login".into(), "anna".into())
    );
}

async fn a_flagged_mail_within_the_house_is_accepted_at_data() {
    let desk = Desk::start().await;
    let mail = Mail::from("<anna@corp.test>")
        .to("<ben@corp.test>")
        .to("<eve@lab.corp.test>");
    desk.mta().await.send(&mail).await.accepted_at(Stage::Data);
    desk.nothing_captured().await;
    desk.shows("milter_verdicts_total{verdict=\"pass\"}", 1)
        .await;
}

async fn one_recipient_outside_the_house_is_enough() {
    let desk = Desk::start().await;
    let mail = Mail::from("<anna@corp.test>")
        .to("<ben@corp.test>")
        .to("<bob@elsewhere.test>");
    desk.mta().await.send(&mail).await.held();
}

async fn a_mail_to_exempt_recipients_is_accepted_at_data() {
    let desk = Desk::start().await;
    let mail = Mail::from("<anna@corp.test>").to("<doctor@clinic.test>");
    desk.mta().await.send(&mail).await.accepted_at(Stage::Data);
    desk.nothing_captured().await;
}

async fn one_recipient_that_is_not_exempt_is_enough() {
    let desk = Desk::start().await;
    let mail = Mail::flagged().to("<doctor@clinic.test>");
    desk.mta().await.send(&mail).await.held();
}

async fn a_doubtful_flag_counts_as_flagged_and_raises_the_alarm() {
    let desk = Desk::start().await;
    let mail = Mail::from("<odette@corp.test>").to("<bob@elsewhere.test>");
    desk.mta().await.send(&mail).await.held();
    desk.alarms("flag_unknown").await;
}

async fn the_null_sender_is_nobody_with_brackets_or_without() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for null in ["<>", ""] {
        let mail = Mail::from(null).to("<bob@elsewhere.test>");
        mta.send(&mail).await.accepted_at(Stage::Mail);
    }
    desk.nothing_captured().await;
}

async fn the_null_sender_with_a_flagged_login_is_held() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for null in ["<>", ""] {
        let mail = Mail::from(null).to("<bob@elsewhere.test>").login("anna");
        mta.send(&mail).await.held();
        let sender = desk.next_captured().await.capture.envelope.sender.clone();
        assert_eq!(sender.argument, null.as_bytes());
        assert_eq!(sender.rewritten, Some(Vec::new()));
    }
}

async fn a_flagged_sender_is_known_in_any_spelling() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for spelling in [
        "<Anna@CORP.test>",
        "<\"anna\"@corp.test>",
        "<\"an\\na\"@corp.test>",
        "<@relay.test:anna@corp.test>",
        "<anna@corp.test.>",
        "anna@corp.test",
    ] {
        let mail = Mail::from(spelling).to("<bob@elsewhere.test>");
        let outcome = mta.send(&mail).await;
        assert!(
            matches!(outcome, Outcome::Held(_)),
            "{spelling}: {outcome:?}"
        );
    }
}

async fn a_sender_is_looked_up_as_sent_and_as_postfix_rewrote_it() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let (anna, ben) = ("anna@corp.test", "ben@corp.test");
    for (sent, rewritten) in [(anna, ben), (ben, anna)] {
        let mail = Mail::from(format!("<{sent}>")).rewritten(rewritten);
        let mail = mail.to("<bob@elsewhere.test>");
        mta.send(&mail).await.held();
        let sender = desk.next_captured().await.capture.envelope.sender.clone();
        assert_eq!(sender.argument, format!("<{sent}>").as_bytes());
        assert_eq!(sender.rewritten.as_deref(), Some(rewritten.as_bytes()));
    }
    let neither = Mail::unflagged().rewritten("carl@corp.test");
    mta.send(&neither).await.accepted_at(Stage::Mail);
    desk.nothing_captured().await;
}
