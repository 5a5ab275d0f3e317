//! Decisions by the page: the first one wins, the other reviewer sees who, and what became of the mail
//! is told as it is.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;

use super::{
    alone::Alone,
    house::{Held, House, word},
};
use crate::{
    lab::{Lab, eventually::eventually, http::Ask, smtp},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        each_decision_is_carried_out_and_its_fate_is_told,
        a_decision_leads_to_the_next_message_of_the_same_search,
        our_script_is_answered_by_the_next_message_itself,
        the_slower_reviewer_sees_who_has_won,
        a_message_without_a_sender_is_not_offered_for_return,
        a_message_whose_sender_wants_no_notice_is_not_offered_for_return,
        a_decision_and_its_entry_are_one,
        a_note_and_a_reason_are_kept,
        the_longest_note_is_kept_whole_and_a_longer_one_is_not_taken,
        a_decision_beside_a_search_that_cannot_be_meant_is_told_as_accepted,
        a_word_that_is_no_decision_is_refused,
    ]
}

const BOB: &str = "bob@elsewhere.test";
const BOUND: Duration = Duration::from_secs(20);

async fn held(house: &House, lab: &Lab, subject: &str) -> Held {
    let sender = lab.person(&["Y"]).await;
    let content = format!("Subject: {subject}\r\n\r\nText.\r\n");
    house.held(&sender, &[BOB], content.as_bytes()).await
}

async fn each_decision_is_carried_out_and_its_fate_is_told(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    for (decision, fate) in [
        ("release", "Released: Postfix delivers it."),
        ("discard", "Discarded."),
        ("return", "Returned to its sender."),
    ] {
        let held = held(house, lab, &word()).await;
        let answer = session.decide(&held, decision).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        let page = format!("/inbox?q=state:all&at={}", held.id);
        eventually("the page tells the fate", BOUND, async || {
            let text = session.get(&page).await.text();
            if text.contains(fate) {
                Ok(())
            } else {
                Err(text)
            }
        })
        .await;
        let text = session.get(&page).await.text();
        assert!(text.contains("rita decided at"), "{text}");
        assert!(!text.contains("class=\"decide\""), "it is decided for good");
    }
}

async fn a_decision_leads_to_the_next_message_of_the_same_search(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    let subject = word();
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(held(house, lab, &subject).await);
    }
    let decide = async |held: &Held| {
        let action = format!("/review/{}/decide", held.id);
        let page = format!("/inbox?q={subject}&at={}", held.id);
        let token = session.token(&page, &action).await;
        let form = [
            ("token", token.as_str()),
            ("decision", "discard"),
            ("q", &subject),
        ];
        let answer = session.send(Ask::post(&action, &form)).await;
        answer.header("location").unwrap().to_owned()
    };
    let second = decide(&all[1]).await;
    assert!(
        second.contains(&all[2].id.to_string()),
        "the one after it: {second}"
    );
    let third = decide(&all[2]).await;
    assert!(
        third.contains(&all[0].id.to_string()),
        "the one that is left: {third}"
    );
    let last = decide(&all[0]).await;
    assert_eq!(last, format!("/inbox?q={subject}&told={}", all[0].id));
    let text = session.get(&last).await.text();
    let told = "Decided: discard. Nothing else waits here.";
    assert!(text.contains(told), "{text}");
    // Whoever sends somebody the address of a page cannot make it say so.
    let others = house.session(&house.robert).await;
    let text = others.get(&last).await.text();
    assert!(!text.contains("Decided: discard."), "{text}");
}

async fn our_script_is_answered_by_the_next_message_itself(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    let subject = word();
    let first = held(house, lab, &subject).await;
    let second = held(house, lab, &subject).await;
    let action = format!("/review/{}/decide", first.id);
    let page = format!("/inbox?q={subject}&at={}", first.id);
    let token = session.token(&page, &action).await;
    let form = [
        ("token", token.as_str()),
        ("decision", "discard"),
        ("q", &subject),
    ];
    let ask = Ask::post(&action, &form).header("X-Mailhold-Script", "1");
    let answer = session.send(ask).await;
    assert_eq!(answer.status, 200);
    let place = format!("/inbox?q={subject}&at={}&told={}", second.id, first.id);
    assert_eq!(answer.header("content-location"), Some(place.as_str()));
    let text = answer.text();
    assert!(
        text.contains("Decided: discard. Here is the next message."),
        "{text}"
    );
    assert!(
        text.contains(&format!("data-id=\"{}\"", second.id)),
        "{text}"
    );
    assert!(
        text.contains("<a href=\"/inbox\" aria-current=\"page\">"),
        "{text}"
    );
    // The look at the next one is on record as by its own address.
    let sql = format!(
        "select count(*) from audit_event where kind = 'viewed' and capture_id = '{}'",
        second.id
    );
    assert_eq!(house.desk.database.execute(&sql).await.trim(), "1");
}

async fn the_slower_reviewer_sees_who_has_won(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, lab, &word()).await;
    let (rita, robert) = tokio::join!(house.session(&house.rita), house.session(&house.robert));
    let action = format!("/review/{}/decide", held.id);
    let page = format!("/inbox?at={}", held.id);
    let tokens = tokio::join!(rita.token(&page, &action), robert.token(&page, &action));
    let release = [("token", tokens.0.as_str()), ("decision", "release")];
    let discard = [("token", tokens.1.as_str()), ("decision", "discard")];
    let answers = tokio::join!(
        rita.send(Ask::post(&action, &release)),
        robert.send(Ask::post(&action, &discard)),
    );
    let mut statuses = [answers.0.status, answers.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
    let (lost, winner, won) = match answers.0.status {
        409 => (answers.0, "robert", "discard"),
        _ => (answers.1, "rita", "release"),
    };
    let text = lost.text();
    assert!(text.contains("You were not the first."), "{text}");
    assert!(
        text.contains(&format!("{winner} decided at")) && text.contains(won),
        "{text}"
    );
    let settled = house.desk.settled(&held.queue_id).await;
    assert_eq!(settled["decided"]["reviewer"], winner);
}

