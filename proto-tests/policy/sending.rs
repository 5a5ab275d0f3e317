//! Who sends it and to whom decides; nothing else does.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{BOUND, Mail, n_events};
use crate::{
    lab::{Lab, program::text, smtp::Smtp},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_flagged_login_is_held_whatever_the_envelope_sender,
        a_flagged_sender_is_held_whatever_the_login,
        a_flagged_sender_is_held_in_any_spelling,
        mail_that_stays_in_the_house_passes_with_an_event,
        mail_to_both_sides_is_held_as_a_whole,
        a_recipient_that_is_routed_on_is_outside,
        one_session_is_judged_mail_by_mail,
        two_entries_for_one_address_are_told_if_one_is_flagged,
    ]
}

async fn a_flagged_login_is_held_whatever_the_envelope_sender(lab: &Lab) {
    let desk = lab.desk().await;
    let (flagged, other) = (lab.person(&["Y"]).await, lab.person(&["N"]).await);
    for sender in [other.address.as_str(), "stranger@elsewhere.test", ""] {
        let mail = Mail::new(sender, &["elsewhere.test"]);
        let mut smtp = Smtp::connect(lab.postfix.smtp).await;
        smtp.log_in_as(&flagged.login).await;
        let recipient = mail.recipients[0].as_str();
        let reply = smtp.send(sender, &[recipient], &mail.content).await.ok();
        let review = desk.held(&reply.queue_id()).await;
        assert_eq!(review["login"], flagged.login);
        assert_eq!(review["matched"]["identity_kind"], "login");
        assert_eq!(review["matched"]["identity"], flagged.login);
        assert!(lab.sink.messages_to(recipient).is_empty());
    }
}

async fn a_flagged_sender_is_held_whatever_the_login(lab: &Lab) {
    let desk = lab.desk().await;
    let (flagged, other) = (lab.person(&["Y"]).await, lab.person(&["N"]).await);
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let mut smtp = Smtp::connect(lab.postfix.smtp).await;
    smtp.log_in_as(&other.login).await;
    let reply = smtp
        .send(&mail.sender, &[&mail.recipients[0]], &mail.content)
        .await
        .ok();
    let review = desk.held(&reply.queue_id()).await;
    assert_eq!(review["matched"]["identity_kind"], "envelope sender");
    assert_eq!(review["matched"]["identity"], flagged.address);
}

async fn a_flagged_sender_is_held_in_any_spelling(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    for spelling in [
        flagged.address.to_uppercase(),
        format!("\"{}\"@corp.test", flagged.login),
        format!("@relay.test:{}", flagged.address),
        // Without a domain it is one of this house: `myorigin`.
        flagged.login.clone(),
    ] {
        let mail = Mail::new(&spelling, &["elsewhere.test"]);
        let id = mail.send(&lab.postfix).await.ok().queue_id();
        desk.held(&id).await;
    }
}

async fn mail_that_stays_in_the_house_passes_with_an_event(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    let mail = Mail::new(&flagged.address, &["corp.test", "CORP.test."]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    lab.sink.message_to(&mail.recipients[0], BOUND).await;
    let event = desk
        .milter
        .event_with(&["message.passed", id.as_str()], BOUND)
        .await;
    assert_eq!(event["reason"], "internal-only");
    assert_eq!(event["verdict"], "pass");
    assert_eq!(event["n_recipients"], 2);
    assert_eq!(event["level"], "INFO");
    assert_eq!(n_events(&desk.milter, "message.passed", &id), 1);
    let show = desk.reviews(&["show", id.as_str()]).await;
    assert_eq!(show.status.code(), Some(66), "{}", text(&show.stdout));
}

async fn mail_to_both_sides_is_held_as_a_whole(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    let mail = Mail::new(&flagged.address, &["corp.test", "elsewhere.test"]);
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    let review = desk.held(&id).await;
    assert_eq!(review["recipients"].as_array().unwrap().len(), 2);
    assert_eq!(review["matched"]["recipient"], mail.recipients[1].as_str());
    for recipient in &mail.recipients {
        assert!(lab.sink.messages_to(recipient).is_empty(), "{recipient}");
    }
    desk.decide("release", &id).await;
    for recipient in &mail.recipients {
        lab.sink.message_to(recipient, BOUND).await;
    }
}

async fn a_recipient_that_is_routed_on_is_outside(lab: &Lab) {
    let desk = lab.desk().await;
    let flagged = lab.person(&["Y"]).await;
    let mut mail = Mail::new(&flagged.address, &["corp.test"]);
    mail.recipients = vec!["bob%elsewhere.test@corp.test".to_owned()];
    let id = mail.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
}

async fn one_session_is_judged_mail_by_mail(lab: &Lab) {
    let desk = lab.desk().await;
    let (flagged, other) = (lab.person(&["Y"]).await, lab.person(&[]).await);
    let mut smtp = Smtp::connect(lab.postfix.smtp).await;
    let mut ids = Vec::new();
    for sender in [&flagged, &other, &flagged] {
        let mail = Mail::new(&sender.address, &["elsewhere.test"]);
        let reply = smtp
            .send(&mail.sender, &[&mail.recipients[0]], &mail.content)
            .await
            .ok();
        ids.push((reply.queue_id(), mail));
    }
    lab.sink.message_to(&ids[1].1.recipients[0], BOUND).await;
    for (id, mail) in [&ids[0], &ids[2]] {
        desk.held(id).await;
        assert!(lab.sink.messages_to(&mail.recipients[0]).is_empty());
    }
}

async fn two_entries_for_one_address_are_told_if_one_is_flagged(lab: &Lab) {
    let desk = lab.desk().await;
    let told = || {
        let events = desk.milter.events().into_iter();
        events
            .filter(|line| line["event"] == "directory.ambiguous")
            .count()
    };
    let shared = lab.person(&[]).await;
    let (second, own) = (
        format!("{}b", shared.login),
        format!("own.{}", shared.address),
    );
    lab.slapd
        .add_person(&second, &[&own, &shared.address], &["N"])
        .await;
    let unflagged = Mail::new(&shared.address, &["elsewhere.test"]);
    let before = told();
    unflagged.send(&lab.postfix).await.ok();
    lab.sink.message_to(&unflagged.recipients[0], BOUND).await;
    assert_eq!(told(), before, "an unflagged mail leaves no line");

    lab.slapd.set_flags(&second, &["Y"]).await;
    let flagged = Mail::new(&shared.address, &["elsewhere.test"]);
    let id = flagged.send(&lab.postfix).await.ok().queue_id();
    desk.held(&id).await;
    let event = desk
        .milter
        .event_with(&["directory.ambiguous"], BOUND)
        .await;
    assert_eq!(event["n_entries"], 2);
    assert_eq!(event["level"], "WARN");
    let line = event.to_string();
    assert!(
        !line.contains(&shared.login),
        "the line names nobody: {line}"
    );
}
