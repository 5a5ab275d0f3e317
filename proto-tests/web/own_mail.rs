//! Nobody reads or decides mail of their own, by whatever name it is theirs.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{House, word};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        mail_that_names_the_reader_as_its_author_is_neither_listed_nor_opened,
    ]
}

/// Sent by somebody else, for instance by a secretary.
async fn mail_that_names_the_reader_as_its_author_is_neither_listed_nor_opened(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let author = &house.flagged_sven.address;
    let content = format!("From: \"Sven\" <{author}>\r\nSubject: {subject}\r\n\r\nText.\r\n");
    let held = house
        .held(&sender, &["bob@elsewhere.test"], content.as_bytes())
        .await;
    let name = held.id.to_string();
    let list = format!("/inbox?q={subject}");
    let sven = house.session(&house.sven).await;
    let text = sven.get(&list).await.text();
    assert!(!text.contains(&name), "{text}");
    assert_eq!(sven.get(&format!("/inbox?at={name}")).await.status, 403);
    let rita = house.session(&house.rita).await;
    let text = rita.get(&list).await.text();
    assert!(text.contains(&name), "{text}");
}
