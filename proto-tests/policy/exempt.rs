//! Mail to recipients who are exempt is nobody's business, as long as all of them are.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{House, Mail, n_events};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

const DOCTOR: &str = "doctor@clinic.test";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: mail_to_exempt_recipients_alone_passes]
}

async fn mail_to_exempt_recipients_alone_passes(lab: &Lab) {
    let house = House::start(lab, "exempting", |settings| {
        let exempt = [DOCTOR, "@lawyer.test"].map(str::to_owned);
        settings.set("policy.exempt_recipients", exempt.to_vec());
    })
    .await;
    let sender = house.person(&["Y"]).await.address;

    let mut exempt = Mail::new(&sender, &["lawyer.test"]);
    exempt.recipients.push("Doctor@Clinic.test".to_owned());
    let id = house.send(&exempt).await.ok().queue_id();
    house.delivered(&exempt).await;

    let mut mixed = Mail::new(&sender, &["elsewhere.test"]);
    mixed.recipients.push(DOCTOR.to_owned());
    let held = house.send(&mixed).await.ok().queue_id();
    house.desk.held(&held).await;
    assert!(lab.sink.messages_to(&mixed.recipients[0]).is_empty());
    let told = n_events(&house.desk.milter, "message.passed", &id);
    assert_eq!(told, 0, "mail to exempt recipients is counted alone");
}
