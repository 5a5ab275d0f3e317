//! Hostile text wherever a page shows one, of mails, envelopes and people, and in a real browser: nothing
//! of it runs and nothing is asked of anybody. Then the same with escaping switched off, where the policy
//! of the pages must hold alone.

use std::{collections::BTreeMap, sync::Arc};

use fantoccini::Locator;
use libtest_mimic::Trial;
use mailhold::domain::capture_id::CaptureId;

use super::{
    browsing,
    house::{Held, House},
    payloads::{self, Hostile, Place, escaped, quoted},
};
use crate::{
    lab::{
        Lab, Person,
        browser::{Browser, Request, View},
        http::Ask,
        review_desk::{Door, Passwords, ReviewDesk},
        smtp::Smtp,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_payload_is_found_where_it_is_a_mark_or_leaves_an_attribute,
        no_payload_stands_in_a_page_as_a_mark,
        no_payload_of_an_envelope_stands_in_a_page_as_a_mark,
        what_people_type_stands_in_a_page_as_text,
        no_payload_in_a_note_stands_in_a_page_as_a_mark,
        nothing_is_asked_of_anybody_while_hostile_mail_is_read,
        the_policy_holds_alone_where_nothing_is_escaped,
    ]
}

const BOB: &str = "bob@elsewhere.test";
/// Payloads in one message's HTML.
const IN_HTML: usize = 40;
/// Recipients of one message, each a payload.
const IN_ENVELOPE: usize = 50;
/// Searches until the record is looked at, of which a page shows a hundred entries.
const IN_LOG: usize = 40;

fn html(payloads: &[String]) -> String {
    format!(
        "Subject: hostile\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\n<p>begin</p>\r\n{}\r\n",
        payloads.join("\r\n<p>next</p>\r\n")
    )
}

async fn a_payload_is_found_where_it_is_a_mark_or_leaves_an_attribute(_: &Lab) {
    let found = |page: &str, payload: &str| payloads::stands_in(page, payload);
    for payload in ["<b>x", "\" onfocus=\"x", "' onfocus='x", "&lt;b&gt;"] {
        assert!(found(&format!("<input value=\"{payload}\">"), payload));
        let page = format!("<input value=\"{}\">", escaped(payload));
        assert!(!found(&page, payload), "{page}");
    }
    let n_blind = payloads::all()
        .iter()
        .filter(|one| !found(one, one))
        .count();
    assert!(n_blind < 5, "{n_blind} could not be found");
}

/// The tabs that show the message in another way; the raw one is the message itself.
const TABS: [&str; 4] = ["text", "html", "header", "structure"];

/// Sends messages over one connection, and waits until all can be read.
async fn send(house: &House, sender: &Person, messages: &[Hostile]) -> Vec<CaptureId> {
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    for message in messages {
        let sent = smtp.send(&sender.address, &[BOB], &message.content);
        sent.await.ok();
    }
    house.all_of(sender, messages.len()).await
}

async fn no_payload_stands_in_a_page_as_a_mark(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let session = house.session(&house.rita).await;
    let messages = payloads::messages(&sender);
    let sent = send(house, &sender, &messages).await;
    let mut found = Found::default();
    for (number, (id, message)) in sent.iter().zip(&messages).enumerate() {
        let raw = (number % 4 == 0).then_some("raw");
        for tab in TABS.into_iter().chain(raw) {
            let page = format!("/inbox?q=larger:1G&at={id}&tab={tab}");
            let page = session.get(&page).await;
            assert_eq!(page.status, 200);
            found.look_at(tab, &page.text(), &message.places);
        }
    }
    let list = format!("/inbox?q=from:{}", sender.address);
    let list = session.get(&list).await.text();
    assert!(list.contains("tracker.test"), "{list}");
    for payload in payloads::all() {
        found.look_for("the list", &list, &payload);
    }
    found.is_clean(40);
}

/// What is found in pages: payloads that are marks, and how often each field shows one as text.
#[derive(Debug, Default)]
struct Found {
    faults: Vec<String>,
    shown: BTreeMap<&'static str, usize>,
}

