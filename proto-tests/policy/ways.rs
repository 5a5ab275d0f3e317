//! Ways to send × identities × expected: the cases of docs/policy.md, each sent through a real Postfix.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::{
    queue_id::QueueId,
    reply::{SendSeparately, TryAgain},
};

use super::{
    case::{Becomes, Case, Way},
    cases::TABLES,
    house::{BOUND, House, n_events},
    site::{INSIDE, OUTSIDE, Open},
};
use crate::{
    lab::{
        Lab,
        place::random_text,
        postfix::Postfix,
        smtp::{Reply, Smtp},
    },
    trials::Trials,
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let test = |case: &'static Case| {
        let name = format!("{}::{}", module_path!(), case.sentence());
        trials.shared(&name, async move |lab: &Lab| go(lab, case).await)
    };
    let cases = TABLES.iter().flat_map(|(_, cases)| cases.iter());
    cases.map(test).collect()
}

/// A mail of a case, on its way.
struct Mail {
    subject: String,
    sender: String,
    recipients: Vec<String>,
    content: String,
}

/// Sends the mail of a case, and sees what comes of it.
async fn go(lab: &Lab, case: &Case) {
    let open = case.site.open(lab).await;
    let milter = &open.house.desk.milter;
    let count = format!(
        "mailhold_milter_verdicts_total{{verdict=\"{}\"}}",
        case.becomes.label()
    );
    let before = milter.metric(&count).await;
    let mail = mail(open, case);
    let reply = send(open, case.way, &mail).await;
    let Mail { subject, .. } = &mail;
    match case.becomes {
        Becomes::Held(rule, kind) => {
            let id = queue_id(&open.house, subject).await;
            let review = open.house.desk.held(&id).await;
            assert_eq!(review["reason"], rule);
            assert_eq!(review["matched"]["identity_kind"], kind);
            arrives_nowhere(lab, &mail);
        }
        Becomes::Passed(reason) => {
            goes_on(lab, open, &mail, Some(("message.passed", reason))).await
        }
        Becomes::Watched(rule) => goes_on(lab, open, &mail, Some(("message.watched", rule))).await,
        Becomes::Free(_) => goes_on(lab, open, &mail, None).await,
        Becomes::Refused(rule) => {
            refused(lab, &mail, reply).await;
            milter.event_with(&["message.refused", rule], BOUND).await;
            arrives_nowhere(lab, &mail);
        }
        Becomes::ComesAgain(reason) => {
            let reply = reply.expect("over SMTP");
            assert_eq!(reply.code.to_string(), TryAgain::CODE);
            let words = ["message.try_again", reason];
            milter.event_with(&words, BOUND).await;
            arrives_nowhere(lab, &mail);
        }
    }
    assert!(
        milter.metric(&count).await > before,
        "{count} has not moved"
    );
}

fn mail(open: &Open, case: &Case) -> Mail {
    let subject = random_text();
    let fill = |text: &&str| open.cast.fill(text, &subject);
    let recipients: Vec<String> = case.to.iter().map(fill).collect();
    let content = format!(
        "{}\r\nTo: {}\r\nSubject: {subject}\r\nDate: Mon, 01 Jun 2026 10:00:00 +0000\r\n\
         Message-ID: <{subject}@client.test>\r\n\r\nhello\r\n",
        fill(&case.header),
        recipients.join(", "),
    );
    Mail {
        sender: fill(&case.sender),
        recipients,
        content,
        subject,
    }
}

