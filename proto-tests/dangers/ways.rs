//! Mail that comes back from a filter, from another milter's hand, or as a bounce; and flags that
//! change while mail is on its way or held.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::queue_id::QueueId;
use tokio::sync::OnceCell;

use crate::{
    lab::{
        Lab,
        eventually::eventually,
        sink::Sink,
        smtp::{self, Smtp},
    },
    policy::house::{BOUND, House, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_mail_that_a_content_filter_gives_back_is_not_held_twice,
        a_mail_that_another_milter_put_on_hold_is_never_touched,
        a_flag_raised_behind_mail_from_acts_on_the_next_mail,
        a_flag_taken_away_releases_nothing,
        the_bounce_of_a_released_mail_is_not_reviewed,
        a_mail_that_a_new_greeting_cut_off_is_nothing_of_the_next,
    ]
}

/// Its Postfix stays as it was set up; one test changes flags, another refuses a recipient.
async fn house(lab: &Lab) -> &'static House {
    static HOUSE: OnceCell<House> = OnceCell::const_new();
    HOUSE
        .get_or_init(|| House::start(lab, "dangers", |_| {}))
        .await
}

async fn state(house: &House, id: &QueueId) -> String {
    let show = house.desk.reviews(&["show", id.as_str(), "--json"]).await;
    let review: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap_or_default();
    review["state"].as_str().unwrap_or("none").to_owned()
}

/// The first of this person's mails, one after the other, that Postfix holds or does not hold.
async fn first_that(house: &House, sender: &str, is_held: bool) -> (QueueId, Mail) {
    eventually("the milter knows of the flag", BOUND, async || {
        let mail = Mail::new(sender, &["elsewhere.test"]);
        let id = house.send(&mail).await.ok().queue_id();
        match house.postfix.held().contains(&id) {
            held if held == is_held => Ok((id, mail)),
            other => Err(other),
        }
    })
    .await
}

/// As CONTENT_INSPECTION_README has it: Postfix gives all mail to a filter, which gives it back to a
/// service without milters.
async fn a_mail_that_a_content_filter_gives_back_is_not_held_twice(lab: &Lab) {
    let filter = Sink::start().await;
    let house = House::start(lab, "filtered", |_| {}).await;
    let next = format!("content_filter=smtp:[127.0.0.1]:{}", filter.address.port());
    house.postfix.set(&[&next]).await;
    let flagged = house.person(&["Y"]).await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let recipient = mail.recipients[0].as_str();

    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    assert!(filter.messages_to(recipient).is_empty(), "held before it");
    house.desk.decide("release", &id).await;
    let given = filter.message_to(recipient, BOUND).await;

    // What the filter gives back goes round it, as master.cf has it for such a service.
    house.postfix.set(&["content_filter="]).await;
    let back = smtp::send(
        house.postfix.plain_smtp,
        given.sender(),
        &[recipient],
        &given.content,
    )
    .await
    .ok();
    lab.sink.message_to(recipient, BOUND).await;
    assert_eq!(state(&house, &back.queue_id()).await, "none");
    assert_eq!(lab.sink.messages_to(recipient).len(), 1);
    assert_eq!(house.desk.settled(&id).await["state"], "released");
}

/// A milter before ours is away, and its administrator wants mail put on hold then: Postfix asks no
/// further milter about it (`milter_conn_event` in `src/milter/milter.c`), so ours never sees it.
async fn a_mail_that_another_milter_put_on_hold_is_never_touched(lab: &Lab) {
    let house = House::start(lab, "other-milter", |_| {}).await;
    let show = house.postfix.command("postconf");
    let ours = show.arguments(["-h", "smtpd_milters"]).run(b"").await;
    let other = "{ unix:mailhold/nobody.sock, default_action=quarantine, connect_timeout=1s }";
    let both = format!("smtpd_milters={other}, {}", ours.trim());
    house.postfix.set(&[&both]).await;
    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    let mut strays = Vec::new();
    for sender in [&flagged, &other] {
        let mail = Mail::new(&sender.address, &["elsewhere.test"]);
        strays.push((house.send(&mail).await.ok().queue_id(), mail));
    }

    // The other milter is gone for good, and decisions are carried out.
    let alone = format!("smtpd_milters={}", ours.trim());
    house.postfix.set(&[&alone]).await;
    for decision in ["release", "discard", "return"] {
        let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
        let id = house.send(&mail).await.ok().queue_id();
        house.desk.held(&id).await;
        house.desk.decide(decision, &id).await;
        house.desk.settled(&id).await;
    }
    for (id, mail) in &strays {
        assert!(house.postfix.held().contains(id), "{id} is not on hold");
        assert_eq!(state(&house, id).await, "none");
        assert!(lab.sink.messages_to(&mail.recipients[0]).is_empty());
    }
}

