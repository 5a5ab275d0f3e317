//! A small site without LDAP: a table of flags in a file.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{House, Mail};
use crate::{
    lab::{Lab, smtp::Smtp, user::User},
    trials::{Trials, tests},
};

const FLAGS: &str = "\
# address or login   flag
anna@corp.test       Y     # since May
ben@corp.test        no
carla                true
carla@corp.test      N
dora@corp.test       perhaps
";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: a_table_says_who_is_flagged]
}

async fn a_table_says_who_is_flagged(lab: &Lab) {
    let place = &lab.tools.place;
    let table = place.file("flags", User::milter(), 0o640, FLAGS);
    let house = House::start(lab, "tabled", |settings| {
        settings
            .set("directory.backend", "table")
            .set("directory.table.file", table.display().to_string());
    })
    .await;
    for (sender, login, is_held) in [
        ("Anna@corp.test", "", true),
        ("ben@corp.test", "", false),
        ("carla@corp.test", "", false),
        ("carla@corp.test", "Carla", true),
        ("dora@corp.test", "", true),
        ("stranger@corp.test", "", false),
    ] {
        let mail = Mail::new(sender, &["elsewhere.test"]);
        let mut smtp = Smtp::connect(house.postfix.smtp).await;
        if !login.is_empty() {
            smtp.log_in_as(login).await;
        }
        let recipients = [mail.recipients[0].as_str()];
        let reply = smtp.send(sender, &recipients, &mail.content).await.ok();
        if is_held {
            let review = house.desk.held(&reply.queue_id()).await;
            let entry = review["matched"]["entry"].as_str().unwrap();
            assert!(
                entry.starts_with(&format!("{}:", table.display())),
                "{entry}"
            );
        } else {
            house.delivered(&mail).await;
        }
    }
}
