//! What people are told is so: of a decision that they made twice, of a message that they may not ask
//! for, of notes that are not theirs to read.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;

use super::{
    alone::Alone,
    browsing::{moved_on, press},
    house::{House, token, word},
};
use crate::{
    lab::{Lab, browser::View, http::Ask},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        who_decides_twice_is_told_that_the_first_one_stands,
        whether_a_message_exists_is_not_told_to_whom_no_mail_is_shown,
        a_note_is_not_told_to_an_auditor,
        no_search_passes_for_another_look,
        an_outline_that_cannot_be_read_leaves_the_message_to_be_decided,
        keys_with_a_fault_stay_as_they_were_typed,
        a_refused_try_is_told_in_the_readers_language,
        a_decision_is_told_once,
        a_decision_that_nobody_carries_out_is_not_told_as_sent,
    ]
}

const UNKNOWN: &str = "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f";
const BOUND: Duration = Duration::from_secs(20);
const BOB: &str = "bob@elsewhere.test";

/// As when the first answer got lost on its way.
async fn who_decides_twice_is_told_that_the_first_one_stands(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = house
        .held(&sender, &[BOB], b"Subject: a\r\n\r\nx\r\n")
        .await;
    let session = house.session(&house.rita).await;
    let action = format!("/review/{}/decide", held.id);
    let token = session
        .token(&format!("/inbox?at={}", held.id), &action)
        .await;
    let form = [("token", token.as_str()), ("decision", "discard")];
    let first = session.send(Ask::post(&action, &form)).await;
    assert_eq!(first.status, 303);
    let second = session.send(Ask::post(&action, &form)).await;
    let text = second.text();
    assert_eq!(second.status, 409, "{text}");
    assert!(text.contains("You have decided this already."), "{text}");
    assert!(!text.contains("Nothing of yours was stored"), "{text}");
}

async fn whether_a_message_exists_is_not_told_to_whom_no_mail_is_shown(lab: &Lab) {
    let house = House::shared(lab).await;
    let count = async || {
        let sql = format!(
            "select count(*) from audit_event where kind = 'refused' and capture_id = '{UNKNOWN}'"
        );
        let found = house.desk.database.execute(&sql).await;
        found.trim().parse::<usize>().unwrap()
    };
    let before = count().await;
    for who in [&house.otto, &house.ada] {
        let session = house.session(who).await;
        let answer = session.get(&format!("/review/{UNKNOWN}/raw")).await;
        assert_eq!(answer.status, 403, "{}", who.login);
    }
    assert_eq!(count().await, before + 2);
}

async fn a_note_is_not_told_to_an_auditor(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = house
        .held(&sender, &[BOB], b"Subject: a\r\n\r\nx\r\n")
        .await;
    let note = word();
    let rita = house.session(&house.rita).await;
    let action = format!("/review/{}/decide", held.id);
    let page = format!("/inbox?at={}", held.id);
    let token = rita.token(&page, &action).await;
    let form = [
        ("token", token.as_str()),
        ("decision", "discard"),
        ("note", &note),
    ];
    assert_eq!(rita.send(Ask::post(&action, &form)).await.status, 303);
    assert!(rita.get(&page).await.text().contains(&note));
    let otto = house.session(&house.otto).await;
    let timeline = format!("/review/{}/timeline", held.id);
    let text = otto.get(&timeline).await.text();
    assert!(text.contains("rita decided at"), "{text}");
    assert!(!text.contains(&note), "{text}");
    // Whoever looks at the timeline has not looked at the mail.
    let text = rita.get(&page).await.text();
    assert!(
        text.contains("otto looked at what was done with it"),
        "{text}"
    );
}

async fn no_search_passes_for_another_look(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: a\r\n\r\nWords of the mail.\r\n";
    let held = house.held(&sender, &[BOB], content).await;
    let rita = house.session(&house.rita).await;
    let searches = [
        "timeline",
        "%22the+HTML+of+part+1%22",
        "%22the+record%22",
        "",
        // No search.
        "colour:timeline",
    ];
    let mut text = String::new();
    for search in searches {
        let page = format!("/inbox?q={search}&at={}", held.id);
        text = rita.get(&page).await.text();
        assert!(text.contains("Words of the mail."), "{search}: {text}");
    }
    let looks = text.matches("rita looked at it").count();
    assert_eq!(looks, searches.len(), "{text}");
    assert!(!text.contains("looked at what was done"), "{text}");
    let sql = format!(
        "select string_agg(detail, '|' order by seq) from audit_event
        where kind = 'viewed' and capture_id = '{}'",
        held.id
    );
    let words = house.desk.database.execute(&sql).await;
    let told = "search: timeline|search: \"the HTML of part 1\"|search: \"the record\"||";
    assert_eq!(words.trim(), told);
}

async fn an_outline_that_cannot_be_read_leaves_the_message_to_be_decided(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let id = alone.hold().await;
    let sql = "update outline
        set status = 'whole', reason = null, document = '{\"subject\": [\"secret'";
    alone.database.execute(sql).await;
    let told = ["outline.failed", "unreadable", &id];
    let web = &alone.desk.web;
    // Shown raw for that reason, and told once.
    let page = alone.get(&format!("/inbox?at={id}"), &cookie).await;
    assert_eq!(page.status, 200);
    web.event_with(&told, BOUND).await;
    assert_eq!(web.events_with(&told).len(), 1);
    for tab in ["", "&tab=text", "&tab=html", "&tab=structure"] {
        let page = alone.get(&format!("/inbox?at={id}{tab}"), &cookie).await;
        let text = page.text();
        assert_eq!(page.status, 200, "{tab}: {text}");
        assert!(text.contains("cannot be read any more."), "{tab}: {text}");
        let is_raw = text.contains("Words of the mail.");
        assert_eq!(is_raw, tab.is_empty(), "{tab}: {text}");
    }
    let path = format!("/review/{id}/raw");
    assert_eq!(alone.get(&path, &cookie).await.status, 200);
    let path = format!("/review/{id}/page/0");
    assert_eq!(alone.get(&path, &cookie).await.status, 404);
    assert_eq!(alone.decide(&id, &cookie, &[]).await.status, 303);
    let log = std::fs::read_to_string(web.log_path()).unwrap();
    assert!(!log.contains("secret"), "{log}");
    alone.end().await;
}

