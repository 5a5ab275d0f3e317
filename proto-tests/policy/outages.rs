//! While the directory is away mail waits, is held, or passes: as the settings say, over real SMTP.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::reply::TryAgain;

use super::house::{BOUND, House, Mail, n_events};
use crate::{
    lab::{Lab, smtp::Smtp},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        by_default_mail_waits_at_the_client,
        an_outage_can_hold_what_leaves_the_house,
        an_outage_can_let_mail_pass_with_a_warning_at_every_start,
    ]
}

async fn by_default_mail_waits_at_the_client(lab: &Lab) {
    let house = House::start(lab, "waiting", |_| {}).await;
    let (flagged, other) = (house.person(&["Y"]).await, house.person(&["N"]).await);
    house.slapd.kill();

    // Flagged or not: one reply, which tells nothing.
    for sender in [&flagged.address, &other.address] {
        let mut smtp = Smtp::connect(house.postfix.smtp).await;
        let reply = smtp.mail(&format!("<{sender}>")).await;
        assert_eq!(reply.code.to_string(), TryAgain::CODE);
        let told = format!("{} {}", TryAgain::ENHANCED_CODE, TryAgain::TEXT);
        assert_eq!(reply.text(), told);
    }

    // A bounce without a login is nobody's mail: it needs no directory, and says nothing of it.
    let milter = &house.desk.milter;
    milter
        .event_with(&["alarm.began", "directory_unreachable"], BOUND)
        .await;
    let bounce = Mail::new("", &["elsewhere.test"]);
    house.send(&bounce).await.ok();
    house.delivered(&bounce).await;
    let ended = milter
        .events()
        .iter()
        .filter(|event| event["event"] == "alarm.ended")
        .count();
    assert_eq!(ended, 0, "the alarm stands");

    house.slapd.start_again().await;
    let mail = Mail::new(&other.address, &["elsewhere.test"]);
    house.send(&mail).await.ok();
    house.delivered(&mail).await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
}

async fn an_outage_can_hold_what_leaves_the_house(lab: &Lab) {
    let house = House::start(lab, "holding", |settings| {
        settings.set("directory.outage", "hold");
    })
    .await;
    let other = house.person(&["N"]).await;
    house.slapd.kill();

    let outgoing = Mail::new(&other.address, &["elsewhere.test"]);
    let id = house.send(&outgoing).await.ok().queue_id();
    let review = house.desk.held(&id).await;
    assert_eq!(review["reason"], "directory-outage");
    assert_eq!(review["matched"]["identity"], "");
    assert_eq!(
        review["matched"]["recipient"],
        outgoing.recipients[0].as_str()
    );
    let show = house.desk.reviews(&["show", id.as_str()]).await;
    let show = String::from_utf8(show.stdout).unwrap();
    assert!(show.contains("the directory could not be asked"), "{show}");

    let within = Mail::new(&other.address, &["corp.test"]);
    let id = house.send(&within).await.ok().queue_id();
    house.delivered(&within).await;
    assert_eq!(n_events(&house.desk.milter, "message.passed", &id), 1);
}

async fn an_outage_can_let_mail_pass_with_a_warning_at_every_start(lab: &Lab) {
    let house = House::start(lab, "passing", |settings| {
        settings.set("directory.outage", "pass");
    })
    .await;
    let flagged = house.person(&["Y"]).await;
    let milter = &house.desk.milter;
    milter.stop().await;
    milter.start_again().await;
    let warned: Vec<_> = milter
        .events()
        .into_iter()
        .filter(|event| event["event"] == "config.warned")
        .collect();
    assert_eq!(warned.len(), 2, "one at every start: {warned:?}");
    assert_eq!(warned[0]["level"], "WARN");
    assert_eq!(warned[0]["setting"], "directory.outage");

    house.slapd.kill();
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    house.send(&mail).await.ok();
    house.delivered(&mail).await;
    milter
        .event_with(&["alarm.began", "directory_unreachable"], BOUND)
        .await;
    house.slapd.start_again().await;
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
}
