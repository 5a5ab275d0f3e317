//! What comes too early or too often: nothing is decided that nobody has read, and nothing that was typed
//! is lost or taken for a key. In a real browser.

use std::sync::Arc;

use libtest_mimic::Trial;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions};

use super::{
    browsing::{moved_on, open_message, press},
    house::House,
    keys::{Sitting, focus, tap},
    waiting::{HOLD_BACK, LET_GO, are_off, says},
};
use crate::{
    lab::{
        Lab,
        browser::{BOUND, Browser, View},
        eventually::{eventually, eventually_true},
        postgres::OWNER,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_double_click_decides_one_message,
        two_quick_taps_decide_one_message,
        a_double_tap_on_a_line_of_the_list_decides_nothing,
        a_key_that_is_hit_twice_decides_one_message,
        a_key_counts_on_no_message_that_has_only_just_come,
        the_note_of_one_message_is_not_put_into_the_next_one,
        what_is_typed_while_a_page_is_on_its_way_goes_on_in_its_field,
        an_input_method_at_work_keeps_the_page_until_it_is_done,
        a_refusal_is_told_to_a_reader_who_has_gone_back_meanwhile,
        a_note_stays_where_the_session_has_ended,
        the_note_of_the_slower_one_is_shown_once_more,
        a_decision_arrives_whose_reader_goes_elsewhere,
    ]
}

/// What a mouse sends that is pressed and let go there; the system counts clicks by time and place.
async fn click_at(browser: &Browser, place: (f64, f64), count: u32) {
    for kind in ["mousePressed", "mouseReleased"] {
        let event = json!({
            "type": kind, "x": place.0, "y": place.1, "button": "left", "clickCount": count,
        });
        browser.command("Input.dispatchMouseEvent", &event).await;
    }
}

async fn middle_of_discard(browser: &Browser) -> (f64, f64) {
    let middle = "(({ x, y, width, height }) => [x + width / 2, y + height / 2])\
        (document.querySelector('.decide .discard').getBoundingClientRect())";
    let middle = browser.value(middle).await;
    (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap())
}

async fn a_double_click_decides_one_message(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    // What was decided is told above the buttons from now on: they stay where they are.
    sitting.step('d', sitting.id(0), sitting.id(1)).await;
    let place = middle_of_discard(browser).await;
    let count = "void (window.counts = [], addEventListener('click', ({ detail, target }) => \
        window.counts.push([detail, target.closest('.verbs button')?.className]), true))";
    browser.value(count).await;
    click_at(browser, place, 1).await;
    assert_eq!(moved_on(browser, &sitting.id(1)).await, sitting.id(2));
    // However slow this is: time alone must not tell.
    let begun = browser.value("performance.now()").await.as_f64().unwrap();
    let is_later = format!("performance.now() > {begun} + 500");
    eventually_true("half a second is over", BOUND, async || {
        browser.value(&is_later).await == true
    })
    .await;
    click_at(browser, place, 2).await;
    // The browser counts on, although the button is another one.
    let counts = browser.value("window.counts").await;
    assert_eq!(counts, json!([[1, "discard"], [2, "discard"]]));
    says(browser, "did not count").await;
    assert!(!are_off(browser).await);
    assert_eq!(sitting.decided(house).await, 2);
    // A click of its own counts, on the button where it is now.
    let place = middle_of_discard(browser).await;
    click_at(browser, place, 1).await;
    assert_eq!(moved_on(browser, &sitting.id(2)).await, None);
    assert_eq!(sitting.decided(house).await, 3);
    sitting.browser.end().await;
}

/// A touch screen may count every tap as a first one. The second one is of a tenth of a second later, whenever it
/// is served.
async fn two_quick_taps_decide_one_message(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::narrow()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let note = "void addEventListener('click', (event) => { window.first = event.timeStamp; }, \
        { once: true, capture: true })";
    browser.value(note).await;
    browser.click(".decide .discard").await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    let again = "(() => { const tap = new PointerEvent('click', \
            { detail: 1, bubbles: true, cancelable: true }); \
        Object.defineProperty(tap, 'timeStamp', { value: window.first + 100 }); \
        return document.querySelector('.decide .discard').dispatchEvent(tap); })()";
    assert_eq!(browser.value(again).await, false);
    says(browser, "did not count").await;
    assert!(!are_off(browser).await);
    assert_eq!(sitting.decided(house).await, 1);
    // What is meant for the next message counts.
    sitting.step('d', sitting.id(1), sitting.id(2)).await;
    assert_eq!(sitting.decided(house).await, 2);
    sitting.browser.end().await;
}