async fn a_refused_try_is_told_in_the_readers_language(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = house
        .held(&sender, &[BOB], b"Subject: a\r\n\r\nx\r\n")
        .await;
    let otto = house.session(&house.otto).await;
    let raw = format!("/review/{}/raw", held.id);
    assert_eq!(otto.get(&raw).await.status, 403);
    let robert = house.session(&house.robert).await;
    let form = [("token", "00"), ("decision", "discard")];
    let decide = format!("/review/{}/decide", held.id);
    let answer = robert.send(Ask::post(&decide, &form)).await;
    assert_eq!(answer.status, 403);
    let rita = house.session(&house.rita).await;
    for (language, told) in [
        (
            "en",
            [
                "otto was refused the raw message: nobody with their roles may do this",
                "robert was refused a form without the mark of this session: too old, or not from here",
            ],
        ),
        (
            "zh-TW",
            [
                "otto 遭拒：檢視原始郵件（其角色無此權限）",
                "robert 遭拒：表單沒有此工作階段的標記（已過期或來自他處）",
            ],
        ),
    ] {
        let ask = Ask::get(&format!("/inbox?at={}", held.id));
        let answer = rita.send(ask.header("Accept-Language", language)).await;
        let text = answer.text();
        for told in told {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
    let sql = format!(
        "select string_agg(detail, '|' order by seq) from audit_event
        where kind = 'refused' and capture_id = '{}'",
        held.id
    );
    let words = house.desk.database.execute(&sql).await;
    assert_eq!(words.trim(), "view_raw: not_your_role|form: no valid token");
}

async fn a_decision_is_told_once(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let content = format!("Subject: {subject}\r\n\r\nx\r\n");
    let first = house.held(&sender, &[BOB], content.as_bytes()).await;
    let second = house.held(&sender, &[BOB], content.as_bytes()).await;
    let browser = house.browser(lab, View::default()).await;
    let page = format!("/inbox?q={subject}&at={}", first.id);
    house.sign_in(&browser, &house.rita, &page).await;
    browser.text("#pane .discard").await;
    press(&browser, "d").await;
    let open = moved_on(&browser, &Some(first.id.to_string())).await;
    assert_eq!(open, Some(second.id.to_string()));
    assert!(browser.text(".told").await.contains("Decided: discard."));
    browser.client.refresh().await.unwrap();
    browser.text("#pane .discard").await;
    assert_eq!(
        browser
            .value("document.querySelectorAll('.told').length")
            .await,
        0
    );
    assert_eq!(
        browser
            .value("document.getElementById('pane').dataset.id")
            .await,
        second.id.to_string()
    );
    browser.end().await;
}

async fn a_decision_that_nobody_carries_out_is_not_told_as_sent(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let id = alone.hold().await;
    assert_eq!(alone.decide(&id, &cookie, &[]).await.status, 303);
    let page = format!("/inbox?q=state:all&at={id}");
    let (sent, waits) = ("Sent to Postfix.", "Decided, not carried out yet");
    for (work, told, untold) in [
        ("attempt = 0", waits, sent),
        (
            "attempt = 1, leased_by = 'mx1', due_at = now() + interval '1 hour'",
            sent,
            waits,
        ),
        // Whoever took it has gone.
        ("due_at = now() - interval '1 second'", waits, sent),
        (
            "leased_by = null, last_failure = 'the queue file is <not> ready'",
            "The last try came to nothing: the queue file is &#60;not&#62; ready.",
            sent,
        ),
        (
            "leased_by = 'mx1', due_at = now() + interval '1 hour'",
            "The last try came to nothing:",
            sent,
        ),
    ] {
        alone
            .database
            .execute(&format!("update work set {work}"))
            .await;
        let text = alone.get(&page, &cookie).await.text();
        assert!(text.contains(told), "{work}: {text}");
        assert!(!text.contains(untold), "{work}: {text}");
        assert!(text.contains("not carried out yet</"), "the list: {text}");
    }
    alone.end().await;
}

async fn keys_with_a_fault_stay_as_they_were_typed(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let page = alone.get("/preferences", &cookie).await.text();
    let token = token(&page, "/preferences").unwrap();
    let form = [
        ("token", token.as_str()),
        ("theme", "dark"),
        ("language", "zh-Hant-TW"),
        ("keys_on", "yes"),
        ("key_release", "ü"),
        ("key_discard", "ü"),
    ];
    let ask = Ask::post("/preferences", &form).header("Cookie", &cookie);
    let answer = alone.send(ask).await;
    let text = answer.text();
    assert_eq!(answer.status, 422, "{text}");
    assert!(text.contains("Each act needs a key of its own"), "{text}");
    assert_eq!(text.matches("value=\"ü\"").count(), 2, "{text}");
    for chosen in [
        "<option value=\"dark\" selected",
        "lang=\"zh-Hant-TW\" selected",
    ] {
        assert!(text.contains(chosen), "{chosen}: {text}");
    }
    assert_eq!(answer.cookie("__Host-preferences"), None, "nothing is kept");
    alone.end().await;
}
