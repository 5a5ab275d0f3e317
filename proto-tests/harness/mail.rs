//! Mail goes through the private Postfix as it would through a real one.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;

use crate::{
    lab::{
        Lab,
        postfix::Postfix,
        smtp::{self, small_mail},
    },
    trials::{Trials, tests},
};

const BOUND: Duration = Duration::from_secs(20);

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_mail_over_smtp_reaches_the_sink_byte_for_byte,
        a_mail_from_sendmail_reaches_the_sink,
        a_held_mail_stays_until_it_is_released,
        a_refused_mail_returns_to_its_sender,
    ]
}

async fn a_mail_over_smtp_reaches_the_sink_byte_for_byte(lab: &Lab) {
    let (sender, recipient) = ("carla@corp.test", "smtp@elsewhere.test");
    let mut mail = small_mail(sender, recipient, "byte for byte");
    mail.extend_from_slice(b".\r\nH\xe4user \x00 8 bit\r\n");
    let reply = smtp::send(lab.postfix.plain_smtp, sender, &[recipient], &mail)
        .await
        .ok();
    let delivered = lab.sink.message_to(recipient, BOUND).await;
    assert_eq!(delivered.sender(), sender);
    assert_eq!(delivered.without_trace(), mail);
    lab.postfix.log().removed(&reply.queue_id(), BOUND).await;
}

async fn a_mail_from_sendmail_reaches_the_sink(lab: &Lab) {
    let recipient = "local@elsewhere.test";
    // One of its own: the lab's gives such mail to a milter.
    let postfix = Postfix::start(&lab.tools, "unfiltered", lab.sink.address).await;
    postfix.set(&["non_smtpd_milters="]).await;
    postfix
        .sendmail(
            "carla@corp.test",
            &[recipient],
            b"Subject: local\n\nhello\n",
        )
        .await;
    let delivered = lab.sink.message_to(recipient, BOUND).await;
    assert!(delivered.text().contains("\r\n\r\nhello\r\n"));
}

async fn a_held_mail_stays_until_it_is_released(lab: &Lab) {
    let (sender, recipient) = ("carla@corp.test", "held@elsewhere.test");
    let mail = small_mail(sender, recipient, "held");
    let reply = smtp::send(lab.postfix.holding_smtp, sender, &[recipient], &mail)
        .await
        .ok();
    let id = reply.queue_id();
    assert!(lab.postfix.held().contains(&id));
    lab.postfix
        .command("postsuper")
        .arguments(["-H", "-"])
        .run(id.as_str().as_bytes())
        .await;
    lab.postfix
        .command("postqueue")
        .arguments(["-i", id.as_str()])
        .run(b"")
        .await;
    let delivered = lab.sink.message_to(recipient, BOUND).await;
    assert_eq!(delivered.without_trace(), mail);
}

async fn a_refused_mail_returns_to_its_sender(lab: &Lab) {
    let (sender, recipient) = ("returns@corp.test", "nobody@elsewhere.test");
    lab.sink.refuse(recipient, "550 5.1.1 no such person");
    let mail = small_mail(sender, recipient, "refused");
    smtp::send(lab.postfix.plain_smtp, sender, &[recipient], &mail)
        .await
        .ok();
    let notice = lab.sink.message_to(sender, BOUND).await;
    assert_eq!(notice.sender(), "");
    assert!(notice.text().contains("no such person"));
}
