//! Every act with one message, by those who may not: with a token that is right, in every tab. A session
//! that could do it a moment ago loses the right, so that nothing but the right refuses.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{Held, House, Session, word};
use crate::{
    lab::{
        Lab, Person,
        http::{Answer, Ask},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_decision_is_taken_from_whom_it_is_not_allowed_though_the_token_is_right,
        no_tab_of_a_message_opens_to_whom_it_is_not_allowed,
        a_timeline_is_not_shown_for_a_message_of_ones_own,
    ]
}

const BOB: &str = "bob@elsewhere.test";
const DECISIONS: [&str; 3] = ["release", "discard", "return"];
const TABS: [&str; 5] = ["text", "html", "header", "structure", "raw"];

/// Why somebody may not touch the message, and what they are told.
struct Bar {
    why: &'static str,
    /// How the row of the session has it.
    change: String,
    status: u16,
}

/// One for each way not to be allowed.
fn bars(sender: &Person) -> [Bar; 5] {
    let bar = |why, change: &str, status| Bar {
        why,
        change: change.to_owned(),
        status,
    };
    let own = format!("names = array['{}']", sender.address);
    let scope = "scope = 'entries', scope_entries = array['uid=nobody,dc=test']";
    [
        bar("an auditor", "roles = '{auditor}'", 403),
        bar("an administrator", "roles = '{administrator}'", 403),
        bar("without a role", "roles = '{}'", 403),
        bar("the sender", &own, 403),
        bar("a reviewer of others", scope, 404),
    ]
}

/// A message whose text has this word.
async fn held(house: &House, sender: &Person, mark: &str) -> Held {
    let content = format!(
        "Subject: rights\r\nX-Mark: {mark}\r\nMIME-Version: 1.0\r\n\
        Content-Type: text/html\r\n\r\n<p>{mark}</p>\r\n"
    );
    house.held(sender, &[BOB], content.as_bytes()).await
}

fn is_refused(answer: &Answer, status: u16, what: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{what}: {text}");
    let told = match status {
        404 => "There is no such thing here.",
        _ => "You may not do that. The try is on record.",
    };
    assert!(text.contains(told), "{what}: {text}");
}

async fn decide(session: &Session<'_>, held: &Held, token: &str, decision: &str) -> Answer {
    let form = [("token", token), ("decision", decision)];
    let action = format!("/review/{}/decide", held.id);
    session.send(Ask::post(&action, &form)).await
}

async fn no_decision_is_taken_from_whom_it_is_not_allowed_though_the_token_is_right(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = held(house, &sender, &word()).await;
    let action = format!("/review/{}/decide", held.id);
    let page = format!("/inbox?at={}", held.id);
    for Bar {
        why,
        change,
        status,
    } in bars(&sender)
    {
        let session = house.session(&house.robert).await;
        let token = session.token(&page, &action).await;
        session.becomes(&change).await;
        for decision in DECISIONS {
            let answer = decide(&session, &held, &token, decision).await;
            is_refused(&answer, status, &format!("{decision} as {why}"));
        }
    }
    let rita = house.session(&house.rita).await;
    let token = rita.token(&page, &action).await;
    for decision in DECISIONS {
        let form = [("token", token.as_str()), ("decision", decision)];
        let answer = Ask::post(&action, &form).send(house.plain.address).await;
        assert_eq!(answer.status, 303, "{decision} as nobody");
        let place = format!("/sign-in?next=%2Finbox%3Fat%3D{}", held.id);
        assert_eq!(answer.header("location"), Some(place.as_str()));
    }
    let tries = format!(
        "select split_part(detail, ':', 1), count(*) from audit_event
        where kind = 'refused' and capture_id = '{}' group by 1 order by 1",
        held.id
    );
    let tries = house.desk.database.execute(&tries).await;
    let each = "discard|5\nrelease|5\nreturn|5";
    assert_eq!(tries.trim(), each, "each try but nobody's is on record");
    let review = house.desk.held(&held.queue_id).await;
    assert_eq!(review["state"], "held");
    let stored = format!(
        "select count(*) from decision where capture_id = '{}'",
        held.id
    );
    assert_eq!(house.desk.database.execute(&stored).await.trim(), "0");
    let answer = decide(&rita, &held, &token, "discard").await;
    assert_eq!(answer.status, 303, "such a token is right");
    assert_eq!(house.desk.database.execute(&stored).await.trim(), "1");
}

async fn no_tab_of_a_message_opens_to_whom_it_is_not_allowed(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mark = word();
    let held = held(house, &sender, &mark).await;
    let page = |tab: &str| format!("/inbox?at={}&tab={tab}", held.id);
    let bars = bars(&sender);
    for Bar {
        why,
        change,
        status,
    } in &bars
    {
        let session = house.session(&house.robert).await;
        session.becomes(change).await;
        for tab in TABS {
            let answer = session.get(&page(tab)).await;
            is_refused(&answer, *status, &format!("{tab} as {why}"));
            assert!(!answer.text().contains(&mark), "{tab} as {why}");
        }
    }
    for tab in TABS {
        let answer = Ask::get(&page(tab)).send(house.plain.address).await;
        assert_eq!(answer.status, 303, "{tab} as nobody");
    }
    let viewed = format!(
        "select count(*) from audit_event where kind = 'viewed' and capture_id = '{}'",
        held.id
    );
    assert_eq!(house.desk.database.execute(&viewed).await.trim(), "0");
    let session = house.session(&house.rita).await;
    for tab in TABS {
        assert_eq!(session.get(&page(tab)).await.status, 200, "{tab}");
    }
    let header = session.get(&page("header")).await;
    assert!(header.text().contains(&mark), "the mark would be seen");
    assert_eq!(house.desk.held(&held.queue_id).await["state"], "held");
}

async fn a_timeline_is_not_shown_for_a_message_of_ones_own(lab: &Lab) {
    let house = House::shared(lab).await;
    let held = held(house, &house.flagged_sven, &word()).await;
    let path = format!("/review/{}/timeline", held.id);
    for (sitter, status) in [(&house.rita, 200), (&house.otto, 200), (&house.sven, 403)] {
        let answer = house.session(sitter).await.get(&path).await;
        assert_eq!(answer.status, status, "{}", sitter.login);
    }
}
