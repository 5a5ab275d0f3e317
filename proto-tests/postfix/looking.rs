//! What is seen of a real Postfix without moving anything.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::postfix::{
    Postfix, Settings, error::PostfixError, postsuper::Action, presence::Presence, roll::Roll,
    watch::Hint,
};
use tokio::time::timeout;

use super::{BOUND, becomes, held_message, open, settings};
use crate::{
    lab::{
        self, Lab,
        smtp::{Smtp, small_mail},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_instance_tells_its_parameters,
        an_instance_with_short_queue_ids_is_refused,
        a_command_that_is_not_there_is_named,
        a_force_expired_file_is_recognised,
        a_message_on_hold_is_listed_and_read,
        login_and_client_are_read_from_the_queue_file,
        a_watch_tells_of_a_held_message_until_it_has_left,
    ]
}

async fn the_instance_tells_its_parameters(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let parameters = postfix.parameters();
    assert_eq!(parameters.queue_directory, lab.postfix.queue_directory);
    assert_eq!(parameters.syslog_name, lab.postfix.name);
    assert_eq!(parameters.mail_owner, "postfix");
    let days = |n: u64| Duration::from_secs(n * 86_400);
    assert_eq!(parameters.maximal_queue_lifetime, days(5));
    assert_eq!(parameters.header_field_limit, 60_000);
}

async fn an_instance_with_short_queue_ids_is_refused(lab: &Lab) {
    let other = lab::postfix::Postfix::start(&lab.tools, "short", lab.sink.address).await;
    other.set(&["enable_long_queue_ids=no"]).await;
    let fault = Postfix::open(&settings(&other)).await.unwrap_err();
    let text = fault.to_string();
    assert!(
        text.contains("set enable_long_queue_ids = yes in "),
        "{text}"
    );
    assert!(!fault.is_transient());
}

async fn a_command_that_is_not_there_is_named(lab: &Lab) {
    let settings = Settings {
        command_directory: "/nonexistent".into(),
        ..settings(&lab.postfix)
    };
    let fault = Postfix::open(&settings).await.unwrap_err();
    assert_eq!(fault.to_string(), "cannot start /nonexistent/postconf");
}

async fn a_force_expired_file_is_recognised(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "expired@elsewhere.test").await;
    becomes(&postfix, &id, Presence::Ready).await;
    let postsuper = lab.postfix.command("postsuper").arguments(["-e", "-"]);
    postsuper.run(id.as_str().as_bytes()).await;
    assert_eq!(postfix.presence(&id).await.unwrap(), Presence::ForceExpired);
    let fault = postfix.read_held(&id).await.unwrap_err();
    assert!(matches!(fault, PostfixError::NotReady { .. }), "{fault}");
}

async fn a_message_on_hold_is_listed_and_read(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "listed@elsewhere.test").await;
    becomes(&postfix, &id, Presence::Ready).await;
    let (roll, _) = postfix.call_roll(Roll::default()).await;
    assert!(roll.has(&id));
    let held = postfix.read_held(&id).await.unwrap();
    assert!(held.was_made_as(&id));
    assert_eq!(held.message.sender, b"carla@corp.test");
    assert_eq!(held.message.recipients.len(), 1);
    assert_eq!(held.message.recipients[0].address, b"listed@elsewhere.test");
}

async fn login_and_client_are_read_from_the_queue_file(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let mail = small_mail("carla@corp.test", "login@elsewhere.test", "login");
    let mut smtp = Smtp::connect(lab.postfix.holding_smtp).await;
    smtp.command("XCLIENT ADDR=127.9.9.9 NAME=desk.corp.test LOGIN=carla")
        .await
        .ok();
    smtp.command("EHLO client.test").await.ok();
    smtp.mail("<carla@corp.test> RET=HDRS ENVID=one").await.ok();
    let recipient = "<login@elsewhere.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;o@x.test";
    smtp.rcpt(recipient).await.ok();
    let id = smtp.data(&mail).await.ok().queue_id();
    becomes(&postfix, &id, Presence::Ready).await;
    let message = postfix.read_held(&id).await.unwrap().message;
    assert_eq!(message.login.as_deref(), Some(&b"carla"[..]));
    assert_eq!(message.client_address, "127.9.9.9".parse().ok());
    let recipient = &message.recipients[0];
    assert_eq!(
        recipient.dsn_original.as_deref(),
        Some(&b"rfc822;o@x.test"[..])
    );
    assert_eq!(recipient.notify, Some(2 | 8));
}

async fn a_watch_tells_of_a_held_message_until_it_has_left(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let mut watch = postfix.watch().unwrap();
    let id = held_message(lab, "watched@elsewhere.test").await;
    let mut wait = async |expected: Hint| {
        let seen = timeout(BOUND, async {
            while !watch.next_hints().await.unwrap().contains(&expected) {}
        });
        seen.await.unwrap_or_else(|_| panic!("no {expected:?}"));
    };
    wait(Hint::Changed(id.clone())).await;
    becomes(&postfix, &id, Presence::Ready).await;
    let ids = [id.clone()];
    postfix.carry_out(Action::Discard, &ids).await.unwrap();
    wait(Hint::Left(id)).await;
}
