//! While a page is on its way, and when it is there: what is said, what counts, and where a reader finds
//! himself. In a real browser.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    browsing::{moved_on, open_message},
    house::House,
    keys::{Sitting, tap},
};
use crate::{
    lab::{
        Lab,
        browser::{BOUND, Browser, View},
        eventually::eventually,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_next_message_is_read_from_its_beginning_on_a_narrow_screen,
        who_waits_is_told_so_and_sees_that_the_verbs_are_off,
        a_decision_that_meets_a_page_on_its_way_is_told_and_not_made,
        a_second_press_on_a_slow_decision_is_nothing_to_be_told,
        a_note_stays_where_its_decision_is_refused,
        where_no_answer_comes_that_is_seen_and_the_verbs_are_on_again,
        back_and_forward_show_the_right_message_and_decide_nothing,
    ]
}

/// Holds back what the page asks for next, until it is let go.
pub(super) const HOLD_BACK: &str = "void (() => { const real = window.fetch; \
    window.fetch = (...asked) => new Promise((go) => { \
        window.letGo = () => { window.fetch = real; go(); }; }).then(() => real(...asked)); })()";
pub(super) const LET_GO: &str = "void window.letGo()";

/// Whether the verbs are off.
pub(super) async fn are_off(browser: &Browser) -> bool {
    let off = "[...document.querySelectorAll('.verbs button')]\
        .map((verb) => verb.getAttribute('aria-disabled') === 'true')";
    let off = browser.value(off).await;
    let off = off.as_array().unwrap();
    assert_eq!(off.len(), 3);
    assert!(off.iter().all(|one| *one == off[0]), "{off:?}");
    off[0].as_bool().unwrap()
}

/// The words of the status, and how wide they are seen.
async fn status(browser: &Browser) -> (String, f64) {
    let status = "(() => { const at = document.getElementById('status'); \
        return [at.textContent, at.getBoundingClientRect().width]; })()";
    let status = browser.value(status).await;
    let text = status[0].as_str().unwrap().to_owned();
    (text, status[1].as_f64().unwrap())
}

pub(super) async fn says(browser: &Browser, wanted: &str) {
    eventually("the page says so", BOUND, async || {
        let (text, _) = status(browser).await;
        if text.contains(wanted) {
            Ok(())
        } else {
            Err(text)
        }
    })
    .await;
}

async fn the_next_message_is_read_from_its_beginning_on_a_narrow_screen(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::narrow()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    browser
        .value("void scrollTo(0, document.body.scrollHeight)")
        .await;
    let y = browser.value("scrollY").await.as_f64().unwrap();
    assert!(y > 200.0, "it is scrolled: {y}");
    // The button is there all the time, and invites to decide.
    browser.click(".decide .discard").await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    let is_seen = "(({ top, bottom }) => top >= 0 && bottom <= innerHeight \
        && bottom <= document.querySelector('.decide').getBoundingClientRect().top)\
        (document.getElementById('pane-heading').getBoundingClientRect())";
    assert_eq!(browser.value(is_seen).await, true);
    sitting.browser.end().await;
}

async fn who_waits_is_told_so_and_sees_that_the_verbs_are_off(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    assert!(!are_off(browser).await);
    browser.value(HOLD_BACK).await;
    tap(browser, 'd').await;
    assert!(are_off(browser).await);
    says(browser, "Working").await;
    let (_, width) = status(browser).await;
    assert!(width > 40.0, "it is seen: {width}");
    browser.value(LET_GO).await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    assert!(!are_off(browser).await);
    let (text, width) = status(browser).await;
    assert!(text.contains("Decided: discard."), "{text}");
    assert!(width < 2.0, "what is told stands in the page: {width}");
    assert_eq!(sitting.decided(house).await, 1);
    sitting.browser.end().await;
}

async fn a_decision_that_meets_a_page_on_its_way_is_told_and_not_made(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    for (at, verb) in [".decide .release", "d"].into_iter().enumerate() {
        browser.value(HOLD_BACK).await;
        tap(browser, 'j').await;
        match verb {
            "d" => tap(browser, 'd').await,
            button => browser.click(button).await,
        }
        assert_eq!(open_message(browser).await, sitting.id(at));
        browser.value(LET_GO).await;
        assert_eq!(moved_on(browser, &sitting.id(at)).await, sitting.id(at + 1));
        let told = browser.text("#pane #fault").await;
        assert!(told.contains("did not count"), "{verb}: {told}");
        says(browser, "did not count").await;
        assert_eq!(sitting.decided(house).await, 0, "{verb}");
    }
    sitting.step('d', sitting.id(2), sitting.id(0)).await;
    assert_eq!(sitting.decided(house).await, 1);
    let left = "document.querySelectorAll('#fault').length";
    assert_eq!(browser.value(left).await, 0, "it is told once");
    sitting.browser.end().await;
}

