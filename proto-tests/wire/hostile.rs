//! Peers that break off, talk nonsense, or send what no person would: nobody else notices.

use std::sync::Arc;

use indymilter::{
    MacroStage,
    message::{
        Message,
        command::{Command, CommandKind, UnknownPayload},
        reply::Reply,
    },
};
use libtest_mimic::Trial;

use super::{
    desk::Desk,
    mail::{Mail, QUEUE_ID},
    mta::{Outcome, Stage},
    raw::Raw,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_disconnect_at_any_stage_leaves_no_trace,
        a_disconnect_before_the_answer_leaves_a_whole_capture_or_none,
        a_disconnect_after_the_answer_leaves_the_capture,
        a_peer_that_says_nothing_is_no_trouble,
        garbage_ends_its_own_connection_only,
        a_packet_that_claims_to_be_too_long_ends_its_connection,
        packets_may_arrive_byte_by_byte,
        mail_before_the_negotiation_is_never_accepted,
        a_message_without_recipients_is_never_accepted,
        an_end_without_a_beginning_is_never_accepted,
        an_envelope_without_data_is_never_accepted,
        a_long_address_is_looked_up_and_captured,
        an_odd_address_is_never_somebody_else,
    ]
}

/// More than the spool keeps in memory.
fn large_mail() -> Mail {
    Mail::flagged().body((0..4).map(|n| vec![n; 65_535]))
}

async fn a_disconnect_at_any_stage_leaves_no_trace() {
    let desk = Desk::start().await;
    for stage in Stage::ALL.into_iter().filter(|stage| *stage < Stage::End) {
        let mut mta = desk.mta().await;
        assert_eq!(mta.send_until(stage, &large_mail()).await, None);
        drop(mta);
        desk.nothing_captured().await;
        desk.shows("milter_connections", 0).await;
    }
}

async fn a_disconnect_before_the_answer_leaves_a_whole_capture_or_none() {
    let desk = Desk::start().await;
    let mut raw = begin_by_hand(&desk).await;
    raw.command(Command::Eoh).await;
    raw.macros(MacroStage::Eom, &[("i", QUEUE_ID)]).await;
    raw.command(Command::BodyEnd("".into())).await;
    drop(raw);
    desk.shows("milter_connections", 0).await;
    if desk.spool.n_waiting() > 0 {
        assert_eq!(desk.captured().await.content, b"Subject: x\r\n\r\n");
    }
    desk.nothing_captured().await;
}

async fn a_disconnect_after_the_answer_leaves_the_capture() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send_until(Stage::End, &large_mail())
        .await
        .unwrap()
        .held();
    drop(mta);
    desk.shows("milter_connections", 0).await;
    assert_eq!(desk.captured().await.content, large_mail().content());
}

async fn a_peer_that_says_nothing_is_no_trouble() {
    let desk = Desk::start().await;
    let silent = Raw::connect(desk.place()).await;
    desk.mta().await.send(&Mail::flagged()).await.held();
    drop(silent);
}

async fn garbage_ends_its_own_connection_only() {
    let desk = Desk::start().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: milter.test\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0",
        b"\0\0\0\x01Z",
        b"\0\0\0\x01M",
        b"\0\0\0\x01D",
        b"\0\0\0\x02DZ",
        b"\0\0\0\x05OABCD",
        b"\0\0\0\x03Mab",
        b"\xff\xff\xff\xff",
        &[0xff; 4_096],
    ] {
        for begin in [Begin::Silent, Begin::Negotiated, Begin::InMessage] {
            let mut raw = begin.raw(&desk).await;
            raw.bytes(garbage).await;
            raw.half_close().await;
            while let Some(reply) = raw.reply().await {
                assert_ne!(reply, Reply::Accept, "{begin:?} {garbage:?}");
            }
        }
    }
    desk.mta().await.send(&Mail::flagged()).await.held();
    desk.shows("milter_connections", 0).await;
}

#[derive(Clone, Copy, Debug)]
enum Begin {
    Silent,
    Negotiated,
    InMessage,
}

impl Begin {
    async fn raw(self, desk: &Desk) -> Raw {
        match self {
            Self::Silent => Raw::connect(desk.place()).await,
            Self::Negotiated => Raw::open(desk.place()).await,
            Self::InMessage => begin_by_hand(desk).await,
        }
    }
}

async fn a_packet_that_claims_to_be_too_long_ends_its_connection() {
    let desk = Desk::start().await;
    for length in [1_048_577_u32, u32::MAX] {
        let mut raw = begin_by_hand(&desk).await;
        raw.bytes(&length.to_be_bytes()).await;
        raw.bytes(b"B").await;
        assert_eq!(raw.reply().await, None);
    }
    desk.nothing_captured().await;
}