impl Found {
    fn look_at(&mut self, tab: &str, page: &str, places: &[Place]) {
        // A media type is shown in small letters.
        let page = page.to_lowercase();
        for place in places {
            let payload = place.payload.to_lowercase();
            if payloads::stands_in(&page, &payload) {
                let fault = format!("{tab}: {}: {}", place.field, place.payload);
                self.faults.push(fault);
            }
            let is_seen = place.tab == tab && page.contains(&escaped(&payload));
            *self.shown.entry(place.field).or_default() += usize::from(is_seen);
        }
    }

    /// The same of one payload in one place.
    fn look_for(&mut self, field: &'static str, page: &str, payload: &str) {
        if payloads::stands_in(page, payload) {
            self.faults.push(format!("{field}: {payload}"));
        }
        let is_seen = page.contains(&escaped(payload));
        *self.shown.entry(field).or_default() += usize::from(is_seen);
    }

    /// No payload is a mark, and each field has shown so many of them.
    fn is_clean(&self, least: usize) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
        assert!(!self.shown.is_empty());
        let is_blind = |(_, n): &(&&str, &usize)| **n < least;
        let blind: Vec<_> = self.shown.iter().filter(is_blind).collect();
        assert!(blind.is_empty(), "{blind:?} of {:?}", self.shown);
    }
}

/// Payloads that an address can hold within quotes.
fn for_addresses() -> Vec<String> {
    let mut all = payloads::all();
    all.retain(|payload| {
        payload.len() < 200 && payload.bytes().all(|byte| (0x20..0x7f).contains(&byte))
    });
    all
}

async fn no_payload_of_an_envelope_stands_in_a_page_as_a_mark(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let session = house.session(&house.rita).await;
    let address = |payload: &String| format!("<\"{}\"@elsewhere.test>", quoted(payload));
    let mut found = Found::default();
    for some in for_addresses().chunks(IN_ENVELOPE) {
        let mut smtp = Smtp::connect(house.postfix.smtp).await;
        smtp.log_in_as(&sender.login).await;
        smtp.mail(&address(&some[0])).await.ok();
        for payload in some {
            smtp.rcpt(&address(payload)).await.ok();
        }
        let queue_id = smtp.data(b"Subject: x\r\n\r\nx\r\n").await.ok().queue_id();
        let held = house.on_hold(queue_id).await;
        house.outlined(&held).await;
        let page = format!("/inbox?q=id&at={}", held.id);
        let page = session.get(&page).await.text();
        for payload in some {
            found.look_for("envelope", &page, payload);
        }
    }
    let list = session.get("/inbox?q=to:elsewhere.test").await.text();
    for payload in for_addresses() {
        assert!(!payloads::stands_in(&list, &payload), "{payload}");
    }
    found.is_clean(100);
}

fn asked(path: &str, name: &str, value: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(name, value);
    format!("{path}?{}", query.finish())
}

async fn what_people_type_stands_in_a_page_as_text(lab: &Lab) {
    let house = House::shared(lab).await;
    let rita = house.session(&house.rita).await;
    let otto = house.session(&house.otto).await;
    let all = payloads::all();
    let mut found = Found::default();
    for some in all.chunks(IN_LOG) {
        for payload in some {
            let page = rita.get(&asked("/inbox", "q", payload)).await.text();
            found.look_for("search", &page, payload);
            let term = format!("colour:\"{}", payload.replace('"', ""));
            let page = rita.get(&asked("/inbox", "q", &term)).await.text();
            let (_, faults) = page.split_once("id=\"q-faults\"").unwrap();
            found.look_for("fault of a search", faults, &payload.replace('"', ""));
            let page = rita
                .get(&asked("/sign-in", "next", &format!("/{payload}")))
                .await
                .text();
            found.look_for("next page", &page, payload);
        }
        let log = otto.get("/log").await.text();
        for payload in some {
            found.look_for("record", &log, payload);
        }
    }
    for some in all.chunks(all.len().div_ceil(2)) {
        let login = some.join(" ");
        let form = [("login", login.as_str()), ("password", "x")];
        let page = Ask::post("/sign-in", &form).send(house.plain.address).await;
        for payload in some {
            found.look_for("login", &page.text(), payload);
        }
    }
    found.is_clean(40);
}

