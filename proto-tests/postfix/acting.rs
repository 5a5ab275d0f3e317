//! Decisions carried out on a real hold queue, and what shows that they were.

use std::{collections::BTreeSet, sync::Arc};

use chrono::Utc;
use libtest_mimic::Trial;
use mailhold::postfix::{
    hold::Place,
    log::Effect,
    postsuper::{Action, Report},
    presence::Presence,
    roll::Roll,
};

use super::{BOUND, becomes, held_message, held_message_in, open};
use crate::{
    lab::{
        self, Lab,
        eventually::{eventually, eventually_true},
        smtp::{self, small_mail},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_held_message_is_released_and_its_file_has_left_hold,
        a_discarded_message_is_in_no_queue,
        a_returned_message_goes_back_to_its_sender,
        a_requeued_message_is_found_under_its_new_id,
        an_id_that_is_not_on_hold_is_reported_as_not_done,
        a_message_on_the_deferred_queue_is_never_touched,
        a_file_that_is_not_ready_is_never_touched,
        many_released_messages_are_delivered_at_once,
        the_log_tells_that_another_hand_removed_a_message,
        a_hashed_hold_queue_is_acted_on,
    ]
}

async fn a_held_message_is_released_and_its_file_has_left_hold(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "released@elsewhere.test").await;
    becomes(&postfix, &id, Presence::Ready).await;
    let ids = [id.clone()];
    let report = postfix.carry_out(Action::Release, &ids).await.unwrap();
    assert_eq!(report.done, BTreeSet::from(ids.clone()));
    assert_eq!(report.complaints, Vec::<String>::new());
    assert_eq!(postfix.presence(&id).await.unwrap(), Presence::Missing);
    postfix.deliver_now(&ids).await.unwrap();
    lab.sink.message_to("released@elsewhere.test", BOUND).await;
}

async fn a_discarded_message_is_in_no_queue(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "discarded@elsewhere.test").await;
    let report = postfix
        .carry_out(Action::Discard, std::slice::from_ref(&id))
        .await;
    assert!(report.unwrap().done.contains(&id));
    assert_eq!(postfix.presence(&id).await.unwrap(), Presence::Missing);
    assert_eq!(postfix.elsewhere(&id).await.unwrap(), None);
}

async fn a_returned_message_goes_back_to_its_sender(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let (sender, recipient) = ("returned@corp.test", "unseen@elsewhere.test");
    let mail = small_mail(sender, recipient, "returned");
    let reply = smtp::send(lab.postfix.holding_smtp, sender, &[recipient], &mail).await;
    let ids = [reply.ok().queue_id()];
    let report = postfix.carry_out(Action::Return, &ids).await.unwrap();
    assert_eq!(report.done, BTreeSet::from(ids.clone()));
    postfix.deliver_now(&ids).await.unwrap();
    let notice = lab.sink.message_to(sender, BOUND).await;
    assert_eq!(notice.sender(), "");
    assert!(lab.sink.messages_to(recipient).is_empty());
}

async fn a_requeued_message_is_found_under_its_new_id(lab: &Lab) {
    // One of its own: the lab's would ask the milter about a message from its maildrop queue.
    let other = lab::postfix::Postfix::start(&lab.tools, "requeue", lab.sink.address).await;
    other.set(&["non_smtpd_milters="]).await;
    let postfix = open(&other).await;
    let id = held_message_in(&other, "requeued@elsewhere.test").await;
    let ids = [id.clone()];
    let mark = postfix.mark_log(Utc::now());
    let report = postfix.carry_out(Action::Requeue, &ids).await.unwrap();
    assert_eq!(report.done, BTreeSet::from(ids.clone()));
    postfix.pick_up_now().await.unwrap();
    let new = eventually("the new queue ID is logged", BOUND, async || {
        let findings = postfix.read_log(mark, &ids).await.unwrap();
        findings.requeued_as.get(&id).cloned().ok_or(findings)
    })
    .await;
    assert_ne!(new, id);
    other.log().removed(&new, BOUND).await;
    lab.sink.message_to("requeued@elsewhere.test", BOUND).await;
}

