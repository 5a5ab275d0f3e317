//! Reviewers at work in a real browser: by keys, beside each other, on a narrow screen, in the dark, in
//! another language, and without scripts.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fantoccini::{Locator, elements::Element};
use libtest_mimic::Trial;

use super::house::{House, word};
use crate::{
    lab::{
        Lab, Person,
        browser::{Browser, Scripts, View},
        eventually::eventually,
        smtp::Smtp,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut all = tests![trials.shared:
        the_slower_of_two_browsers_sees_who_has_won,
        keys_are_dead_while_somebody_types,
        keys_can_be_changed_and_switched_off,
        a_message_is_read_and_decided_without_scripts,
        every_other_page_works_without_scripts,
        the_slower_one_is_told_without_scripts,
    ];
    all.extend(tests![trials.exclusive:
        two_hundred_messages_are_decided_by_keys_each_once,
    ]);
    all
}

const BOB: &str = "bob@elsewhere.test";
const BOUND: Duration = Duration::from_secs(20);
const SITTING: usize = 200;

/// Sends so many messages over one connection, and waits until all can be decided.
pub async fn many(house: &House, sender: &Person, count: usize) {
    let mut smtp = Smtp::connect(house.postfix.smtp).await;
    for number in 0..count {
        let content = format!("Subject: sitting {number}\r\n\r\nText {number}.\r\n");
        smtp.send(&sender.address, &[BOB], content.as_bytes())
            .await
            .ok();
    }
    house.all_of(sender, count).await;
}

/// The message that is open.
pub async fn open_message(browser: &Browser) -> Option<String> {
    let id = browser
        .value("document.getElementById('pane')?.dataset.id")
        .await;
    id.as_str().map(str::to_owned)
}

async fn body(browser: &Browser) -> Element {
    browser.client.find(Locator::Css("body")).await.unwrap()
}

pub async fn press(browser: &Browser, key: &str) {
    body(browser).await.send_keys(key).await.unwrap();
}

/// Waits until another message than `before` is open, or none, and can be decided.
pub async fn moved_on(browser: &Browser, before: &Option<String>) -> Option<String> {
    let open = eventually("another message is open", BOUND, async || {
        let open = open_message(browser).await;
        if open == *before { Err(open) } else { Ok(open) }
    })
    .await;
    browser.calm().await;
    open
}

async fn two_hundred_messages_are_decided_by_keys_each_once(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    many(house, &sender, SITTING).await;
    let browser = house.browser(lab, View::default()).await;
    let list = format!("/inbox?q=from%3A{}", sender.address.replace('@', "%40"));
    house.sign_in(&browser, &house.rita, &list).await;
    press(&browser, "j").await;
    let mut open = moved_on(&browser, &None).await;
    let mut seen = BTreeSet::new();
    while let Some(id) = open {
        assert!(seen.insert(id.clone()), "{id} is shown again");
        press(&browser, "d").await;
        open = moved_on(&browser, &Some(id)).await;
    }
    assert_eq!(seen.len(), SITTING, "none is skipped");
    let sql = format!(
        "select count(*) || ' ' || count(distinct d.capture_id) || ' ' || min(d.reviewer)
            || ' ' || min(d.via) || ' ' || max(d.decision)
        from decision d join capture c using (capture_id) where c.sender = '{}'",
        sender.address
    );
    let stored = house.desk.database.execute(&sql).await;
    assert_eq!(
        stored.trim(),
        format!("{SITTING} {SITTING} rita web discard")
    );
    browser.end().await;
}

async fn the_slower_of_two_browsers_sees_who_has_won(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = format!("Subject: {}\r\n\r\nx\r\n", word());
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let page = format!("/inbox?at={}", held.id);
    let one = house.browser(lab, View::default()).await;
    let two = house.browser(lab, View::default()).await;
    house.sign_in(&one, &house.rita, &page).await;
    house.sign_in(&two, &house.robert, &page).await;
    one.text("#pane .release").await;
    two.text("#pane .release").await;
    press(&one, "r").await;
    house.desk.settled(&held.queue_id).await;
    press(&two, "d").await;
    let told = two.text(".told").await;
    assert!(
        told.contains("rita decided at") && told.contains("release"),
        "{told}"
    );
    let settled = house.desk.settled(&held.queue_id).await;
    assert_eq!(settled["state"], "released");
    one.end().await;
    two.end().await;
}

async fn keys_are_dead_while_somebody_types(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = format!("Subject: {}\r\n\r\nx\r\n", word());
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let browser = house.browser(lab, View::default()).await;
    let page = format!("/inbox?at={}", held.id);
    house.sign_in(&browser, &house.rita, &page).await;
    press(&browser, "n").await;
    let note = browser.client.active_element().await.unwrap();
    assert_eq!(note.attr("id").await.unwrap().as_deref(), Some("note"));
    note.send_keys("drbjk").await.unwrap();
    assert_eq!(note.prop("value").await.unwrap().as_deref(), Some("drbjk"));
    assert_eq!(open_message(&browser).await, Some(held.id.to_string()));
    let composing = "(() => { const key = new KeyboardEvent('keydown', \
         { key: 'd', isComposing: true, bubbles: true, cancelable: true }); \
         document.body.dispatchEvent(key); return key.defaultPrevented; })()";
    assert_eq!(
        browser.value(composing).await,
        false,
        "an input method is at work"
    );
    assert_eq!(house.desk.held(&held.queue_id).await["state"], "held");
    browser.end().await;
}

async fn keys_can_be_changed_and_switched_off(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = format!("Subject: {}\r\n\r\nx\r\n", word());
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in(&browser, &house.rita, "/preferences").await;
    let set = async |name: &str, value: &str| {
        let form = browser
            .client
            .form(Locator::Css("main form"))
            .await
            .unwrap();
        form.set_by_name(name, value).await.unwrap();
    };
    let save = async || {
        browser.click("main form button.main").await;
        browser.text(".told").await
    };
    set("key_discard", "q").await;
    save().await;
    let page = format!("{}/inbox?at={}", house.secure.url, held.id);
    browser.open(&page).await;
    press(&browser, "d").await;
    assert_eq!(browser.text(".discard kbd").await, "q");
    assert_eq!(house.desk.held(&held.queue_id).await["state"], "held");
    browser
        .open(&format!("{}/preferences", house.secure.url))
        .await;
    browser.click("[name=keys_on]").await;
    save().await;
    browser.open(&page).await;
    press(&browser, "q").await;
    assert_eq!(open_message(&browser).await, Some(held.id.to_string()));
    assert_eq!(house.desk.held(&held.queue_id).await["state"], "held");
    browser.end().await;
}

/// A browser that runs no scripts.
async fn without_scripts(house: &House, lab: &Lab) -> Browser {
    let view = View {
        scripts: Scripts::Off,
        ..View::default()
    };
    house.browser(lab, view).await
}

async fn a_message_is_read_and_decided_without_scripts(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let content = format!("Subject: {subject}\r\n\r\nRead me.\r\n");
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let browser = without_scripts(house, lab).await;
    house
        .sign_in(&browser, &house.rita, &format!("/inbox?q={subject}"))
        .await;
    browser.click(".lines a").await;
    assert!(browser.text(".body").await.contains("Read me."));
    for tab in ["html", "header", "structure", "raw", "text"] {
        browser.click(&format!(".tabs a[href$='tab={tab}']")).await;
        browser.text(".tabs [aria-current]").await;
    }
    let note = browser.client.find(Locator::Css("#note")).await.unwrap();
    note.send_keys("without a script").await.unwrap();
    browser.click(".decide .discard").await;
    assert!(browser.text(".empty").await.contains("Nothing here"));
    let settled = house.desk.settled(&held.queue_id).await;
    assert_eq!(settled["decided"]["note"], "without a script");
    browser.click(".leave button").await;
    browser.text("#password").await;
    browser.end().await;
}

async fn every_other_page_works_without_scripts(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    house
        .held(&sender, &[BOB], b"Subject: x\r\n\r\nx\r\n")
        .await;
    let browser = without_scripts(house, lab).await;
    browser.open(&format!("{}/sign-in", house.secure.url)).await;
    for (language, heading) in [("zh-Hant-TW", "登入"), ("en", "Sign in")] {
        browser
            .click(&format!(".languages [value={language}]"))
            .await;
        browser.reads("h1", heading).await;
    }
    house.sign_in(&browser, &house.rita, "/preferences").await;
    let theme = browser.client.find(Locator::Css("#theme")).await.unwrap();
    theme.select_by_value("dark").await.unwrap();
    browser.click("main form button.main").await;
    assert_eq!(browser.text(".told").await, "Saved.");
    let chosen = "document.documentElement.dataset.theme";
    assert_eq!(browser.value(chosen).await, "dark");
    browser.click(".leave button").await;
    // A look at a message is on the record, which leads to all that was done with it.
    let rita = house.session(&house.rita).await;
    let id = house.all_of(&sender, 1).await.remove(0);
    assert_eq!(rita.get(&format!("/inbox?at={id}")).await.status, 200);
    house.sign_in(&browser, &house.otto, "/log").await;
    browser
        .click(&format!("td a[href='/review/{id}/timeline']"))
        .await;
    let table = browser.text("main table").await;
    assert!(table.contains("rita looked at it"), "{table}");
    browser.click(".leave button").await;
    house.sign_in(&browser, &house.ada, "/health").await;
    for place in ["strays", "settings", "health"] {
        browser.click(&format!(".top nav a[href='/{place}']")).await;
        let here = format!(".top nav a[href='/{place}'][aria-current]");
        browser.text(&here).await;
        browser.text("main table caption").await;
    }
    browser.end().await;
}

async fn the_slower_one_is_told_without_scripts(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = house
        .held(&sender, &[BOB], b"Subject: x\r\n\r\nx\r\n")
        .await;
    let browser = without_scripts(house, lab).await;
    let page = format!("/inbox?at={}", held.id);
    house.sign_in(&browser, &house.rita, &page).await;
    let robert = house.session(&house.robert).await;
    assert_eq!(robert.decide(&held, "release").await.status, 303);
    browser.click(".decide .discard").await;
    let told = browser.text(".told").await;
    assert!(told.contains("You were not the first."), "{told}");
    assert!(told.contains("robert decided at"), "{told}");
    let settled = house.desk.settled(&held.queue_id).await;
    assert_eq!(settled["state"], "released");
    browser.end().await;
}