async fn no_payload_in_a_note_stands_in_a_page_as_a_mark(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let all = payloads::all();
    // A note has a thousand letters at most.
    let notes: Vec<&[String]> = all.chunks(10).collect();
    browsing::many(house, &sender, notes.len()).await;
    let held = house.all_of(&sender, notes.len()).await;
    let session = house.session(&house.rita).await;
    let mut found = Found::default();
    for (id, some) in held.iter().zip(notes) {
        let action = format!("/review/{id}/decide");
        let page = format!("/inbox?at={id}");
        let token = session.token(&page, &action).await;
        let note = some.join(" ");
        let form = [
            ("token", token.as_str()),
            ("decision", "discard"),
            ("note", &note),
        ];
        let decided = session.send(Ask::post(&action, &form)).await;
        assert_eq!(decided.status, 303, "{}", decided.text());
        let page = session.get(&page).await.text();
        for payload in some {
            found.look_for("note", &page, payload);
        }
    }
    found.is_clean(200);
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
    for some in payloads::all().chunks(IN_HTML) {
        let content = html(some);
        held.push(house.held(sender, &[BOB], content.as_bytes()).await);
    }
    // Each alone may do what it does not do beside others; a share of them keeps the test short.
    for payload in payloads::all().iter().step_by(8) {
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
        let frames = browser.client.find_all(Locator::Css("iframe")).await;
        let [frame] = frames.unwrap().try_into().unwrap();
        frame.enter_frame().await.unwrap();
        assert_eq!(browser.text("p").await, "begin", "its HTML is shown");
    }
    assert_eq!(foreign(&browser, &house.secure).await, []);
    browser.end().await;
}

/// Pages with payloads of all kinds: of messages, and of the one who asks.
async fn hostile_paths(house: &House, sender: &Person) -> Vec<String> {
    let mut paths = Vec::new();
    let messages: Vec<Hostile> = payloads::messages(sender).into_iter().step_by(6).collect();
    let sent = send(house, sender, &messages).await;
    for (id, tab) in sent.iter().zip(TABS.iter().cycle()) {
        paths.extend(["text", tab].map(|tab| format!("/inbox?at={id}&tab={tab}")));
    }
    for payload in payloads::all().iter().rev().step_by(12) {
        paths.push(asked("/sign-in", "next", &format!("/{payload}")));
        paths.push(asked("/inbox", "q", payload));
        // Without a colon it is no term: it is searched for and goes on record.
        paths.push(asked("/inbox", "q", &payload.replace(':', "")));
    }
    paths
}

/// Types payloads as a login that nobody has, signed out.
async fn type_a_login(browser: &Browser, desk: &ReviewDesk) {
    let login = payloads::all()
        .iter()
        .rev()
        .step_by(20)
        .fold(String::new(), |login, payload| login + " " + payload);
    browser.client.delete_all_cookies().await.unwrap();
    browser.open(&format!("{}/sign-in", desk.url)).await;
    let typed = format!(
        "void (document.getElementById('login').value = {}, \
        document.getElementById('password').value = 'x')",
        serde_json::Value::from(login)
    );
    browser.value(&typed).await;
    browser.click("form.stack button.main").await;
    browser.text("main .fault").await;
}

/// How many elements of payloads there are.
async fn marks(browser: &Browser) -> u64 {
    let marks = "document.querySelectorAll('main script, main img, main svg, main style').length";
    browser.value(marks).await.as_u64().unwrap_or_default()
}

async fn the_policy_holds_alone_where_nothing_is_escaped(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mut passwords = Passwords::new(&lab.tools);
    let rita = passwords.add("rita", &["reviewer"], "rita@corp.test").await;
    let otto = passwords.add("otto", &["auditor"], "otto@corp.test").await;
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
    let paths = hostile_paths(house, &sender).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in_at(&browser, &bare, &rita, "/inbox").await;
    let mut n_marks = 0;
    for path in &paths {
        browser.open(&format!("{}{path}", bare.url)).await;
        n_marks += marks(&browser).await;
    }
    assert!(n_marks > 20, "nothing is escaped: {n_marks}");
    type_a_login(&browser, &bare).await;
    assert!(marks(&browser).await > 5, "a login neither");
    house.sign_in_at(&browser, &bare, &otto, "/log").await;
    assert!(marks(&browser).await > 0, "the record neither");
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
