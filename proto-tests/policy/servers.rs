//! Several directory servers, over real SMTP: one that is away changes nothing but the log.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{BOUND, House, Mail};
use crate::{
    lab::{Lab, ports::free_address},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: mail_is_held_while_one_of_two_servers_is_away]
}

async fn mail_is_held_while_one_of_two_servers_is_away(lab: &Lab) {
    let dead = format!("ldap://{}", free_address());
    let house = House::start(lab, "doubled", |settings| {
        let urls = [vec![dead.clone()], settings.texts("directory.ldap.urls")];
        settings.set("directory.ldap.urls", urls.concat());
    })
    .await;
    let milter = &house.desk.milter;
    let sender = house.person(&["Y"]).await.address;
    let mail = Mail::new(&sender, &["elsewhere.test"]);
    let id = house.send(&mail).await.ok().queue_id();
    house.desk.held(&id).await;
    let failed = milter.event_with(&["directory.server_failed"], BOUND).await;
    assert_eq!(failed["server"], dead);
    assert_eq!(failed["level"], "WARN");
    assert!(milter.is_ready().await, "one server is enough");

    house.slapd.kill();
    let alarm = ["alarm.began", "directory_unreachable", &dead];
    let alarm = milter.event_with(&alarm, BOUND).await;
    assert!(
        alarm["detail"].to_string().contains(&house.slapd.url()),
        "{alarm}"
    );
    house.slapd.start_again().await;
    let back = milter.event_with(&["directory.server_back"], BOUND).await;
    assert_eq!(back["server"], house.slapd.url());
}
