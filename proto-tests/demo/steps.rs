//! The steps of the story: each plays one and tells what was seen. Never trusts an exit code: what
//! counts is what the sink got, the queue holds and the record says.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use mailhold::domain::queue_id::QueueId;
use serde_json::Value;

use super::review_desk::Reviewing;
use crate::lab::{
    Lab,
    desk::Desk,
    eventually::eventually,
    program::text,
    review_desk::Door,
    smtp::{self, Reply, small_mail},
};

const ANNA: &str = "anna@corp.test";
const BEN: &str = "ben@corp.test";
const BOUND: Duration = Duration::from_secs(20);

/// The house in which the story plays.
pub struct House<'a> {
    /// The private servers.
    pub lab: &'a Lab,
    /// The milter and the worker.
    pub desk: &'a Desk,
}

impl House<'_> {
    /// Anna's mail is reviewed, Ben's is not.
    pub async fn people(&self) -> String {
        self.lab.slapd.add_person("anna", &[ANNA], &["Y"]).await;
        self.lab.slapd.add_person("ben", &[BEN], &[]).await;
        "the directory knows anna@corp.test, flagged, and ben@corp.test, not flagged".to_owned()
    }

    /// Mails of all kinds are taken apart, and one is released by the page's form.
    pub async fn released_at_the_desk(&self) -> String {
        let reviewing = Reviewing::start(self.lab, self.desk, Door::Plain).await;
        let n_mails = reviewing.fill(self.lab, self.desk, ANNA).await;
        let mail = Mail::new(ANNA, "released at the desk");
        let id = self.send(&mail).await.ok().queue_id();
        let review = self.desk.held(&id).await;
        let begin = Instant::now();
        let capture_id = review["capture_id"].as_str().unwrap();
        let answer = reviewing.decide(capture_id, "release").await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        self.delivered(&mail, BOUND).await;
        let took = ms(begin.elapsed());
        reviewing.desk.web.stop().await;
        reviewing.desk.outline.stop().await;
        format!(
            "{n_mails} mails taken apart for reading; {id} released at the review desk, delivered in {took}"
        )
    }

    /// An unflagged mail is delivered at once.
    pub async fn unflagged_passes(&self) -> String {
        let mail = Mail::new(BEN, "unflagged");
        let begin = Instant::now();
        let id = self.send(&mail).await.ok().queue_id();
        self.delivered(&mail, BOUND).await;
        let took = ms(begin.elapsed());
        assert_eq!(
            self.record(&id).await,
            Value::Null,
            "unflagged mail leaves no record"
        );
        format!("unflagged mail delivered as {id} in {took}, byte for byte, no record of it")
    }

    /// A flagged mail is held, recorded and confirmed.
    pub async fn flagged_is_held(&self) -> String {
        let mail = Mail::new(ANNA, "flagged");
        let id = self.send(&mail).await.ok().queue_id();
        let review = self.desk.held(&id).await;
        self.is_kept(&mail, &id);
        let (recorded, confirmed) = (since(&review, "recorded_at"), since(&review, "held_at"));
        format!("flagged mail held as {id}, recorded in {recorded}, confirmed in {confirmed}")
    }

    /// The same for a program of the mail host itself.
    pub async fn flagged_from_sendmail_is_held(&self) -> String {
        let mail = Mail::new(ANNA, "from sendmail");
        let text = text(&mail.content).replace("\r\n", "\n");
        self.lab
            .postfix
            .sendmail(ANNA, &[&mail.recipient], text.as_bytes())
            .await;
        let find = async || {
            let all = self.desk.reviews_json(&["list"]).await;
            let found = all
                .iter()
                .find(|line| line["subject"] == mail.subject.as_str());
            found.cloned().ok_or(all)
        };
        let line = eventually("the mail from sendmail is held", BOUND, find).await;
        let id: QueueId = line["queue_id"].as_str().unwrap().parse().unwrap();
        self.is_kept(&mail, &id);
        format!("flagged mail from sendmail held as {id}")
    }

    /// Another MAIL FROM, the null sender, a tag, capitals: it is Anna all the same.
    pub async fn dodges_are_held(&self) -> String {
        let ways = [BEN, "", "anna+news@corp.test", "ANNA@CORP.TEST"];
        for sender in ways {
            // Its header From is Anna's.
            let mail = Mail::new(ANNA, "in disguise");
            let smtp = self.lab.postfix.smtp;
            let sent = smtp::send(smtp, sender, &[&mail.recipient], &mail.content).await;
            let id = sent.ok().queue_id();
            self.desk.held(&id).await;
            self.is_kept(&mail, &id);
        }
        format!("{} ways to send under another name: all held", ways.len())
    }

    /// `explain` says beforehand what becomes of a mail.
    pub async fn explain_comes_true(&self) -> String {
        let words = ["--from", ANNA, "--to", "bob@elsewhere.test"];
        let explain = self.desk.command("explain").arguments(words);
        let told = explain.run(b"").await;
        let verdict = told.lines().next().unwrap_or_default();
        assert!(
            verdict.contains("HOLD: rule \"flagged-external\" matches"),
            "{told}"
        );
        format!(
            "explain says of such a mail beforehand: {}",
            verdict.replace("verdict    ", "")
        )
    }

    /// `reviews list` and `reviews show`.
    pub async fn reviews_show_it(&self) -> String {
        let mail = Mail::new(ANNA, "what reviewers see");
        let id = self.send(&mail).await.ok().queue_id();
        self.desk.held(&id).await;
        let list = text(&self.desk.reviews(&["list"]).await.stdout);
        let line = list.lines().find(|line| line.contains(id.as_str()));
        let line = line.unwrap_or_else(|| panic!("{id} is not in the list:\n{list}"));
        assert!(
            line.contains(ANNA) && line.contains("what reviewers see"),
            "{line}"
        );
        let show = text(&self.desk.reviews(&["show", id.as_str()]).await.stdout);
        for fact in [
            ANNA,
            &mail.recipient,
            "IsMailMonitor",
            "Subject: what reviewers see",
        ] {
            assert!(show.contains(fact), "{fact} is not in:\n{show}");
        }
        assert!(!show.contains("Good day,"), "show gives no body:\n{show}");
        let content = self
            .desk
            .reviews(&["show", id.as_str(), "--content"])
            .await
            .stdout;
        assert_eq!(text(&content), text(&mail.content));
        format!("reviews list and show have {id}: sender, recipient, subject, why; body on demand")
    }

    /// *Release* delivers the same bytes.
    pub async fn release_delivers(&self) -> String {
        let mail = Mail::new(ANNA, "to be released");
        let id = self.held_mail(&mail).await;
        let begin = Instant::now();
        self.desk.decide("release", &id).await;
        self.delivered(&mail, BOUND).await;
        let took = ms(begin.elapsed());
        let settled = self.desk.settled(&id).await;
        assert_eq!(settled["settled"]["disposition"], "released");
        let acted = between(
            &settled["decided"]["decided_at"],
            &settled["settled"]["settled_at"],
        );
        format!(
            "release delivered {id} in {took}, byte for byte; settled {acted} after the decision"
        )
    }

    /// *Discard* removes it.
    pub async fn discard_removes(&self) -> String {
        let mail = Mail::new(ANNA, "to be discarded");
        let id = self.held_mail(&mail).await;
        self.desk.decide("discard", &id).await;
        let settled = self.desk.settled(&id).await;
        assert_eq!(settled["settled"]["disposition"], "discarded");
        self.has_left_the_queue(&id).await;
        assert!(self.lab.sink.messages_to(&mail.recipient).is_empty());
        format!("discard removed {id}: in no queue, nothing at the sink")
    }

    /// *Return* bounces it to the sender.
    pub async fn return_bounces(&self) -> String {
        let sender = self.lab.person(&["Y"]).await.address;
        let mail = Mail::new(&sender, "to be returned");
        let id = self.held_mail(&mail).await;
        self.desk.decide("return", &id).await;
        let bounce = self.lab.sink.message_to(&sender, BOUND).await;
        assert_eq!(bounce.sender(), "", "a bounce has the null sender");
        assert!(bounce.text().contains("Subject: to be returned"));
        let settled = self.desk.settled(&id).await;
        assert_eq!(settled["settled"]["disposition"], "returned");
        assert!(self.lab.sink.messages_to(&mail.recipient).is_empty());
        format!("return bounced {id} to its sender, nothing to its recipient")
    }

    /// The flag acts on the next mail.
    pub async fn flag_taken_away(&self) -> String {
        let person = self.lab.person(&["Y"]).await;
        let first = Mail::new(&person.address, "before the change");
        let held = self.held_mail(&first).await;
        self.lab.slapd.set_flags(&person.login, &[]).await;
        let next = Mail::new(&person.address, "after the change");
        let passed = self.send(&next).await.ok().queue_id();
        self.delivered(&next, BOUND).await;
        self.is_kept(&first, &held);
        format!("flag taken away in LDAP: the very next mail passed as {passed}, {held} stays held")
    }

    /// Without the milter, mail waits at the client.
    pub async fn milter_stopped(&self) -> String {
        self.desk.milter.stop().await;
        let (flagged, unflagged) = (Mail::new(ANNA, "no milter"), Mail::new(BEN, "no milter"));
        let replies = [self.send(&flagged).await, self.send(&unflagged).await];
        self.desk.milter.start_again().await;
        for reply in &replies {
            assert!(
                (400..500).contains(&reply.code),
                "not tempfailed: {reply:?}"
            );
        }
        for mail in [&flagged, &unflagged] {
            assert!(self.lab.sink.messages_to(&mail.recipient).is_empty());
        }
        let again = self.send(&flagged).await.ok().queue_id();
        self.desk.held(&again).await;
        format!(
            "milter stopped: mail refused with {:?}; held as {again} when it is back",
            replies[0]
        )
    }

    /// Without the database, mail is held all the same.
    pub async fn postgres_stopped(&self) -> String {
        self.lab.postgres.stop();
        let mail = Mail::new(ANNA, "no database");
        let begin = Instant::now();
        let id = self.send(&mail).await.ok().queue_id();
        let answered = ms(begin.elapsed());
        self.is_kept(&mail, &id);
        let list = self.desk.reviews(&["list"]).await;
        assert!(!list.status.success(), "the list needs the database");
        self.lab.postgres.start_again().await;
        let begin = Instant::now();
        self.desk.held(&id).await;
        let recorded = ms(begin.elapsed());
        format!(
            "PostgreSQL stopped: flagged mail held as {id} in {answered}; \
             recorded and confirmed {recorded} after its return"
        )
    }

    async fn send(&self, mail: &Mail) -> Reply {
        smtp::send(
            self.lab.postfix.smtp,
            &mail.sender,
            &[&mail.recipient],
            &mail.content,
        )
        .await
    }

    async fn held_mail(&self, mail: &Mail) -> QueueId {
        let id = self.send(mail).await.ok().queue_id();
        self.desk.held(&id).await;
        id
    }

    /// The body and all header fields below the trace fields are what was sent.
    async fn delivered(&self, mail: &Mail, bound: Duration) {
        let delivered = self.lab.sink.message_to(&mail.recipient, bound).await;
        assert_eq!(delivered.sender(), mail.sender);
        assert_eq!(text(delivered.without_trace()), text(&mail.content));
    }

    fn is_kept(&self, mail: &Mail, id: &QueueId) {
        assert!(
            self.lab.postfix.held().contains(id),
            "{id} is not in the hold queue"
        );
        assert!(
            self.lab.sink.messages_to(&mail.recipient).is_empty(),
            "{id} was delivered"
        );
    }

    async fn has_left_the_queue(&self, id: &QueueId) {
        eventually("the message has left the queue", BOUND, async || {
            let queued = self.lab.postfix.queued();
            if queued.contains(id) {
                Err(queued)
            } else {
                Ok(())
            }
        })
        .await;
    }

    async fn record(&self, id: &QueueId) -> Value {
        let show = self.desk.reviews(&["show", id.as_str(), "--json"]).await;
        serde_json::from_slice(&show.stdout).unwrap_or_default()
    }
}

/// A mail of the story; each goes to a recipient of its own.
struct Mail {
    sender: String,
    recipient: String,
    subject: String,
    content: Vec<u8>,
}

impl Mail {
    fn new(sender: &str, subject: &str) -> Self {
        let user = sender.split_once('@').map_or(sender, |(user, _)| user);
        let recipient = format!("{}.{user}@elsewhere.test", subject.replace(' ', "-"));
        let content = small_mail(sender, &recipient, subject);
        Self {
            sender: sender.to_owned(),
            recipient,
            subject: subject.to_owned(),
            content,
        }
    }
}

/// The time from a message's capture to another event of its record.
fn since(review: &Value, event: &str) -> String {
    between(&review["captured_at"], &review[event])
}

fn between(from: &Value, to: &Value) -> String {
    let time = |value: &Value| {
        value
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok())
    };
    let (from, to) = (time(from), time(to));
    from.zip(to).map_or("?".to_owned(), |(from, to)| {
        format!("{} ms", (to - from).num_milliseconds())
    })
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
