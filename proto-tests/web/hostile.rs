//! Hostile mail in a real browser: whatever stands in a subject, a name, a file's name, a header or the
//! HTML, nothing of it runs and nothing is asked of anybody. Then the same with escaping switched off,
//! where the policy of the pages must hold alone.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{Held, House};
use crate::{
    lab::{
        Lab, Person,
        browser::{Browser, Request, View},
        review_desk::{Door, Passwords, ReviewDesk},
        smtp::Smtp,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_payload_stands_in_a_page_as_a_mark,
        nothing_is_asked_of_anybody_while_hostile_mail_is_read,
        the_policy_holds_alone_where_nothing_is_escaped,
    ]
}

const BOB: &str = "bob@elsewhere.test";
/// Payloads in one message's HTML.
const IN_HTML: usize = 40;

/// The corpus, without what a mail cannot hold on one line.
fn payloads() -> Vec<String> {
    let corpus = include_bytes!("corpus/hostile.txt");
    let text = String::from_utf8_lossy(corpus).into_owned();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let all: Vec<String> = lines.map(|line| line.replace('\r', " ")).collect();
    assert!(all.len() >= 200, "{}", all.len());
    all
}

fn encoded(text: &str) -> String {
    use base64::Engine as _;
    // Encoded words are short (RFC 2047, section 2), and no letter is cut in two.
    let engine = base64::engine::general_purpose::STANDARD;
    let mut words = Vec::new();
    let mut part = String::new();
    for sign in text.chars() {
        if part.len() + sign.len_utf8() > 40 {
            words.push(engine.encode(std::mem::take(&mut part)));
        }
        part.push(sign);
    }
    words.push(engine.encode(part));
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?utf-8?B?{word}?="))
        .collect();
    words.join("\r\n ")
}

/// Messages that together have every payload in every field that a page shows: four payloads a message,
/// each in another field, and then all of them in the HTML of a few.
fn messages(sender: &Person) -> Vec<String> {
    let all = payloads();
    let at = |number: usize| all[number % all.len()].as_str();
    let mut messages = Vec::new();
    // Two thirds of them: more than 200 payloads in each field, and every payload in four of them.
    for number in (0..all.len()).filter(|number| number % 3 != 0) {
        messages.push(format!(
            "From: {} <{}>\r\nReply-To: {} <x@elsewhere.test>\r\nSubject: {}\r\nX-Hostile: {}\r\n\
            MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
            Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n\
            --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename=\"{}\"\
            \r\n\r\n%PDF-1.4\r\n--b--\r\n",
            encoded(at(number)),
            sender.address,
            encoded(at(number + 1)),
            encoded(at(number + 2)),
            encoded(at(number + 3)),
            at(number + 4),
            encoded(at(number + 5)),
        ));
    }
    messages
}

fn html(payloads: &[String]) -> String {
    format!(
        "Subject: hostile\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\n<p>begin</p>\r\n{}\r\n",
        payloads.join("\r\n<p>next</p>\r\n")
    )
}

/// Whether a payload stands in a page just as it is, as the marks that it would be.
fn stands_in(page: &str, payload: &str) -> bool {
    payload.contains('<') && page.contains(payload)
}

