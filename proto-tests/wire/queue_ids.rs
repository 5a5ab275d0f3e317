//! A message that could not be found again in the hold queue is never held.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    desk::Desk,
    mail::{Mail, QUEUE_ID},
    mta::Stage,
};
use crate::trials::{Trials, tests};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.alone:
        a_message_without_a_queue_id_comes_again,
        a_short_queue_id_is_not_enough,
        a_text_that_is_no_queue_id_is_refused,
        a_queue_id_that_changes_is_not_trusted,
        a_queue_id_that_is_known_at_data_is_enough,
        a_queue_id_that_is_known_at_the_end_is_enough,
        a_queue_id_ends_with_its_message,
        a_queue_id_that_is_known_at_mail_ends_with_its_message,
    ]
}

async fn assert_comes_again(mail: Mail) {
    let desk = Desk::start().await;
    let outcome = desk.mta().await.send(&mail).await;
    outcome.tries_again_at(Stage::End);
    desk.nothing_captured().await;
    desk.alarms("queue_id_missing").await;
}

fn without_queue_id() -> Mail {
    Mail {
        queue_id_at_data: None,
        queue_id_at_end: None,
        ..Mail::flagged()
    }
}

async fn a_message_without_a_queue_id_comes_again() {
    assert_comes_again(without_queue_id()).await;
}

async fn a_short_queue_id_is_not_enough() {
    assert_comes_again(Mail::flagged().queue_id("D305C34A1F")).await;
}

async fn a_text_that_is_no_queue_id_is_refused() {
    let long = QUEUE_ID.repeat(40);
    for text in [
        "ALL",
        "-",
        "",
        "../hold/4jWkMG56f7z1j",
        "4jWkMG56f7z1j\n",
        &long,
    ] {
        assert_comes_again(Mail::flagged().queue_id(text)).await;
    }
}

async fn a_queue_id_that_changes_is_not_trusted() {
    let mail = Mail {
        queue_id_at_end: Some("4jWkMG56f7z1k".to_owned()),
        ..Mail::flagged()
    };
    assert_comes_again(mail).await;
}

async fn a_queue_id_that_is_known_at_data_is_enough() {
    let desk = Desk::start().await;
    let mail = Mail {
        queue_id_at_end: None,
        ..Mail::flagged()
    };
    desk.mta().await.send(&mail).await.held();
}

async fn a_queue_id_that_is_known_at_the_end_is_enough() {
    let desk = Desk::start().await;
    let mail = Mail {
        queue_id_at_data: None,
        ..Mail::flagged()
    };
    desk.mta().await.send(&mail).await.held();
}

async fn a_queue_id_ends_with_its_message() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    mta.send(&Mail::flagged()).await.held();
    let outcome = mta.send(&without_queue_id()).await;
    outcome.tries_again_at(Stage::End);
}

async fn a_queue_id_that_is_known_at_mail_ends_with_its_message() {
    let desk = Desk::start().await;
    let mut mta = desk.mta().await;
    let from_sendmail = Mail {
        queue_id_at_mail: Some(QUEUE_ID.to_owned()),
        ..Mail::flagged()
    };
    mta.send(&from_sendmail).await.held();
    let outcome = mta.send(&without_queue_id()).await;
    outcome.tries_again_at(Stage::End);
}
