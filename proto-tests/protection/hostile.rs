//! Peers that send without end: the milter's memory stays small, and others are served meanwhile.

use std::sync::Arc;

use bytes::Bytes;
use indymilter::{
    MacroStage,
    message::{command::Command, reply::Reply},
};
use libtest_mimic::Trial;

use super::outpost::Outpost;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
    wire::{
        mail::{Mail, QUEUE_ID},
        mta::{Mta, Stage},
        raw::Raw,
    },
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_gigabyte_of_header_lines_stays_out_of_memory,
        a_header_that_is_read_for_its_authors_stays_out_of_memory_too,
        a_body_without_end_fills_neither_memory_nor_disk,
        recipients_without_end_come_again,
        a_thousand_idle_connections_leave_room_for_another,
        a_thousand_packets_that_never_end_take_up_what_has_arrived,
    ]
}

/// What a milter may ever take up here; it has 25 MB when it is idle.
const MEMORY_LIMIT_BYTES: u64 = 64 * 1_024 * 1_024;
const MIB: u64 = 1_024 * 1_024;
const GIGABYTE: usize = 1_000_000_000;

/// A milter with little disk, where it can be had.
async fn outpost(lab: &Lab) -> Option<Outpost<'_>> {
    Outpost::on_small_disk(lab, 32 * MIB, |settings| {
        settings
            .set("spool.min_free", "8 MiB")
            .set("spool.min_free_percent", 50);
    })
    .await
}

fn is_small(outpost: &Outpost<'_>) {
    let seen = outpost.most_memory();
    assert!(seen < MEMORY_LIMIT_BYTES, "{} KiB", seen / 1_024);
}

/// A flagged and an unflagged message, as a well-behaved Postfix sends them.
async fn others_are_served(mta: &mut Mta) {
    mta.send(&Mail::flagged()).await.held();
    mta.send(&Mail::unflagged().login("ben"))
        .await
        .accepted_at(Stage::Mail);
}

/// A flagged message up to its header; a login spares the look into From.
async fn begun(outpost: &Outpost<'_>, login: Option<&str>, sender: &str) -> Raw {
    let mut raw = outpost.raw().await;
    raw.mail(login, sender).await;
    raw.rcpt("<bob@elsewhere.test>").await;
    raw.macros(MacroStage::Data, &[("i", QUEUE_ID)]).await;
    // Postfix is told to wait for no reply here.
    raw.command(Command::Data).await;
    raw
}

/// Sends so many bytes of header fields, looks after others in between, and takes the last answer.
async fn endless_header(outpost: &Outpost<'_>, mut raw: Raw, n_bytes: usize) {
    let mut mta = outpost.mta().await;
    let value = "x".repeat(65_000);
    let n_fields = n_bytes / value.len();
    for n in 0..n_fields {
        raw.header("X-Endless", &value).await;
        if n % (n_fields / 8) == 0 {
            mta.send(&Mail::unflagged().login("ben"))
                .await
                .accepted_at(Stage::Mail);
        }
    }
    raw.command(Command::Eoh).await;
    comes_again(raw).await;
    others_are_served(&mut mta).await;
    is_small(outpost);
    assert_eq!(outpost.n_files("large"), 0, "half a message is left");
}

/// The end of a message that could not be kept is answered so.
async fn comes_again(mut raw: Raw) {
    raw.macros(MacroStage::Eom, &[("i", QUEUE_ID)]).await;
    raw.command(Command::BodyEnd("".into())).await;
    let mut last = None;
    while let Some(reply) = raw.reply().await {
        last = Some(reply);
        if matches!(last, Some(Reply::ReplyCode { .. })) {
            break;
        }
    }
    let Some(Reply::ReplyCode { reply }) = last else {
        panic!("not refused but {last:?}");
    };
    assert!(reply.to_string_lossy().starts_with("451 "), "{reply:?}");
}

async fn a_gigabyte_of_header_lines_stays_out_of_memory(lab: &Lab) {
    let Some(outpost) = outpost(lab).await else {
        return;
    };
    let raw = begun(&outpost, Some("anna"), "<anna@corp.test>").await;
    endless_header(&outpost, raw, GIGABYTE).await;
}

async fn a_header_that_is_read_for_its_authors_stays_out_of_memory_too(lab: &Lab) {
    let Some(outpost) = outpost(lab).await else {
        return;
    };
    let raw = begun(&outpost, None, "<ben@corp.test>").await;
    endless_header(&outpost, raw, GIGABYTE / 10).await;
}

async fn a_body_without_end_fills_neither_memory_nor_disk(lab: &Lab) {
    let Some(outpost) = outpost(lab).await else {
        return;
    };
    let mut mta = outpost.mta().await;
    let mut raw = begun(&outpost, Some("anna"), "<anna@corp.test>").await;
    raw.command(Command::Eoh).await;
    let chunk = Bytes::from(vec![b'x'; 65_535]);
    for n in 0..1_024 {
        raw.command(Command::BodyChunk(chunk.clone())).await;
        if n % 128 == 0 {
            mta.send(&Mail::unflagged().login("ben"))
                .await
                .accepted_at(Stage::Mail);
        }
    }
    comes_again(raw).await;
    others_are_served(&mut mta).await;
    is_small(&outpost);
    assert_eq!(outpost.n_files("large"), 0, "half a message is left");
}

async fn recipients_without_end_come_again(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |_| {}).await;
    let mut raw = outpost.raw().await;
    raw.mail(Some("anna"), "<anna@corp.test>").await;
    let mailbox = "x".repeat(10_000);
    for n in 0..5_000 {
        raw.rcpt(&format!("<{n}{mailbox}@elsewhere.test>")).await;
    }
    raw.macros(MacroStage::Data, &[("i", QUEUE_ID)]).await;
    raw.command(Command::Data).await;
    raw.command(Command::Eoh).await;
    let Some(Reply::ReplyCode { reply }) = raw.reply().await else {
        panic!("not refused");
    };
    assert!(reply.to_string_lossy().starts_with("451 "), "{reply:?}");
    let words = ["message.try_again", "envelope"];
    let bound = crate::wire::desk::BOUND;
    outpost.milter.event_with(&words, bound).await;
    others_are_served(&mut outpost.mta().await).await;
    is_small(&outpost);
}

async fn a_thousand_idle_connections_leave_room_for_another(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |settings| {
        settings.set("milter.max_connections", 1_010);
    })
    .await;
    let mut idle = Vec::new();
    for n in 0..1_000 {
        // Some have said nothing, some have negotiated, some have begun a message.
        idle.push(match n % 3 {
            0 => Raw::connect(&outpost.place()).await,
            1 => outpost.raw().await,
            _ => begun(&outpost, Some("anna"), "<anna@corp.test>").await,
        });
    }
    others_are_served(&mut outpost.mta().await).await;
    assert!(outpost.milter.is_ready().await);
    is_small(&outpost);
    drop(idle);
}

async fn a_thousand_packets_that_never_end_take_up_what_has_arrived(lab: &Lab) {
    let outpost = Outpost::on_disk(lab, |settings| {
        settings.set("milter.max_connections", 1_010);
    })
    .await;
    let mut waiting = Vec::new();
    for _ in 0..1_000 {
        let mut raw = outpost.raw().await;
        // The longest packet that is read at all, and its first bytes.
        raw.bytes(&1_048_576_u32.to_be_bytes()).await;
        raw.bytes(b"B and nothing more").await;
        waiting.push(raw);
    }
    others_are_served(&mut outpost.mta().await).await;
    is_small(&outpost);
    drop(waiting);
}
