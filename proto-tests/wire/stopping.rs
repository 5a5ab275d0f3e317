//! A stop loses nothing: what is on its way ends as it would have, and nothing new is begun.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use tokio::net::UnixStream;

use super::{
    desk::{BOUND, Desk, Place, Plan},
    mail::Mail,
    mta::{Mta, Outcome, Stage},
};
use crate::{
    lab::eventually::eventually_true,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_stop_lets_a_message_on_its_way_come_to_its_end,
        a_stopping_milter_asks_new_mail_to_come_again,
        a_stopping_milter_takes_no_new_connection,
        a_stop_ends_within_its_limit,
        a_stop_with_nothing_on_its_way_ends_at_once,
    ]
}

/// Waits until new mail is asked to come again, as it is while the milter drains.
async fn draining(mta: &mut Mta) -> Outcome {
    loop {
        let outcome = mta.send(&Mail::unflagged()).await;
        if outcome != Outcome::Accepted(Stage::Mail) {
            return outcome;
        }
    }
}

async fn a_stop_lets_a_message_on_its_way_come_to_its_end() {
    let mut desk = Desk::start().await;
    let (mut mta, mut other) = (desk.mta().await, desk.mta().await);
    mta.send_until(Stage::Header, &Mail::flagged()).await;
    desk.stop();
    draining(&mut other).await;
    for stage in [Stage::EndOfHeader, Stage::Body] {
        assert_eq!(mta.send_stage(stage, &Mail::flagged()).await, None);
    }
    let outcome = mta.send_stage(Stage::End, &Mail::flagged()).await;
    outcome.unwrap().held();
    desk.ended().await;
    assert_eq!(desk.captured().await.content, Mail::flagged().content());
}

async fn a_stopping_milter_asks_new_mail_to_come_again() {
    let desk = Desk::start().await;
    let (mut mta, mut other) = (desk.mta().await, desk.mta().await);
    mta.send_until(Stage::Body, &Mail::flagged()).await;
    desk.stop();
    let text = draining(&mut other).await.tries_again_at(Stage::Mail);
    assert_eq!(
        text,
        "451 4.3.0 Temporary local problem, please try again later"
    );
    let outcome = other.send(&Mail::flagged()).await;
    outcome.tries_again_at(Stage::Mail);
}

async fn a_stopping_milter_takes_no_new_connection() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send_until(Stage::Body, &Mail::flagged()).await;
    let Place::Unix(path) = desk.place() else {
        panic!("not a UNIX socket");
    };
    assert!(UnixStream::connect(path).await.is_ok());
    desk.stop();
    eventually_true("connections are refused", BOUND, async || {
        UnixStream::connect(path).await.is_err()
    })
    .await;
}

async fn a_stop_ends_within_its_limit() {
    let mut desk = Desk::with(Plan {
        drain: Duration::from_millis(100),
        ..Plan::default()
    })
    .await;
    let mut mta = desk.mta().await;
    mta.send_until(Stage::Body, &Mail::flagged()).await;
    desk.stop();
    desk.ended().await;
    desk.nothing_captured().await;
}

async fn a_stop_with_nothing_on_its_way_ends_at_once() {
    let mut desk = Desk::with(Plan {
        drain: Duration::from_secs(3_600),
        ..Plan::default()
    })
    .await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::flagged()).await.held();
    desk.stop();
    desk.ended().await;
}