/// The second tap is one of a moment after the page has begun, whenever it is served.
async fn a_double_tap_on_a_line_of_the_list_decides_nothing(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::narrow()).await;
    let browser = &sitting.browser;
    browser.click(".lines li a").await;
    assert_eq!(moved_on(browser, &None).await, sitting.id(0));
    let again = "(() => { const tap = new PointerEvent('click', \
            { detail: 1, bubbles: true, cancelable: true }); \
        Object.defineProperty(tap, 'timeStamp', { value: 100 }); \
        return document.querySelector('.decide .discard').dispatchEvent(tap); })()";
    assert_eq!(browser.value(again).await, false);
    says(browser, "did not count").await;
    assert_eq!(sitting.decided(house).await, 0);
    browser.click(".decide .discard").await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    assert_eq!(sitting.decided(house).await, 1);
    sitting.browser.end().await;
}

/// A press of the key for discarding, with the time of a script's expression.
async fn discard_as_of(browser: &Browser, time: &str) {
    let press = format!(
        "void (() => {{ const key = new KeyboardEvent('keydown', \
            {{ key: 'd', bubbles: true, cancelable: true }}); \
        Object.defineProperty(key, 'timeStamp', {{ value: {time} }}); \
        document.activeElement.dispatchEvent(key); }})()"
    );
    browser.value(&press).await;
}

/// The second press is one of a tenth of a second later, whenever it is served.
async fn a_key_that_is_hit_twice_decides_one_message(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let note = "void addEventListener('keydown', (event) => { window.first = event.timeStamp; }, \
        { once: true, capture: true })";
    browser.value(note).await;
    sitting.step('d', sitting.id(0), sitting.id(1)).await;
    discard_as_of(browser, "window.first + 100").await;
    says(browser, "did not count").await;
    assert!(!are_off(browser).await, "nothing is on its way");
    assert_eq!(open_message(browser).await, sitting.id(1));
    assert_eq!(sitting.decided(house).await, 1);
    sitting.step('d', sitting.id(1), sitting.id(2)).await;
    assert_eq!(sitting.decided(house).await, 2);
    sitting.browser.end().await;
}

/// Where the answer was slow a reader hits the key once more. That press is one of a twentieth of a second after
/// the next message came, whenever it is served.
async fn a_key_counts_on_no_message_that_has_only_just_come(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let note = "void new MutationObserver(() => { window.came ??= performance.now(); })\
        .observe(document.getElementById('main').parentNode, { childList: true })";
    browser.value(note).await;
    browser.value(HOLD_BACK).await;
    tap(browser, 'd').await;
    // Longer than the pause after a press.
    says(browser, "Working").await;
    let begun = browser.value("performance.now()").await.as_f64().unwrap();
    let is_later = format!("performance.now() > {begun} + 200");
    eventually_true("the answer is slow", BOUND, async || {
        browser.value(&is_later).await == true
    })
    .await;
    browser.value(LET_GO).await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    discard_as_of(browser, "window.came + 50").await;
    says(browser, "did not count").await;
    assert_eq!(sitting.decided(house).await, 1);
    sitting.step('d', sitting.id(1), sitting.id(2)).await;
    assert_eq!(sitting.decided(house).await, 2);
    sitting.browser.end().await;
}

async fn the_note_of_one_message_is_not_put_into_the_next_one(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    for (at, typed) in [(0, ""), (1, "x")] {
        write_note(browser, "asked Anna").await;
        browser.value(HOLD_BACK).await;
        tap(browser, 'd').await;
        tap(browser, 'n').await;
        for letter in typed.chars() {
            tap(browser, letter).await;
        }
        browser.value(LET_GO).await;
        assert_eq!(moved_on(browser, &sitting.id(at)).await, sitting.id(at + 1));
        assert_eq!(focus(browser).await, "note");
        let note = browser.value("document.getElementById('note').value").await;
        assert_eq!(note, typed);
        browser.value("document.activeElement.blur()").await;
    }
    let ids = [0, 1].map(|at| format!("'{}'", sitting.held[at].id));
    let sql = format!(
        "select count(*) from decision where capture_id in ({}) and note = 'asked Anna'",
        ids.join(", ")
    );
    assert_eq!(house.desk.database.execute(&sql).await.trim(), "2");
    sitting.browser.end().await;
}

async fn what_is_typed_while_a_page_is_on_its_way_goes_on_in_its_field(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    for (at, key, verb) in [(0, '/', 'j'), (1, 'n', 'd')] {
        browser.value(HOLD_BACK).await;
        tap(browser, verb).await;
        tap(browser, key).await;
        let field = focus(browser).await;
        for letter in ['d', 'r'] {
            tap(browser, letter).await;
        }
        browser.value(LET_GO).await;
        assert_eq!(moved_on(browser, &sitting.id(at)).await, sitting.id(at + 1));
        assert_eq!(focus(browser).await, field, "by {key:?}");
        tap(browser, 'd').await;
        let value = format!("document.getElementById('{field}').value");
        let typed = browser.value(&value).await;
        assert!(typed.as_str().unwrap().contains("drd"), "{typed}");
        assert_eq!(sitting.decided(house).await, at);
        browser.value("document.activeElement.blur()").await;
    }
    sitting.browser.end().await;
}