async fn a_message_without_a_sender_is_not_offered_for_return(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = format!("From: {}\r\nSubject: null\r\n\r\nx\r\n", sender.address);
    let reply = smtp::send(house.postfix.smtp, "", &[BOB], content.as_bytes()).await;
    let queue_id = reply.ok().queue_id();
    let review = house.desk.held(&queue_id).await;
    let id = review["capture_id"].as_str().unwrap();
    let session = house.session(&house.rita).await;
    let text = session.get(&format!("/inbox?at={id}")).await.text();
    assert!(!text.contains("value=\"return\""), "{text}");
    assert!(text.contains("This message has no sender"), "{text}");
}

async fn a_message_whose_sender_wants_no_notice_is_not_offered_for_return(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mut smtp = smtp::Smtp::connect(house.postfix.smtp).await;
    smtp.mail(&format!("<{}>", sender.address)).await.ok();
    smtp.rcpt(&format!("<{BOB}> NOTIFY=NEVER")).await.ok();
    let queue_id = smtp
        .data(b"Subject: never\r\n\r\nx\r\n")
        .await
        .ok()
        .queue_id();
    let review = house.desk.held(&queue_id).await;
    let held = Held {
        queue_id,
        id: review["capture_id"].as_str().unwrap().parse().unwrap(),
    };
    let session = house.session(&house.rita).await;
    let text = session.get(&format!("/inbox?at={}", held.id)).await.text();
    assert!(!text.contains("value=\"return\""), "{text}");
    assert!(text.contains("NOTIFY=NEVER"), "{text}");
    let answer = session.decide(&held, "return").await;
    assert_eq!(answer.status, 422, "nor is it taken: {}", answer.text());
    assert_eq!(session.decide(&held, "discard").await.status, 303);
}

async fn a_decision_and_its_entry_are_one(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, lab, &word()).await;
    let session = house.session(&house.rita).await;
    session.decide(&held, "discard").await;
    let sql = format!(
        "select string_agg(kind || ' ' || actor || ' ' || detail, ', ' order by seq)
        from audit_event where capture_id = '{}'",
        held.id
    );
    let entries = house.desk.database.execute(&sql).await;
    assert_eq!(entries.trim(), "viewed rita , decided rita discard");
}

async fn a_note_and_a_reason_are_kept(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, lab, &word()).await;
    let session = house.session(&house.rita).await;
    let action = format!("/review/{}/decide", held.id);
    let token = session
        .token(&format!("/inbox?at={}", held.id), &action)
        .await;
    let form = [
        ("token", token.as_str()),
        ("decision", "discard"),
        ("reason", "Suspicious"),
        ("note", "  <b>asked Anna</b>  "),
    ];
    session.send(Ask::post(&action, &form)).await;
    let settled = house.desk.settled(&held.queue_id).await;
    assert_eq!(settled["decided"]["note"], "Suspicious: <b>asked Anna</b>");
    let page = session.get(&format!("/inbox?at={}", held.id)).await.text();
    assert!(
        page.contains("asked Anna") && !page.contains("<b>asked"),
        "{page}"
    );
}

async fn the_longest_note_is_kept_whole_and_a_longer_one_is_not_taken(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, lab, &word()).await;
    let session = house.session(&house.rita).await;
    let action = format!("/review/{}/decide", held.id);
    let token = session
        .token(&format!("/inbox?at={}", held.id), &action)
        .await;
    let decide = async |note: &str| {
        let form = [
            ("token", token.as_str()),
            ("decision", "discard"),
            ("reason", "Holds confidential matters"),
            ("note", note),
        ];
        session.send(Ask::post(&action, &form)).await
    };
    let answer = decide(&"n".repeat(1_001)).await;
    assert_eq!(answer.status, 413);
    let told = "The note is longer than 1,000 characters. Nothing was done";
    assert!(answer.text().contains(told), "{}", answer.text());
    // As many as a browser lets one type: the end of a line is one there, and two on its way.
    let typed = format!("{}end", "n\r\n".repeat(498) + "n");
    assert_eq!(typed.replace("\r\n", "\n").len(), 1_000);
    assert_eq!(decide(&typed).await.status, 303);
    let settled = house.desk.settled(&held.queue_id).await;
    let kept = format!("Holds confidential matters: {typed}").replace("\r\n", "\n");
    assert_eq!(settled["decided"]["note"], kept);
}

async fn a_decision_beside_a_search_that_cannot_be_meant_is_told_as_accepted(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let id = alone.hold().await;
    let decide = alone.deciding(&id, &cookie, &[("q", "colour:red")]).await;
    let answer = alone.send(decide.header("X-Mailhold-Script", "1")).await;
    let text = answer.text();
    assert_eq!(answer.status, 200, "{text}");
    assert!(text.contains("Decided: discard."), "{text}");
    let list = alone.get("/inbox?q=colour:red", &cookie).await;
    assert_eq!(list.status, 422, "the list alone");
    alone.end().await;
}

async fn a_word_that_is_no_decision_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, lab, &word()).await;
    let session = house.session(&house.rita).await;
    let answer = session.decide(&held, "approve").await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text()
            .contains("That was not understood. Nothing was done.")
    );
}
