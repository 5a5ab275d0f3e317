//! The cap of captures per sender and hour, on a running Postfix: beyond it mail comes again.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{house, reload, taken_up};
use crate::{
    lab::{Lab, desk::Desk, eventually::eventually},
    policy::house::{BOUND, Mail},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: a_sender_at_the_cap_comes_again_until_the_cap_is_raised]
}

const ALARM: &str = "mailhold_alarm{kind=\"sender_capped\"}";

async fn a_sender_at_the_cap_comes_again_until_the_cap_is_raised(lab: &Lab) {
    let house = house(lab).await;
    let milter = &house.desk.milter;
    let (anna, berta) = (house.person(&["Y"]).await, house.person(&["Y"]).await);
    let unflagged = house.person(&[]).await;
    let mail = |sender: &str| Mail::new(sender, &["elsewhere.test"]);
    let capped_before = milter.metric("mailhold_sender_capped_total").await;
    cap(&house.desk, 3).await;

    for _ in 0..3 {
        let id = house.send(&mail(&anna.address)).await.ok().queue_id();
        house.desk.held(&id).await;
    }
    let answer = house.send(&mail(&anna.address)).await;
    assert_eq!(
        (answer.code, &*answer.lines[0]),
        (451, "4.3.0 Temporary local problem, please try again later")
    );
    let told = milter
        .event_with(&["message.try_again", "sender_cap"], BOUND)
        .await;
    assert!(!told.to_string().contains(&anna.login), "{told}");
    assert_eq!(milter.metric(ALARM).await, 1.0);
    assert!(milter.is_ready().await, "others are served");
    let capped = milter.metric("mailhold_sender_capped_total").await;
    assert_eq!(capped - capped_before, 1.0);

    house.send(&mail(&berta.address)).await.ok();
    let free = mail(&unflagged.address);
    house.send(&free).await.ok();
    house.delivered(&free).await;

    cap(&house.desk, 4).await;
    eventually("the alarm ends", BOUND, async || {
        match milter.metric(ALARM).await {
            0.0 => Ok(()),
            other => Err(other),
        }
    })
    .await;
    let id = house.send(&mail(&anna.address)).await.ok().queue_id();
    house.desk.held(&id).await;
    assert_eq!(house.send(&mail(&anna.address)).await.code, 451);
    cap(&house.desk, 0).await;
    let id = house.send(&mail(&anna.address)).await.ok().queue_id();
    house.desk.held(&id).await;
}

async fn cap(desk: &Desk, n_captures: i64) {
    let change = |settings: &mut crate::lab::settings::Settings| {
        settings.set("milter.sender_cap", n_captures);
    };
    taken_up(&reload(desk, &desk.milter, change).await, "");
}
