//! Nobody reads or decides mail of their own, by whatever name it is theirs.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{Held, House, word};
use crate::{
    lab::{Lab, Person, http::Ask},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        mail_that_names_the_reader_as_its_author_is_neither_listed_nor_opened,
        no_name_is_so_long_that_the_author_sees_or_decides_his_mail,
        no_header_is_so_long_that_the_author_sees_or_decides_his_mail,
        after_a_decision_nobody_is_led_to_mail_of_his_own,
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

/// As it was before it was outlined.
async fn forget_outline(house: &House, held: &Held) {
    let id = held.id;
    let sql = format!(
        "delete from listing_waiting where capture_id = '{id}';
        delete from listing where capture_id = '{id}';
        delete from outline_content where capture_id = '{id}';
        delete from outline where capture_id = '{id}';
        insert into outline_due (capture_id, due_at) values ('{id}', now() + interval '1 day')"
    );
    house.desk.database.execute(&sql).await;
}

async fn no_name_is_so_long_that_the_author_sees_or_decides_his_mail(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let (subject, name) = (word(), "name ".repeat(500));
    let author = &house.flagged_sven.address;
    // No line is longer than one may be.
    let folded = name.replace("name name name name name ", "name name name name name\r\n ");
    let content = format!("From: \"{folded}\" <{author}>\r\nSubject: {subject}\r\n\r\nText.\r\n");
    is_hidden_from_sven(house, &sender, &subject, &content).await;
}

async fn no_header_is_so_long_that_the_author_sees_or_decides_his_mail(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let author = &house.flagged_sven.address;
    let others = "a:b\r\n".repeat(60_000);
    let content = format!("Subject: {subject}\r\n{others}From: Sven <{author}>\r\n\r\nText.\r\n");
    is_hidden_from_sven(house, &sender, &subject, &content).await;
}

/// Neither listed nor opened nor decided, whether it is outlined or not; Rita decides it.
async fn is_hidden_from_sven(house: &House, sender: &Person, subject: &str, content: &str) {
    let held = house
        .held(sender, &["bob@elsewhere.test"], content.as_bytes())
        .await;
    let id = held.id.to_string();
    let sven = house.session(&house.sven).await;
    let decide = format!("/review/{id}/decide");
    for is_outlined in [true, false] {
        if !is_outlined {
            forget_outline(house, &held).await;
        }
        let query = if is_outlined { subject } else { "" };
        let list = sven.get(&format!("/inbox?q={query}")).await.text();
        assert!(!list.contains(&id), "{is_outlined}");
        let open = sven.get(&format!("/inbox?at={id}")).await;
        assert_eq!(open.status, 403, "{is_outlined}");
        let form = [("token", "none"), ("decision", "release")];
        let answer = sven.send(Ask::post(&decide, &form)).await;
        assert!(answer.text().contains("You may not do that."));
    }
    let rita = house.session(&house.rita).await;
    let open = rita.get(&format!("/inbox?at={id}")).await;
    assert_eq!(open.status, 200);
    assert_eq!(rita.decide(&held, "discard").await.status, 303);
}

async fn after_a_decision_nobody_is_led_to_mail_of_his_own(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let mut held = Vec::new();
    for author in [
        "anna@corp.test",
        &house.flagged_sven.address,
        "bob@corp.test",
    ] {
        let content = format!("From: <{author}>\r\nSubject: {subject}\r\n\r\nText.\r\n");
        let recipients = ["bob@elsewhere.test"];
        held.push(house.held(&sender, &recipients, content.as_bytes()).await);
    }
    let [first, own, last] = held.as_slice() else {
        panic!("three messages");
    };
    // Its outline alone tells whose it is, so that it stands in the list.
    let sql = format!(
        "set session_replication_role = replica;
        update capture set header_from = null where capture_id = '{}'",
        own.id
    );
    house.desk.database.execute(&sql).await;
    let sven = house.session(&house.sven).await;
    let list = format!("/inbox?q={subject}");
    assert!(sven.get(&list).await.text().contains(&own.id.to_string()));
    for (decided, next) in [(first, Some(last)), (last, None)] {
        let action = format!("/review/{}/decide", decided.id);
        let token = sven
            .token(&format!("/inbox?at={}", decided.id), &action)
            .await;
        let form = [
            ("token", token.as_str()),
            ("decision", "discard"),
            ("q", &subject),
        ];
        let answer = sven.send(Ask::post(&action, &form)).await;
        let onward = answer.header("location").unwrap_or_default().to_owned();
        let led_to = next.map(|next| format!("at={}", next.id));
        let is_led = led_to.map_or(!onward.contains("at="), |at| onward.contains(&at));
        assert!(is_led, "{onward}");
        assert_eq!(sven.get(&onward).await.status, 200, "{onward}");
    }
    let sql = format!(
        "select count(*) from audit_event where kind = 'refused' and capture_id = '{}'",
        own.id
    );
    assert_eq!(house.desk.database.execute(&sql).await.trim(), "0");
}