async fn a_second_press_on_a_slow_decision_is_nothing_to_be_told(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    browser.value(HOLD_BACK).await;
    tap(browser, 'r').await;
    tap(browser, 'r').await;
    browser.click(".decide .release").await;
    browser.value(LET_GO).await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    says(browser, "Decided: release.").await;
    let faults = "document.querySelectorAll('#fault').length";
    assert_eq!(browser.value(faults).await, 0);
    assert_eq!(sitting.decided(house).await, 1);
    sitting.browser.end().await;
}

async fn a_note_stays_where_its_decision_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let write = |note: &str| format!("void (document.getElementById('note').value = '{note}')");
    let token = "document.querySelector('.decide [name=token]').value";
    let own = browser.value(token).await;
    let forge = format!("void ({token} = 'forged')");
    let mend = format!("void ({token} = {own})");
    let long = "n".repeat(1_001);
    let refusals = [
        (&forge, "asked Anna", "The form was too old"),
        (&mend, &long, "The note is longer than 1,000 characters."),
    ];
    for (prepare, note, told) in refusals {
        browser.value(prepare).await;
        browser.value(&write(note)).await;
        browser.click(".decide .discard").await;
        says(browser, told).await;
        let fault = browser.text("#pane #fault").await;
        assert!(fault.starts_with(told), "{fault}");
        assert_eq!(
            browser.value("document.getElementById('note').value").await,
            *note
        );
        assert_eq!(open_message(browser).await, sitting.id(0));
        assert!(!are_off(browser).await);
        assert_eq!(sitting.decided(house).await, 0);
    }
    // What is mended is stored, and the fault is gone.
    browser.value(&write("asked Anna")).await;
    browser.click(".decide .discard").await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    let faults = "document.querySelectorAll('#fault').length";
    assert_eq!(browser.value(faults).await, 0);
    let settled = house.desk.settled(&sitting.held[0].queue_id).await;
    assert_eq!(settled["decided"]["note"], "asked Anna");
    sitting.browser.end().await;
}

async fn where_no_answer_comes_that_is_seen_and_the_verbs_are_on_again(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::narrow()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let cut = "void (() => { const real = window.fetch; \
        window.fetch = async () => { window.fetch = real; throw new TypeError(); }; })()";
    browser.value(cut).await;
    browser
        .value("void scrollTo(0, document.body.scrollHeight)")
        .await;
    tap(browser, 'd').await;
    assert!(browser.text("#fault").await.contains("No answer."));
    let is_seen = "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)\
        (document.getElementById('fault').getBoundingClientRect())";
    assert_eq!(browser.value(is_seen).await, true);
    assert!(!are_off(browser).await);
    assert_eq!(sitting.decided(house).await, 0);
    sitting.step('d', sitting.id(0), sitting.id(1)).await;
    sitting.browser.end().await;
}

async fn back_and_forward_show_the_right_message_and_decide_nothing(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    let [first, second, third] = [0, 1, 2].map(|at| sitting.id(at));
    sitting.step('j', None, first.clone()).await;
    sitting.step('j', first.clone(), second.clone()).await;
    sitting.step('d', second.clone(), third.clone()).await;
    // What was decided is shown again, and its form is not.
    browser.client.back().await.unwrap();
    assert_eq!(moved_on(browser, &third).await, second);
    let standing = browser.text(".standing").await;
    assert!(!standing.is_empty(), "{standing}");
    let n_forms = "document.querySelectorAll('.decide').length";
    assert_eq!(browser.value(n_forms).await, 0);
    browser.client.back().await.unwrap();
    assert_eq!(moved_on(browser, &second).await, first);
    browser.client.back().await.unwrap();
    assert_eq!(moved_on(browser, &first).await, None, "the list");
    browser.client.forward().await.unwrap();
    assert_eq!(moved_on(browser, &None).await, first);
    // Two at once: the page that is on its way is not the one to stay.
    browser.value("void history.go(2)").await;
    assert_eq!(moved_on(browser, &first).await, third);
    browser.value("void (history.back(), history.back())").await;
    eventually("the first is open", BOUND, async || {
        let open = open_message(browser).await;
        if open == first { Ok(()) } else { Err(open) }
    })
    .await;
    browser.calm().await;
    let address = browser.client.current_url().await.unwrap().to_string();
    assert!(address.contains(&first.unwrap()), "{address}");
    assert_eq!(sitting.decided(house).await, 1);
    // A decision is made on what is seen.
    sitting.step('d', sitting.id(0), third).await;
    assert_eq!(sitting.decided(house).await, 2);
    sitting.browser.end().await;
}
