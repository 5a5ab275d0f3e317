//! Many messages on one connection, none of which knows anything of the one before.

use std::{ffi::CString, sync::Arc};

use indymilter::{
    Actions, MacroStage, ProtoOpts,
    message::{
        Message,
        command::{Command, CommandKind},
        reply::Reply,
    },
};
use libtest_mimic::Trial;
use mailhold::domain::reply::TryAgain;

use super::{desk::Desk, mail::Mail, mta::Stage, raw::Raw};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_connection_carries_many_messages,
        a_reset_message_leaves_no_trace,
        recipients_of_a_reset_message_do_not_count,
        mail_without_a_reset_begins_anew,
        content_of_an_unfinished_message_is_not_captured_with_the_next,
        a_message_from_sendmail_is_held,
        no_recipient_is_refused_whatever_it_is,
        a_login_ends_with_its_message,
        mail_with_an_empty_macro_packet_does_not_get_the_login_before,
        mail_without_a_macro_packet_does_not_get_the_login_before,
        mail_without_macros_is_never_accepted,
        a_quit_in_good_order_is_counted_as_such,
        a_message_that_was_cut_off_is_counted_as_such,
    ]
}

async fn a_connection_carries_many_messages() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for n in 0..10 {
        let body = format!("message {n}\r\n");
        let held = Mail::flagged().body([&body]);
        mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
        mta.send(&held).await.held();
        assert_eq!(desk.next_captured().await.content, held.content());
    }
    desk.nothing_captured().await;
}

async fn a_reset_message_leaves_no_trace() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let large = Mail::flagged().body([vec![b'x'; 200_000]]);
    for stage in Stage::ALL.into_iter().filter(|stage| *stage < Stage::End) {
        assert_eq!(mta.send_until(stage, &large).await, None);
        mta.connection.abort().await.unwrap();
        desk.nothing_captured().await;
    }
}

async fn recipients_of_a_reset_message_do_not_count() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send_until(Stage::Recipients, &Mail::flagged()).await;
    mta.connection.abort().await.unwrap();
    let within = Mail::from("<anna@corp.test>").to("<ben@corp.test>");
    mta.send(&within).await.accepted_at(Stage::Data);
}

async fn mail_without_a_reset_begins_anew() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for stage in Stage::ALL.into_iter().filter(|stage| *stage < Stage::End) {
        mta.send_until(stage, &Mail::flagged()).await;
        mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
        desk.nothing_captured().await;
    }
}

async fn content_of_an_unfinished_message_is_not_captured_with_the_next() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let unfinished = Mail::flagged()
        .fields(&[("X-Old", " old")])
        .body(["old\r\n"]);
    mta.send_until(Stage::Body, &unfinished).await;
    let next = Mail::flagged();
    mta.send(&next).await.held();
    let captured = desk.captured().await;
    assert_eq!(captured.content, next.content());
    assert_eq!(captured.capture.envelope.recipients.len(), 1);
}

async fn a_message_from_sendmail_is_held() {
    let desk = Desk::start().await;
    let mut mail = Mail::from("anna@corp.test").to("bob@elsewhere.test");
    mail.queue_id_at_mail = mail.queue_id_at_end.clone();
    desk.mta().await.send(&mail).await.held();
    let captured = desk.captured().await;
    assert_eq!(captured.capture.envelope.sender.argument, b"anna@corp.test");
    assert_eq!(captured.content, mail.content());
}

/// A Postfix that waits for every reply: for a mail of the sendmail command, one recipient that is
/// refused would be the end of all of it.
async fn no_recipient_is_refused_whatever_it_is() {
    let desk = Desk::start().await;
    let mut raw = Raw::connect(desk.place()).await;
    let opts = ProtoOpts::all() - ProtoOpts::NOREPLY_RCPT;
    let offered = raw.offer(Actions::all(), opts).await;
    assert!(matches!(offered, Some(Reply::OptNeg { .. })));
    let long = format!("{}@elsewhere.test", "x".repeat(60_000));
    let odd = [
        "",
        "<>",
        "no address",
        "<@:,@>",
        "bob@elsewhere.test",
        &long,
    ];
    assert_eq!(
        raw.mail(None, "anna@corp.test").await,
        Some(Reply::Continue)
    );
    // Together they are more than an envelope may be.
    for recipient in odd.into_iter().cycle().take(600) {
        raw.rcpt(recipient).await;
        let reply = raw.reply().await;
        assert_eq!(reply, Some(Reply::Continue), "{:.20}", recipient);
    }
    raw.command(Command::Data).await;
    let reply = raw.reply().await;
    let is_try_again = |text: &CString| text.as_bytes().starts_with(TryAgain::CODE.as_bytes());
    assert!(
        matches!(&reply, Some(Reply::ReplyCode { reply }) if is_try_again(reply)),
        "{reply:?}"
    );
    desk.nothing_captured().await;
}

async fn a_login_ends_with_its_message() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::unflagged().login("anna")).await.held();
    mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
}

/// After a flagged login's message, MAIL from somebody else with `packet` before it.
async fn mail_after_a_flagged_login(desk: &Desk, packet: Option<Message>) -> Option<Reply> {
    let mut raw = Raw::open(desk.place()).await;
    let first = raw.mail(Some("anna"), "<ben@corp.test>").await;
    assert_eq!(first, Some(Reply::Continue));
    if let Some(packet) = packet {
        raw.packet(packet).await;
    }
    raw.mail_alone("<ben@corp.test>").await
}

/// What Postfix sends when none of the macros that were asked for is defined.
fn empty_macro_packet() -> Message {
    Message::new(CommandKind::DefMacros, vec![u8::from(MacroStage::Mail)])
}

async fn mail_with_an_empty_macro_packet_does_not_get_the_login_before() {
    let desk = Desk::start().await;
    let reply = mail_after_a_flagged_login(&desk, Some(empty_macro_packet())).await;
    assert_eq!(
        reply, None,
        "the connection ends, so that Postfix tries again"
    );
    desk.nothing_captured().await;
    desk.alarms("negotiation_failed").await;
}

async fn mail_without_a_macro_packet_does_not_get_the_login_before() {
    let desk = Desk::start().await;
    let reply = mail_after_a_flagged_login(&desk, None).await;
    assert_eq!(
        reply, None,
        "the connection ends, so that Postfix tries again"
    );
    desk.nothing_captured().await;
}

async fn mail_without_macros_is_never_accepted() {
    let desk = Desk::start().await;
    let mut raw = Raw::open(desk.place()).await;
    let first = raw.mail(Some("ben"), "<ben@corp.test>").await;
    assert_eq!(first, Some(Reply::Accept));
    raw.packet(empty_macro_packet()).await;
    assert_eq!(raw.mail_alone("<ben@corp.test>").await, None);

    let mut raw = Raw::open(desk.place()).await;
    assert_eq!(raw.mail_alone("<ben@corp.test>").await, None);
}

async fn a_quit_in_good_order_is_counted_as_such() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::flagged()).await.held();
    mta.connection.close().await.unwrap();
    desk.shows("milter_sessions_total{result=\"quit\"}", 1)
        .await;
}

async fn a_message_that_was_cut_off_is_counted_as_such() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send_until(Stage::Body, &Mail::flagged()).await;
    drop(mta);
    desk.shows("milter_sessions_total{result=\"cut\"}", 1).await;
}