async fn an_id_that_is_not_on_hold_is_reported_as_not_done(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let held = held_message(lab, "beside@elsewhere.test").await;
    let ids = ["4jWkMG56f7z1j".parse().unwrap(), held.clone()];
    for action in Action::ALL {
        let report = postfix.carry_out(action, &ids[..1]).await.unwrap();
        assert_eq!(report, Report::default(), "{action:?}");
    }
    let report = postfix.carry_out(Action::Discard, &ids).await.unwrap();
    assert_eq!(report.done, BTreeSet::from([held]));
}

async fn a_message_on_the_deferred_queue_is_never_touched(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let recipient = "deferred@elsewhere.test";
    lab.sink.refuse(recipient, "450 4.2.0 not now");
    let mail = small_mail("carla@corp.test", recipient, "deferred");
    let reply = smtp::send(
        lab.postfix.plain_smtp,
        "carla@corp.test",
        &[recipient],
        &mail,
    )
    .await;
    let id = reply.ok().queue_id();
    eventually("the message is deferred", BOUND, async || {
        match postfix.elsewhere(&id).await.unwrap() {
            Some(Place::Deferred) => Ok(()),
            other => Err(other),
        }
    })
    .await;
    for action in Action::ALL {
        let report = postfix.carry_out(action, std::slice::from_ref(&id)).await;
        assert_eq!(report.unwrap().done, BTreeSet::new(), "{action:?}");
        assert_eq!(postfix.elsewhere(&id).await.unwrap(), Some(Place::Deferred));
    }
}

async fn a_file_that_is_not_ready_is_never_touched(lab: &Lab) {
    use std::os::unix::fs::PermissionsExt;
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "unready@elsewhere.test").await;
    becomes(&postfix, &id, Presence::Ready).await;
    let path = lab.postfix.queue_directory.join("hold").join(id.as_str());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    for action in Action::ALL {
        let report = postfix.carry_out(action, std::slice::from_ref(&id)).await;
        assert_eq!(report.unwrap().done, BTreeSet::new(), "{action:?}");
        assert_eq!(postfix.presence(&id).await.unwrap(), Presence::NotReady);
    }
}

async fn many_released_messages_are_delivered_at_once(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let recipient = "many@elsewhere.test";
    let mut ids = Vec::new();
    for _ in 0..25 {
        ids.push(held_message(lab, recipient).await);
    }
    let report = postfix.carry_out(Action::Release, &ids).await.unwrap();
    assert_eq!(report.done, ids.iter().cloned().collect());
    postfix.deliver_now(&ids).await.unwrap();
    eventually_true("all are delivered", BOUND, async || {
        lab.sink.messages_to(recipient).len() == ids.len()
    })
    .await;
}

async fn the_log_tells_that_another_hand_removed_a_message(lab: &Lab) {
    let postfix = open(&lab.postfix).await;
    let id = held_message(lab, "taken@elsewhere.test").await;
    let mark = postfix.mark_log(Utc::now());
    let postsuper = lab.postfix.command("postsuper").arguments(["-d", "-"]);
    postsuper.run(id.as_str().as_bytes()).await;
    let ids = [id.clone()];
    let evidence = eventually("the removal is logged", BOUND, async || {
        let findings = postfix.read_log(mark, &ids).await.unwrap();
        findings.evidence.first().cloned().ok_or(findings)
    })
    .await;
    assert_eq!((evidence.queue_id, evidence.effect), (id, Effect::Removed));
}

async fn a_hashed_hold_queue_is_acted_on(lab: &Lab) {
    let other = lab::postfix::Postfix::start(&lab.tools, "hashed", lab.sink.address).await;
    let names = "hash_queue_names=deferred, defer, hold";
    other.set(&[names, "hash_queue_depth=2"]).await;
    let postfix = open(&other).await;
    let id = held_message_in(&other, "hashed@elsewhere.test").await;
    becomes(&postfix, &id, Presence::Ready).await;
    let (_, changes) = postfix.call_roll(Roll::default()).await;
    assert_eq!(changes.unwrap().came, std::slice::from_ref(&id));
    assert!(postfix.read_held(&id).await.unwrap().was_made_as(&id));
    let ids = [id];
    let report = postfix.carry_out(Action::Release, &ids).await.unwrap();
    assert_eq!(report.done, BTreeSet::from(ids.clone()));
    assert_eq!(postfix.presence(&ids[0]).await.unwrap(), Presence::Missing);
    postfix.deliver_now(&ids).await.unwrap();
    lab.sink.message_to("hashed@elsewhere.test", BOUND).await;
}