async fn a_flag_raised_behind_mail_from_acts_on_the_next_mail(lab: &Lab) {
    let house = house(lab).await;
    let person = house.person(&["N"]).await;
    let first = Mail::new(&person.address, &["elsewhere.test"]);
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    // With a login, nothing is asked behind MAIL: no header field counts.
    smtp.log_in_as(&person.login).await;
    smtp.mail(&format!("<{}>", first.sender)).await.ok();
    house.slapd.set_flags(&person.login, &["Y"]).await;
    smtp.rcpt(&format!("<{}>", first.recipients[0])).await.ok();
    smtp.data(&first.content).await.ok();
    house.delivered(&first).await;

    let (id, second) = first_that(house, &person.address, true).await;
    house.desk.held(&id).await;
    assert!(lab.sink.messages_to(&second.recipients[0]).is_empty());
}

async fn a_flag_taken_away_releases_nothing(lab: &Lab) {
    let house = house(lab).await;
    let person = house.person(&["Y"]).await;
    let held = Mail::new(&person.address, &["elsewhere.test"]);
    let id = house.send(&held).await.ok().queue_id();
    house.desk.held(&id).await;
    house.slapd.set_flags(&person.login, &["N"]).await;
    let (_, later) = first_that(house, &person.address, false).await;
    house.delivered(&later).await;

    assert_eq!(state(house, &id).await, "held");
    assert!(house.postfix.held().contains(&id));
    assert!(lab.sink.messages_to(&held.recipients[0]).is_empty());
    house.desk.decide("discard", &id).await;
    assert_eq!(house.desk.settled(&id).await["state"], "discarded");
}

async fn the_bounce_of_a_released_mail_is_not_reviewed(lab: &Lab) {
    let house = house(lab).await;
    let person = house.person(&["Y"]).await;
    let mail = Mail::new(&person.address, &["elsewhere.test"]);
    lab.sink
        .refuse(&mail.recipients[0], "550 5.1.1 no such person");
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    house.desk.decide("release", &id).await;
    let bounce = lab.sink.message_to(&person.address, BOUND).await;
    assert_eq!(bounce.sender(), "");
    assert_eq!(house.desk.settled(&id).await["state"], "released");

    let log = house.postfix.log();
    let words = [id.as_str(), "sender non-delivery notification: "];
    let line = log.line_with(&words, BOUND).await;
    let (_, own) = line.rsplit_once(' ').unwrap();
    let own: QueueId = own.parse().unwrap();
    assert_ne!(own, id);
    assert_eq!(state(house, &own).await, "none");
    assert!(!house.postfix.held().contains(&own));
}

/// Postfix gives a mail up where a greeting comes in the middle of it.
async fn a_mail_that_a_new_greeting_cut_off_is_nothing_of_the_next(lab: &Lab) {
    let house = house(lab).await;
    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    for greeting in ["HELO again.test", "EHLO again.test"] {
        let cut_off = Mail::new(&flagged.address, &["elsewhere.test"]);
        let free = Mail::new(&other.address, &["elsewhere.test"]);
        let id = send_after_a_greeting(&mut smtp, &cut_off, greeting, &free).await;
        house.delivered(&free).await;
        assert_eq!(state(house, &id).await, "none");

        let cut_off = Mail::new(&other.address, &["elsewhere.test"]);
        let next = Mail::new(&flagged.address, &["elsewhere.test"]);
        let id = send_after_a_greeting(&mut smtp, &cut_off, greeting, &next).await;
        let review = house.desk.held(&id).await;
        let recipients = review["recipients"].as_array().unwrap();
        assert_eq!(recipients.len(), 1, "{review}");
        assert_eq!(recipients[0]["address"], *next.recipients[0]);
        assert!(lab.sink.messages_to(&cut_off.recipients[0]).is_empty());
    }
}

/// Begins a mail, greets anew, and sends another one in the same session.
async fn send_after_a_greeting(
    smtp: &mut Smtp,
    cut_off: &Mail,
    greeting: &str,
    mail: &Mail,
) -> QueueId {
    smtp.mail(&format!("<{}>", cut_off.sender)).await.ok();
    smtp.rcpt(&format!("<{}>", cut_off.recipients[0]))
        .await
        .ok();
    smtp.command(greeting).await.ok();
    // What came before is forgotten.
    assert_eq!(smtp.command("DATA").await.code, 503);
    let recipients = [mail.recipients[0].as_str()];
    let sent = smtp.send(&mail.sender, &recipients, &mail.content).await;
    sent.ok().queue_id()
}
