//! The Postfix port against a real Postfix: its queue, its commands, its log.

mod acting;
mod digests;
mod looking;
mod messages;
mod probe;

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::{
    domain::queue_id::QueueId,
    postfix::{LogSource, Postfix, Settings, presence::Presence},
};

use crate::{
    lab::{
        self, Lab,
        eventually::eventually,
        smtp::{self, small_mail},
    },
    trials::Trials,
};

/// Nothing here takes longer.
const BOUND: Duration = Duration::from_secs(20);

/// All tests of this area.
pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    [
        acting::tests(trials),
        digests::tests(trials),
        looking::tests(trials),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The port to an instance of the lab, its log read from its file.
async fn open(postfix: &lab::postfix::Postfix) -> Postfix {
    Postfix::open(&settings(postfix)).await.unwrap()
}

fn settings(postfix: &lab::postfix::Postfix) -> Settings {
    Settings {
        config_directory: postfix.config_directory.clone(),
        log: LogSource::File(postfix.log_path()),
        ..Settings::default()
    }
}

/// A message of its own on hold, put there by Postfix itself.
async fn held_message(lab: &Lab, recipient: &str) -> QueueId {
    held_message_in(&lab.postfix, recipient).await
}

async fn held_message_in(postfix: &lab::postfix::Postfix, recipient: &str) -> QueueId {
    let sender = "carla@corp.test";
    let mail = small_mail(sender, recipient, "held");
    let reply = smtp::send(postfix.holding_smtp, sender, &[recipient], &mail).await;
    reply.ok().queue_id()
}

async fn becomes(postfix: &Postfix, id: &QueueId, expected: Presence) {
    eventually(&format!("{id}: {expected}"), BOUND, async || match postfix
        .presence(id)
        .await
        .unwrap()
    {
        presence if presence == expected => Ok(()),
        other => Err(other),
    })
    .await;
}
