//! The polling way: what is on hold is recorded once, and what is decided leaves.

use std::{fs, time::Duration};

use super::{
    super::polling::Polling,
    People,
    mail::{BOUND, held, hex, on_hold, rows},
};
use crate::lab::{
    Lab,
    eventually::eventually,
    smtp::{send, small_mail},
};

pub async fn records_and_releases(lab: &Lab, people: &People) {
    let holding = lab.postfix.holding_smtp;
    let polling = Polling::new(lab.servers()).await;
    let recipients = ["bob@elsewhere.test", "carl@elsewhere.test"];
    let sent = small_mail(&people.flagged.address, recipients[0], "polled");
    let reply = send(holding, &people.flagged.address, &recipients, &sent).await;
    let id = on_hold(lab, reply.ok().queue_id()).await;
    let n_held = lab.postfix.held().len() as u64;

    let first = polling.one_pass().await;
    assert_eq!((first.held, first.new), (n_held, n_held), "all is new");
    let second = polling.one_pass().await;
    assert_eq!((second.held, second.new), (n_held, 0), "all is known");
    assert_eq!(rows(&polling.book).await as u64, n_held);
    let envelope = format!("select sender, recipients from capture where queue_id = '{id}'");
    let wanted = format!("{}|{{{}}}", people.flagged.address, recipients.join(","));
    assert_eq!(polling.book.execute(&envelope).await, wanted);
    let message = format!("select encode(message, 'hex') from capture where queue_id = '{id}'");
    // A queue file has lines without an end; Postfix's own field stands above.
    let lines: Vec<u8> = sent.into_iter().filter(|byte| *byte != b'\r').collect();
    assert!(polling.book.execute(&message).await.ends_with(&hex(&lines)));

    let poller = polling.start(lab.servers(), Duration::from_millis(200));
    let late = held(lab, holding, &people.other.address).await;
    eventually("the poller has found it", BOUND, async || {
        let passes = poller.passes();
        let found = passes
            .iter()
            .any(|pass| (pass.held, pass.new) == (n_held + 1, 1));
        found.then_some(()).ok_or(passes)
    })
    .await;
    assert!(fs::exists(format!("/proc/{}", poller.id())).unwrap());
    poller.stop().await;
    println!("polling: records what is on hold, and only what is new");

    let stays = polling.one_pass().await.held - 2;
    polling.decide(&[id.clone(), late.clone()]).await;
    for id in [&id, &late] {
        lab.postfix.log().removed(id, BOUND).await;
    }
    assert_eq!(lab.postfix.held().len() as u64, stays);
    let decided = "select count(*) from capture where decision = 'release' and decided_at <= now()";
    assert_eq!(polling.book.execute(decided).await, "2");
    println!("deciding one by one: releases, delivers, records");
}
