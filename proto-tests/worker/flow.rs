//! The whole way, with the milter: from the client to hold, and from a decision to the sink.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;

use super::workplace::BOUND;
use crate::{
    lab::{
        Lab,
        desk::{Desk, REVIEWERS},
        eventually::eventually,
        place::random_text,
        program::text,
        smtp::{self, small_mail},
    },
    trials::{Trials, tests},
};

/// Far below Postfix's own next look at the queue (`queue_run_delay`, 300 s).
const AT_ONCE: Duration = Duration::from_secs(15);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_released_message_arrives_at_once_with_the_captured_bytes,
        a_signed_message_is_released_with_its_fields_in_their_order,
        a_discarded_message_is_in_no_queue_and_at_no_sink,
        a_returned_message_goes_back_to_its_sender_and_to_nobody_else,
        several_messages_are_released_by_one_command,
        a_held_and_a_settled_message_each_leave_one_event,
    ]
}

/// A flagged person's mail to a stranger.
struct Sent {
    id: QueueId,
    sender: String,
    recipient: String,
    content: Vec<u8>,
}

async fn held(lab: &Lab, desk: &Desk, content: impl FnOnce(&str, &str) -> Vec<u8>) -> Sent {
    let sender = lab.person(&["TRUE"]).await.address;
    let recipient = format!("r{}@elsewhere.test", &random_text()[..10]);
    let content = content(&sender, &recipient);
    let reply = smtp::send(lab.postfix.smtp, &sender, &[&recipient], &content).await;
    let id = reply.ok().queue_id();
    desk.held(&id).await;
    assert!(lab.postfix.held().contains(&id));
    assert!(lab.sink.messages_to(&recipient).is_empty());
    Sent {
        id,
        sender,
        recipient,
        content,
    }
}

fn plain(sender: &str, recipient: &str) -> Vec<u8> {
    small_mail(sender, recipient, "for the worker")
}

async fn a_released_message_arrives_at_once_with_the_captured_bytes(lab: &Lab) {
    let desk = lab.desk().await;
    let mail = held(lab, desk, |sender, recipient| {
        let mut content = plain(sender, recipient);
        content
            .extend_from_slice(b"\r\n.\r\n..\r\nFrom here\r\nspaces  \t\r\n\x00\x01H\xe4user\r\n");
        content.extend_from_slice(&[b"x".repeat(900), b"\r\n\r\n\r\n".to_vec()].concat());
        content
    })
    .await;
    let begin = Instant::now();
    desk.decide("release", &mail.id).await;
    let delivered = lab.sink.message_to(&mail.recipient, BOUND).await;
    let took = delivered.at - begin;
    let settled = desk.settled(&mail.id).await;

    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(text(delivered.without_trace()), text(&mail.content));
    assert!(
        delivered.without_trace() == mail.content,
        "the bytes differ"
    );
    assert_eq!(delivered.sender(), mail.sender);
    assert_eq!(settled["state"], "released");
    assert_eq!(settled["settled"]["method"], "unhold");
    let time = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        text.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
    };
    let acted = time(&settled["settled"]["settled_at"]) - time(&settled["decided"]["decided_at"]);
    println!(
        "worker: decision to settlement {} ms, command line to sink {} ms",
        acted.num_milliseconds(),
        took.as_millis()
    );
}

async fn a_signed_message_is_released_with_its_fields_in_their_order(lab: &Lab) {
    let desk = lab.desk().await;
    let mail = held(lab, desk, |sender, recipient| {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=corp.test; s=one;\r\n\
             \th=From:To:Subject:Date:Message-ID:X-Twice:X-Twice;\r\n \
             bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=AAAA\r\n BBBB==\r\n\
             X-Twice:  first\r\nfrom:\tSender <{sender}>\r\nX-Twice:second \r\n\
             To: <{recipient}>,\r\n   undisclosed:;\r\nSUBJECT:no space\r\nX-Empty:\r\n\
             Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <signed@client.test>\r\n\r\n\
             Body \r\n\r\n"
        )
        .into_bytes()
    })
    .await;
    desk.decide("release", &mail.id).await;
    let delivered = lab.sink.message_to(&mail.recipient, BOUND).await;

    assert_eq!(text(delivered.without_trace()), text(&mail.content));
    let n_trace = delivered.content.len() - delivered.without_trace().len();
    let trace = text(&delivered.content[..n_trace]);
    let fields = trace.lines().filter(|line| !line.starts_with([' ', '\t']));
    assert_eq!(fields.count(), 1, "{trace}");
    assert!(trace.starts_with("Received: "), "{trace}");
}

