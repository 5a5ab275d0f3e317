//! Mail of the sendmail command that had to wait in the maildrop: Postfix's pickup tries it again,
//! each time under a new queue ID.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, eventually::eventually},
    policy::house::{BOUND, House, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: a_mail_from_sendmail_that_had_to_wait_is_held_once]
}

async fn a_mail_from_sendmail_that_had_to_wait_is_held_once(lab: &Lab) {
    let house = House::start(lab, "maildrop", |_| {}).await;
    let flagged = house.person(&["Y"]).await;
    house.slapd.kill();
    let mail = Mail::new(&flagged.address, &["elsewhere.test"]);
    let content = String::from_utf8(mail.content.clone()).unwrap();
    let content = content.replace("\r\n", "\n");
    let recipient = mail.recipients[0].as_str();
    house
        .postfix
        .sendmail(&mail.sender, &[recipient], content.as_bytes())
        .await;

    let milter = &house.desk.milter;
    let tries = "mailhold_milter_verdicts_total{verdict=\"try_again\"}";
    for n_tries in 1..=3 {
        eventually("the milter is asked again", BOUND, async || {
            pick_up(&house).await;
            match milter.metric(tries).await {
                seen if seen >= f64::from(n_tries) => Ok(()),
                seen => Err(seen),
            }
        })
        .await;
    }
    assert_eq!(n_rows(&house).await, "0", "no try leaves a record");
    assert!(house.postfix.held().is_empty());

    house.slapd.start_again().await;
    let held = eventually("the mail is on hold", BOUND, async || {
        pick_up(&house).await;
        house.postfix.held().into_iter().next().ok_or("not yet")
    })
    .await;
    house.desk.held(&held).await;
    pick_up(&house).await;
    assert_eq!(n_rows(&house).await, "1");
    assert_eq!(house.postfix.held(), [held]);
    assert!(lab.sink.messages_to(recipient).is_empty());
}

/// Pickup looks once a minute by itself. It may hang up before postkick is done: that is no fault.
async fn pick_up(house: &House) {
    let kick = house.postfix.command("postkick");
    let kick = kick.arguments(["public", "pickup", "W"]);
    drop(kick.output(b"").await);
}

async fn n_rows(house: &House) -> String {
    let rows = house.desk.database.execute("select count(*) from capture");
    rows.await.trim().to_owned()
}