async fn an_input_method_at_work_keeps_the_page_until_it_is_done(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    browser.value(HOLD_BACK).await;
    tap(browser, 'j').await;
    tap(browser, '/').await;
    let begun = json!({ "text": "k", "selectionStart": 1, "selectionEnd": 1 });
    browser.command("Input.imeSetComposition", &begun).await;
    // The page is there, and read.
    let read = "void (() => { const real = DOMParser.prototype.parseFromString; \
        DOMParser.prototype.parseFromString = function (...given) { \
            window.isRead = true; return real.apply(this, given); }; })()";
    browser.value(read).await;
    browser.value(LET_GO).await;
    eventually_true("the page is read", BOUND, async || {
        browser.value("window.isRead === true").await == true
    })
    .await;
    assert_eq!(open_message(browser).await, sitting.id(0));
    let done = json!({ "text": "\u{5951}" });
    browser.command("Input.insertText", &done).await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    assert_eq!(focus(browser).await, "q");
    let typed = browser.value("document.getElementById('q').value").await;
    assert!(typed.as_str().unwrap().contains('\u{5951}'), "{typed}");
    sitting.browser.end().await;
}

async fn a_refusal_is_told_to_a_reader_who_has_gone_back_meanwhile(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    sitting.step('j', sitting.id(0), sitting.id(1)).await;
    let forge = "void (document.querySelector('.decide [name=token]').value = 'forged')";
    browser.value(forge).await;
    browser.value(HOLD_BACK).await;
    tap(browser, 'd').await;
    browser.client.back().await.unwrap();
    browser.value(LET_GO).await;
    assert_eq!(moved_on(browser, &sitting.id(1)).await, sitting.id(0));
    let fault = browser.text("#pane #fault").await;
    assert!(fault.starts_with("The form was too old"), "{fault}");
    assert_eq!(sitting.decided(house).await, 0);
    sitting.browser.end().await;
}

async fn write_note(browser: &Browser, text: &str) {
    let write = format!("void (document.getElementById('note').value = '{text}')");
    browser.value(&write).await;
}

async fn a_note_stays_where_the_session_has_ended(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    browser.client.delete_all_cookies().await.unwrap();
    write_note(browser, "asked Anna").await;
    browser.click(".decide .discard").await;
    says(browser, "You are signed out").await;
    let note = browser.value("document.getElementById('note').value").await;
    assert_eq!(note, "asked Anna");
    assert_eq!(open_message(browser).await, sitting.id(0));
    // Without one nothing is lost on the way.
    write_note(browser, "").await;
    browser.click(".decide .discard").await;
    browser.text("form.stack [name=password]").await;
    assert_eq!(sitting.decided(house).await, 0);
    sitting.browser.end().await;
}

async fn the_note_of_the_slower_one_is_shown_once_more(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    write_note(browser, "asked Anna").await;
    let robert = house.session(&house.robert).await;
    let answer = robert.decide(&sitting.held[0], "release").await;
    assert_eq!(answer.status, 303);
    press(browser, "d").await;
    says(browser, "Your note was not stored: asked Anna").await;
    let told = browser.text(".told").await;
    assert!(told.contains("robert decided at"), "{told}");
    sitting.browser.end().await;
}

async fn a_decision_arrives_whose_reader_goes_elsewhere(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let database = &house.desk.database;
    let options: PgConnectOptions = database.url(OWNER).parse().unwrap();
    let options = options.password(&database.login(OWNER).password);
    let mut lock = PgConnection::connect_with(&options).await.unwrap();
    let id = sitting.held[0].id;
    let hold = format!("begin; select from capture where capture_id = '{id}' for update");
    lock.execute(sqlx::AssertSqlSafe(hold)).await.unwrap();
    browser.click(".decide .discard").await;
    eventually("the decision waits for the lock", BOUND, async || {
        let sql = "select count(*) from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'";
        let count = database.execute(sql).await;
        if count.trim() == "0" {
            Err(count)
        } else {
            Ok(())
        }
    })
    .await;
    let log = format!("{}/preferences", house.secure.url);
    browser.client.goto(&log).await.unwrap();
    browser.text("main form button.main").await;
    lock.execute("rollback").await.unwrap();
    let settled = house.desk.settled(&sitting.held[0].queue_id).await;
    assert_eq!(settled["state"], "discarded");
    sitting.browser.end().await;
}