async fn a_discarded_message_is_in_no_queue_and_at_no_sink(lab: &Lab) {
    let desk = lab.desk().await;
    let mail = held(lab, desk, plain).await;
    desk.decide("discard", &mail.id).await;
    let settled = desk.settled(&mail.id).await;
    assert_eq!(settled["state"], "discarded");
    assert_eq!(settled["settled"]["method"], "delete");
    assert!(!lab.postfix.queued().contains(&mail.id));
    for address in [&mail.recipient, &mail.sender] {
        assert!(lab.sink.messages_to(address).is_empty(), "{address}");
    }
}

async fn a_returned_message_goes_back_to_its_sender_and_to_nobody_else(lab: &Lab) {
    let desk = lab.desk().await;
    let mail = held(lab, desk, plain).await;
    desk.decide("return", &mail.id).await;
    let bounce = lab.sink.message_to(&mail.sender, AT_ONCE).await;
    assert_eq!(bounce.sender(), "", "a bounce has the null sender");
    let bounce = bounce.text();
    for part in [&*mail.recipient, "Subject: for the worker", "and the end"] {
        assert!(bounce.contains(part), "{part} is not in:\n{bounce}");
    }
    let settled = desk.settled(&mail.id).await;
    assert_eq!(settled["state"], "returned");
    assert_eq!(settled["settled"]["method"], "expire");
    assert!(lab.sink.messages_to(&mail.recipient).is_empty());
    left_queue(lab, &mail.id).await;
}

async fn several_messages_are_released_by_one_command(lab: &Lab) {
    let desk = lab.desk().await;
    let mut mails = Vec::new();
    for _ in 0..3 {
        mails.push(held(lab, desk, plain).await);
    }
    let mut arguments = vec!["release", "--as", REVIEWERS[1], "--note", "all of it"];
    arguments.extend(mails.iter().map(|mail| mail.id.as_str()));
    let said = desk.reviews(&arguments).await;
    assert!(said.status.success(), "{said:?}");
    for mail in &mails {
        lab.sink.message_to(&mail.recipient, BOUND).await;
        let settled = desk.settled(&mail.id).await;
        assert_eq!(settled["state"], "released");
        assert_eq!(settled["decided"]["reviewer"], REVIEWERS[1]);
        assert_eq!(settled["decided"]["note"], "all of it");
    }
}

async fn a_held_and_a_settled_message_each_leave_one_event(lab: &Lab) {
    let desk = lab.desk().await;
    let mail = held(lab, desk, plain).await;
    desk.decide("discard", &mail.id).await;
    let id = mail.id.as_str();
    desk.worker
        .event_with(&["message.discarded", id], BOUND)
        .await;
    for event in ["message.held", "review.decided", "message.discarded"] {
        let events = desk.worker.events();
        let of_it = events
            .iter()
            .filter(|line| line["event"] == event && line["queue_id"] == id);
        assert_eq!(of_it.count(), 1, "{event}");
    }
    let log = serde_json::to_string(&desk.worker.events()).unwrap();
    for private in [&mail.sender, &mail.recipient] {
        assert!(!log.contains(&**private), "the log names {private}");
    }
}

async fn left_queue(lab: &Lab, id: &QueueId) {
    eventually("the message has left the queue", BOUND, async || {
        let queued = lab.postfix.queued();
        if queued.contains(id) {
            Err(queued)
        } else {
            Ok(())
        }
    })
    .await;
}