/// The reply to the mail, or to the command at which it was refused; none to `sendmail`.
async fn send(open: &Open, way: Way, mail: &Mail) -> Option<Reply> {
    let postfix = &open.house.postfix;
    let smtp = async || Smtp::connect(postfix.smtp).await;
    let mut smtp = match way {
        Way::Sendmail | Way::SendmailByHeader => {
            submit(postfix, way, mail).await;
            return None;
        }
        Way::Submission(login) => {
            log_in(Smtp::connect(postfix.submission).await, open, login).await
        }
        Way::Roaming(login) => {
            let smtp = come_from(Smtp::connect(postfix.submission).await, OUTSIDE).await;
            log_in(smtp, open, login).await
        }
        Way::Proxy(login) => {
            let mut smtp = smtp().await;
            smtp.log_in_as(&open.cast.fill(login, "")).await;
            smtp
        }
        Way::Inside => come_from(smtp().await, INSIDE).await,
        Way::Outside => come_from(smtp().await, OUTSIDE).await,
        Way::Loopback => smtp().await,
    };
    let parameters = if mail.sender.is_ascii() {
        ""
    } else {
        " SMTPUTF8"
    };
    let reply = smtp.mail(&format!("<{}>{parameters}", mail.sender)).await;
    if reply.code != 250 {
        return Some(reply);
    }
    for recipient in &mail.recipients {
        smtp.rcpt(&format!("<{recipient}>")).await.ok();
    }
    Some(smtp.data(mail.content.as_bytes()).await)
}

/// Hands a mail to the sendmail command, with the line ends of a program.
async fn submit(postfix: &Postfix, way: Way, mail: &Mail) {
    let content = mail.content.replace("\r\n", "\n");
    if let Way::SendmailByHeader = way {
        return postfix
            .sendmail_by_header(&mail.sender, content.as_bytes())
            .await;
    }
    let recipients: Vec<&str> = mail.recipients.iter().map(String::as_str).collect();
    postfix
        .sendmail(&mail.sender, &recipients, content.as_bytes())
        .await;
}

async fn come_from(mut smtp: Smtp, address: &str) -> Smtp {
    smtp.come_from(address).await;
    smtp
}

async fn log_in(mut smtp: Smtp, open: &Open, login: &str) -> Smtp {
    let login = open.cast.fill(login, "");
    let password = open.cast.password(&login);
    smtp.authenticate(&login, password).await.ok();
    smtp
}

/// Waits until a mail is at all its recipients', and sees that it left nothing but this event.
async fn goes_on(lab: &Lab, open: &Open, mail: &Mail, event: Option<(&str, &str)>) {
    for recipient in &mail.recipients {
        let recipient = match recipient.contains('@') {
            true => recipient.clone(),
            false => format!("{recipient}@corp.test"),
        };
        lab.sink.message_to(&recipient, BOUND).await;
    }
    let desk = &open.house.desk;
    let id = queue_id(&open.house, &mail.subject).await;
    if let Some((event, reason)) = event {
        let told = desk.milter.event_with(&[event, id.as_str()], BOUND).await;
        assert_eq!(told["reason"], reason);
        assert_eq!(n_events(&desk.milter, event, &id), 1);
    }
    let lines = desk.milter.events();
    let about = lines.iter().filter(|line| line["queue_id"] == id.as_str());
    assert_eq!(about.count(), usize::from(event.is_some()));
    let show = desk.reviews(&["show", id.as_str()]).await;
    assert_eq!(show.status.code(), Some(66), "there is a review");
}

/// The sender is told so: over SMTP by the reply, else by a bounce.
async fn refused(lab: &Lab, mail: &Mail, reply: Option<Reply>) {
    let text = match reply {
        Some(reply) => {
            assert_eq!(reply.code.to_string(), SendSeparately::CODE);
            reply.text()
        }
        None => lab.sink.message_to(&mail.sender, BOUND).await.text(),
    };
    // A bounce breaks its lines.
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    assert!(words.contains(SendSeparately::TEXT), "{words}");
}

fn arrives_nowhere(lab: &Lab, mail: &Mail) {
    for recipient in &mail.recipients {
        assert!(lab.sink.messages_to(recipient).is_empty(), "{recipient}");
    }
}

/// By which queue ID Postfix knows the mail: the sendmail command does not tell.
async fn queue_id(house: &House, subject: &str) -> QueueId {
    let message_id = format!(": message-id=<{subject}@client.test>");
    let log = house.postfix.log();
    let line = log.line_with(&[&message_id], BOUND).await;
    let (head, _) = line.split_once(&message_id).unwrap();
    head.rsplit(' ').next().unwrap().parse().unwrap()
}
