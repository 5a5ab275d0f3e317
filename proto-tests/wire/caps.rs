//! A sender who sends more than anybody can review comes again; nobody else notices.

use std::{num::NonZeroU32, sync::Arc};

use libtest_mimic::Trial;

use super::{
    desk::{Desk, Plan},
    mail::Mail,
    mta::{Mta, Outcome, Stage},
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_sender_at_the_cap_comes_again_with_the_text_of_every_failure,
        a_sender_at_the_cap_is_alarmed_and_counted,
        a_sender_at_the_cap_disturbs_nobody_else,
        every_spelling_of_a_sender_counts_for_one,
        a_login_counts_whatever_sender_it_gives,
        many_messages_at_once_do_not_pass_the_cap_together,
        a_capture_that_failed_does_not_count,
        mail_that_is_not_held_does_not_count,
        a_changed_cap_acts_on_the_next_connection,
    ]
}

async fn desk_with_cap(sender_cap: u32) -> Desk {
    Desk::with(Plan {
        sender_cap,
        ..Plan::default()
    })
    .await
}

/// A desk whose flagged sender is at the cap.
async fn desk_at_cap() -> (Desk, Mta) {
    let desk = desk_with_cap(2).await;
    let mut mta = desk.mta().await;
    for _ in 0..2 {
        mta.send(&Mail::flagged()).await.held();
        desk.next_captured().await;
    }
    (desk, mta)
}

async fn a_sender_at_the_cap_comes_again_with_the_text_of_every_failure() {
    let (desk, mut mta) = desk_at_cap().await;
    let text = mta.send(&Mail::flagged()).await.tries_again_at(Stage::Data);
    assert_eq!(
        text,
        "451 4.3.0 Temporary local problem, please try again later"
    );
    desk.nothing_captured().await;
}

async fn a_sender_at_the_cap_is_alarmed_and_counted() {
    let (desk, mut mta) = desk_at_cap().await;
    desk.shows("alarm{kind=\"sender_capped\"}", 0).await;
    mta.send(&Mail::flagged()).await;
    desk.alarms("sender_capped").await;
    desk.shows("sender_capped_total", 1).await;
    desk.shows("milter_verdicts_total{verdict=\"try_again\"}", 1)
        .await;
}

async fn a_sender_at_the_cap_disturbs_nobody_else() {
    let (desk, mut mta) = desk_at_cap().await;
    mta.send(&Mail::flagged()).await;
    mta.send(&Mail::unflagged()).await.accepted_at(Stage::Mail);
    let within = Mail::from("<anna@corp.test>").to("<ben@corp.test>");
    mta.send(&within).await.accepted_at(Stage::Data);
    let odette = Mail::from("<odette@corp.test>").to("<bob@elsewhere.test>");
    mta.send(&odette).await.held();
    desk.captured().await;
}

async fn every_spelling_of_a_sender_counts_for_one() {
    let (_desk, mut mta) = desk_at_cap().await;
    for spelling in [
        "<ANNA@corp.test>",
        "<anna@Corp.Test>",
        "<\"anna\"@corp.test>",
    ] {
        let mail = Mail::from(spelling).to("<bob@elsewhere.test>");
        mta.send(&mail).await.tries_again_at(Stage::Data);
    }
}

async fn a_login_counts_whatever_sender_it_gives() {
    let desk = desk_with_cap(2).await;
    let mut mta = desk.mta().await;
    let mut send = async |n: u32| {
        let sender = format!("<x{n}@corp.test>");
        let mail = Mail::from(sender).to("<bob@elsewhere.test>").login("anna");
        mta.send(&mail).await
    };
    send(1).await.held();
    send(2).await.held();
    send(3).await.tries_again_at(Stage::Data);
}

async fn many_messages_at_once_do_not_pass_the_cap_together() {
    let desk = desk_with_cap(3).await;
    let mut all = Vec::new();
    for _ in 0..10 {
        let mut mta = desk.mta().await;
        assert_eq!(mta.send_until(Stage::Body, &Mail::flagged()).await, None);
        all.push(mta);
    }
    let ends = all.into_iter().map(|mut mta| {
        tokio::spawn(async move { mta.send_stage(Stage::End, &Mail::flagged()).await })
    });
    let mut n_held = 0;
    for end in ends.collect::<Vec<_>>() {
        let outcome = end.await.unwrap().unwrap();
        if matches!(outcome, Outcome::Held(_)) {
            n_held += 1;
        } else {
            outcome.tries_again_at(Stage::End);
        }
    }
    assert_eq!((n_held, desk.spool.n_waiting()), (3, 3));
}

async fn a_capture_that_failed_does_not_count() {
    let desk = desk_with_cap(1).await;
    let mut mta = desk.mta().await;
    desk.break_spool();
    let large = Mail::flagged().body([vec![b'x'; 200_000]]);
    for _ in 0..3 {
        mta.send(&large).await.tries_again_at(Stage::End);
    }
    mta.send(&Mail::flagged()).await.held();
    mta.send(&Mail::flagged()).await.tries_again_at(Stage::Data);
}

async fn mail_that_is_not_held_does_not_count() {
    let desk = desk_with_cap(1).await;
    let mut mta = desk.mta().await;
    let within = Mail::from("<anna@corp.test>").to("<ben@corp.test>");
    for _ in 0..3 {
        mta.send(&within).await.accepted_at(Stage::Data);
        mta.send_until(Stage::Header, &Mail::flagged()).await;
        mta.connection.abort().await.unwrap();
    }
    mta.send(&Mail::flagged()).await.held();
}

async fn a_changed_cap_acts_on_the_next_connection() {
    let (desk, mut before) = desk_at_cap().await;
    desk.reload(|desk| desk.sender_cap = NonZeroU32::new(3));
    let mut after = desk.mta().await;
    before
        .send(&Mail::flagged())
        .await
        .tries_again_at(Stage::Data);
    after.send(&Mail::flagged()).await.held();
    after
        .send(&Mail::flagged())
        .await
        .tries_again_at(Stage::Data);
    desk.reload(|desk| desk.sender_cap = None);
    desk.mta().await.send(&Mail::flagged()).await.held();
}
