//! What the milter asks of Postfix: as little as a review needs, and nothing that is not offered.

use std::sync::Arc;

use indymilter::message::reply::Reply;
use indymilter_test::{Actions, MacroStage, ProtoOpts, TestConnection};
use libtest_mimic::Trial;

use super::{
    desk::Desk,
    mail::Mail,
    mta::{Mta, Stage},
    raw::Raw,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        only_the_quarantine_is_asked_for,
        nothing_is_skipped_and_no_space_is_lost,
        stages_that_nobody_listens_to_are_not_sent,
        each_stage_of_an_envelope_asks_for_a_macro_that_is_always_defined,
        a_postfix_without_quarantine_is_refused_with_an_alarm,
        a_postfix_without_exact_header_values_is_refused_with_an_alarm,
        a_postfix_that_offers_nothing_is_refused,
        a_postfix_that_waits_for_every_reply_gets_every_reply,
        a_postfix_that_offers_only_what_is_needed_is_served,
        a_second_negotiation_changes_nothing,
    ]
}

async fn only_the_quarantine_is_asked_for() {
    let desk = Desk::start().await;
    let asked = desk.mta().await.connection.negotiated_actions();
    assert_eq!(asked, Actions::QUARANTINE);
}

async fn nothing_is_skipped_and_no_space_is_lost() {
    let desk = Desk::start().await;
    let asked = desk.mta().await.connection.negotiated_opts();
    assert!(asked.contains(ProtoOpts::LEADING_SPACE));
    assert!(!asked.contains(ProtoOpts::SKIP));
    assert!(!asked.contains(ProtoOpts::REJECTED_RCPT));
}

async fn stages_that_nobody_listens_to_are_not_sent() {
    let desk = Desk::start().await;
    let asked = desk.mta().await.connection.negotiated_opts();
    let unheard = ProtoOpts::NO_CONNECT | ProtoOpts::NO_HELO | ProtoOpts::NO_UNKNOWN;
    assert!(asked.contains(unheard), "{asked:?}");
}

async fn each_stage_of_an_envelope_asks_for_a_macro_that_is_always_defined() {
    let desk = Desk::start().await;
    let mta = desk.mta().await;
    let asked = |stage| {
        let list = mta.connection.requested_macros()[&stage].to_str().unwrap();
        list.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let at_mail = asked(MacroStage::Mail);
    for name in ["{mail_addr}", "{auth_authen}", "{client_addr}"] {
        assert!(at_mail.contains(&name.to_owned()), "{at_mail:?}");
    }
    assert!(asked(MacroStage::Rcpt).contains(&"{rcpt_addr}".to_owned()));
    for stage in [MacroStage::Data, MacroStage::Eoh, MacroStage::Eom] {
        assert!(asked(stage).contains(&"i".to_owned()), "{stage:?}");
    }
}

async fn assert_refused(actions: Actions, opts: ProtoOpts) {
    let desk = Desk::start().await;
    let mut raw = Raw::connect(desk.place()).await;
    assert_eq!(raw.offer(actions, opts).await, None);
    desk.alarms("negotiation_failed").await;
    desk.shows("milter_connections", 0).await;
}

async fn a_postfix_without_quarantine_is_refused_with_an_alarm() {
    assert_refused(Actions::all() - Actions::QUARANTINE, ProtoOpts::all()).await;
}

async fn a_postfix_without_exact_header_values_is_refused_with_an_alarm() {
    assert_refused(Actions::all(), ProtoOpts::all() - ProtoOpts::LEADING_SPACE).await;
}

async fn a_postfix_that_offers_nothing_is_refused() {
    assert_refused(Actions::empty(), ProtoOpts::empty()).await;
}

async fn assert_served_with(opts: ProtoOpts) {
    let desk = Desk::start().await;
    let offer = TestConnection::configure()
        .available_actions(Actions::QUARANTINE)
        .available_opts(opts);
    let mut mta = Mta::open_with(offer, desk.place()).await;
    mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
    let mail = Mail::flagged().to("<eve@elsewhere.test>");
    mta.send(&mail).await.held();
    assert_eq!(desk.captured().await.content, mail.content());
}

async fn a_postfix_that_waits_for_every_reply_gets_every_reply() {
    let silent = ProtoOpts::NOREPLY_RCPT
        | ProtoOpts::NOREPLY_HEADER
        | ProtoOpts::NOREPLY_EOH
        | ProtoOpts::NOREPLY_BODY;
    assert_served_with(ProtoOpts::all() - silent).await;
}

async fn a_postfix_that_offers_only_what_is_needed_is_served() {
    assert_served_with(ProtoOpts::LEADING_SPACE).await;
}

async fn a_second_negotiation_changes_nothing() {
    let desk = Desk::start().await;
    let mut raw = Raw::open(desk.place()).await;
    raw.negotiate(Actions::empty(), ProtoOpts::all()).await;
    let reply = raw.mail(None, "<anna@corp.test>").await;
    assert_eq!(reply, Some(Reply::Continue));
}