async fn no_payload_stands_in_a_page_as_a_mark(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let session = house.session(&house.rita).await;
    let all = payloads();
    let messages = messages(&sender);
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    for message in &messages {
        let sent = smtp.send(&sender.address, &[BOB], message.as_bytes());
        sent.await.ok();
    }
    let sent = house.all_of(&sender, messages.len()).await;
    let mut faults = Vec::new();
    let mut n_shown = 0;
    for (number, id) in sent.iter().enumerate() {
        let tabs: &[&str] = match number % 4 {
            0 => &["text", "header", "structure", "raw"],
            _ => &["text", "header"],
        };
        for tab in tabs {
            let page = format!("/inbox?q=larger:1G&at={id}&tab={tab}");
            let page = session.get(&page).await;
            assert_eq!(page.status, 200);
            let text = page.text();
            n_shown += usize::from(text.contains("tracker.test"));
            faults.extend(
                all.iter()
                    .filter(|payload| stands_in(&text, payload))
                    .map(|payload| format!("{tab}: {payload}")),
            );
        }
    }
    let list = format!("/inbox?q=from:{}", sender.address);
    let list = session.get(&list).await.text();
    assert!(list.contains("tracker.test"), "{list}");
    let listed = all.iter().filter(|payload| stands_in(&list, payload));
    faults.extend(listed.cloned());
    assert!(
        n_shown > sent.len(),
        "the payloads are shown at all: {n_shown}"
    );
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Requests to anybody but the desk, whether they were sent or forbidden.
async fn foreign(browser: &Browser, desk: &ReviewDesk) -> Vec<Request> {
    let own = format!("{}/", desk.url);
    let requests = browser.requests().await.into_iter();
    requests
        .filter(|request| !request.url.starts_with(&own))
        .collect()
}

async fn hostile_pages(house: &House, sender: &Person) -> Vec<Held> {
    let mut held = Vec::new();
    for some in payloads().chunks(IN_HTML) {
        let content = html(some);
        held.push(house.held(sender, &[BOB], content.as_bytes()).await);
    }
    // Each alone may do what it does not do beside others; a share of them keeps the test short.
    for payload in payloads().iter().step_by(8) {
        let content = html(std::slice::from_ref(payload));
        held.push(house.held(sender, &[BOB], content.as_bytes()).await);
    }
    held
}

async fn nothing_is_asked_of_anybody_while_hostile_mail_is_read(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = hostile_pages(house, &sender).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in(&browser, &house.rita, "/inbox").await;
    for message in &held {
        let page = format!("{}/inbox?at={}&tab=html", house.secure.url, message.id);
        browser.open(&page).await;
        let n_frames = browser
            .value("document.querySelectorAll('iframe').length")
            .await;
        assert_eq!(n_frames, 1, "its HTML is shown");
    }
    assert_eq!(foreign(&browser, &house.secure).await, []);
    browser.end().await;
}

async fn the_policy_holds_alone_where_nothing_is_escaped(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mut passwords = Passwords::new(&lab.tools);
    let rita = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
    let settings = &house.desk.settings;
    let bare = ReviewDesk::start_with(
        &lab.tools,
        settings,
        &passwords,
        Door::Tls,
        |_| {},
        |web| web.variable("FAILPOINTS", "web.escape=return(error)"),
    )
    .await;
    let mut held = Vec::new();
    for message in messages(&sender).iter().step_by(6) {
        held.push(house.held(&sender, &[BOB], message.as_bytes()).await);
    }
    let browser = house.browser(lab, View::default()).await;
    house.sign_in_at(&browser, &bare, &rita, "/inbox").await;
    let mut n_marks = 0;
    for message in &held {
        browser
            .open(&format!("{}/inbox?at={}&tab=text", bare.url, message.id))
            .await;
        let marks =
            "document.querySelectorAll('main script, main img, main svg, main style').length";
        n_marks += browser.value(marks).await.as_u64().unwrap_or_default();
    }
    assert!(n_marks > 20, "nothing is escaped: {n_marks}");
    // What a mark leads the whole page to is no load: a policy does not forbid it (meta refresh).
    let mut loaded = foreign(&browser, &bare).await;
    // Nor does it forbid what Chromium opens for no page of the network.
    loaded.retain(|request| {
        let is_sent = request.kind != "Document" && !request.is_forbidden;
        is_sent && !request.url.starts_with("file:")
    });
    assert_eq!(loaded, []);
    let complaints = browser.complaints().await;
    let n_forbidden = complaints.iter().filter(|one| one.is_of_policy()).count();
    assert!(n_forbidden > 20, "the policy has forbidden {n_forbidden}");
    browser.end().await;
    bare.web.stop().await;
    bare.outline.stop().await;
}