async fn packets_may_arrive_byte_by_byte() {
    let desk = Desk::start().await;
    let mut raw = begin_by_hand(&desk).await;
    let end = [
        Command::Eoh.into_message(),
        Command::BodyChunk("Hello\r\n".into()).into_message(),
        Message::new(CommandKind::DefMacros, format!("Ei\0{QUEUE_ID}\0")),
        Command::BodyEnd("".into()).into_message(),
    ];
    for packet in end {
        let length = u32::try_from(packet.buffer.len() + 1).unwrap();
        let header = [&length.to_be_bytes()[..], &[packet.kind], &packet.buffer];
        for byte in header.concat() {
            raw.bytes(&[byte]).await;
        }
    }
    assert!(matches!(raw.reply().await, Some(Reply::Quarantine { .. })));
    assert_eq!(raw.reply().await, Some(Reply::Accept));
    assert_eq!(
        desk.captured().await.content,
        b"Subject: x\r\n\r\nHello\r\n"
    );
}

async fn mail_before_the_negotiation_is_never_accepted() {
    let desk = Desk::start().await;
    let mut raw = Raw::connect(desk.place()).await;
    assert_refused(raw.mail(None, "<ben@corp.test>").await);
}

async fn a_message_without_recipients_is_never_accepted() {
    let desk = Desk::start().await;
    let mut raw = Raw::open(desk.place()).await;
    raw.mail(None, "<anna@corp.test>").await;
    // The way round RCPT in indymilter's table of states.
    let arg = c"NOOP".to_owned();
    raw.command(Command::Unknown(UnknownPayload { arg })).await;
    assert_eq!(raw.reply().await, Some(Reply::Continue));
    raw.command(Command::Data).await;
    assert_refused(raw.reply().await);
}

async fn an_end_without_a_beginning_is_never_accepted() {
    let desk = Desk::start().await;
    let mut raw = Raw::open(desk.place()).await;
    raw.command(Command::BodyEnd("".into())).await;
    raw.half_close().await;
    assert_eq!(raw.reply().await, None);
}

async fn an_envelope_without_data_is_never_accepted() {
    let desk = Desk::start().await;
    let mut raw = Raw::open(desk.place()).await;
    raw.mail(None, "<anna@corp.test>").await;
    raw.rcpt("<bob@elsewhere.test>").await;
    raw.header("Subject", " x").await;
    raw.command(Command::Eoh).await;
    raw.macros(MacroStage::Eom, &[("i", QUEUE_ID)]).await;
    raw.command(Command::BodyEnd("".into())).await;
    assert_refused(raw.reply().await);
    desk.nothing_captured().await;
}

async fn a_long_address_is_looked_up_and_captured() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let long = |domain: &str| format!("<{}@{domain}>", "x".repeat(64_000));
    let mail = Mail::from(long("corp.test")).to(long("elsewhere.test"));
    mta.send(&mail).await.accepted_at(Stage::Mail);
    mta.send(&mail.clone().login("anna")).await.held();
    let envelope = desk.captured().await.capture.envelope.clone();
    assert_eq!(envelope.sender.argument, mail.sender[0]);
    assert_eq!(envelope.recipients[0].argument, mail.recipients[0][0]);
}

async fn an_odd_address_is_never_somebody_else() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    for odd in [
        "<*)(uid=*@corp.test>",
        "<*@corp.test>",
        "<anna*@corp.test>",
        "<\"anna@corp.test\"@elsewhere.test>",
        "<anna@corp.test@elsewhere.test>",
        "<anna\r\n@corp.test>",
        "<anna@corp.test",
        "<\\>",
        "<\">",
        "<@>",
        "<@:>",
        "@",
    ] {
        let mail = Mail::from(odd).to("<bob@elsewhere.test>");
        let outcome = mta.send(&mail).await;
        assert_eq!(outcome, Outcome::Accepted(Stage::Mail), "{odd}");
    }
    desk.nothing_captured().await;
}

/// A flagged message up to its first header field.
async fn begin_by_hand(desk: &Desk) -> Raw {
    let mut raw = Raw::open(desk.place()).await;
    raw.mail(None, "<anna@corp.test>").await;
    raw.rcpt("<bob@elsewhere.test>").await;
    raw.macros(MacroStage::Data, &[("i", QUEUE_ID)]).await;
    raw.command(Command::Data).await;
    assert_eq!(raw.reply().await, Some(Reply::Continue));
    raw.header("Subject", " x").await;
    raw
}

#[track_caller]
fn assert_refused(reply: Option<Reply>) {
    let text = match reply {
        Some(Reply::ReplyCode { reply }) => reply.into_string().unwrap(),
        other => panic!("not refused but {other:?}"),
    };
    assert!(text.starts_with("451 "), "{text}");
}
