//! The keys of the desk in a real browser: pressed as by a hand, where the focus is.

use std::sync::Arc;

use fantoccini::{
    actions::{InputSource as _, KeyAction, KeyActions},
    key::Key,
};
use libtest_mimic::Trial;
use serde_json::json;

use super::{
    browsing::{moved_on, open_message},
    house::{Held, House, word},
};
use crate::{
    lab::{
        Lab,
        browser::{Browser, View},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        j_and_k_and_the_arrows_move_through_the_list,
        enter_opens_a_message_and_then_leads_to_its_heading,
        r_releases_b_returns_and_d_discards,
        a_slash_leads_to_the_search_and_writes_nothing_into_it,
        a_question_mark_shows_the_keys_and_escape_gives_the_focus_back,
        no_key_does_anything_while_the_keys_are_shown,
        the_keys_are_shown_on_every_page,
        a_key_that_is_held_down_moves_on_and_decides_nothing,
        a_key_with_control_alt_or_meta_is_the_browsers,
    ]
}

const BOB: &str = "bob@elsewhere.test";

/// A browser with a list in which three messages wait, the oldest first.
pub struct Sitting {
    pub browser: Browser,
    pub held: [Held; 3],
    /// The word in their subjects.
    pub subject: String,
}

impl Sitting {
    pub async fn begin(house: &House, lab: &Lab, view: View) -> Self {
        let sender = lab.person(&["Y"]).await;
        let subject = word();
        let content = format!(
            "From: {}\r\nSubject: {subject}\r\n\r\nText.\r\n",
            sender.address
        );
        let send = async || house.held(&sender, &[BOB], content.as_bytes()).await;
        let held = [send().await, send().await, send().await];
        let browser = house.browser(lab, view).await;
        let list = format!("/inbox?q={subject}");
        house.sign_in(&browser, &house.rita, &list).await;
        Self {
            browser,
            held,
            subject,
        }
    }

    /// The name of one of the three.
    pub fn id(&self, at: usize) -> Option<String> {
        Some(self.held[at].id.to_string())
    }

    /// Presses a key that leads from a message to another one, or to none.
    pub async fn step(&self, key: char, from: Option<String>, to: Option<String>) {
        tap(&self.browser, key).await;
        let open = moved_on(&self.browser, &from).await;
        assert_eq!(open, to, "by {key:?}");
    }

    /// How many of the three are decided.
    pub async fn decided(&self, house: &House) -> usize {
        let ids = self.held.each_ref().map(|held| format!("'{}'", held.id));
        let sql = format!(
            "select count(*) from decision where capture_id in ({})",
            ids.join(", ")
        );
        let count = house.desk.database.execute(&sql).await;
        count.trim().parse().unwrap()
    }
}

/// Presses a key where the focus is, and lets it go.
pub async fn tap(browser: &Browser, value: char) {
    let keys = KeyActions::new("keys".to_owned())
        .then(KeyAction::Down { value })
        .then(KeyAction::Up { value });
    browser.client.perform_actions(keys).await.unwrap();
}

/// What has the focus: its ID or, without one, what kind of element it is.
pub async fn focus(browser: &Browser) -> String {
    let what = "(({ id, localName }) => id || localName)(document.activeElement)";
    browser.value(what).await.as_str().unwrap().to_owned()
}

async fn is_shown(browser: &Browser) -> bool {
    let is_open = "document.getElementById('keys-help').open";
    browser.value(is_open).await.as_bool().unwrap()
}

async fn j_and_k_and_the_arrows_move_through_the_list(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let [first, second, third] = [0, 1, 2].map(|at| sitting.id(at));
    let (down, up) = (Key::Down.into(), Key::Up.into());
    let steps = [
        ('j', &None, &first),
        ('j', &first, &second),
        (down, &second, &third),
        (up, &third, &second),
        ('k', &second, &first),
    ];
    for (key, from, to) in steps {
        sitting.step(key, from.clone(), to.clone()).await;
        assert_eq!(focus(&sitting.browser).await, "pane-heading", "by {key:?}");
    }
    // There is nothing before the first one.
    tap(&sitting.browser, 'k').await;
    sitting.step('j', first, second).await;
    sitting.browser.end().await;
}

async fn enter_opens_a_message_and_then_leads_to_its_heading(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    for key in [Key::Enter.into(), 'o'] {
        browser
            .open(&format!("{}/inbox?q={}", house.secure.url, sitting.subject))
            .await;
        sitting.step(key, None, sitting.id(0)).await;
        browser.value("document.activeElement.blur()").await;
        assert_eq!(focus(browser).await, "body");
        tap(browser, key).await;
        assert_eq!(focus(browser).await, "pane-heading", "by {key:?}");
        assert_eq!(open_message(browser).await, sitting.id(0));
    }
    sitting.browser.end().await;
}

async fn r_releases_b_returns_and_d_discards(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    sitting.step('j', None, sitting.id(0)).await;
    let acts = [('r', "released"), ('b', "returned"), ('d', "discarded")];
    for (at, (key, fate)) in acts.into_iter().enumerate() {
        let next = sitting.held.get(at + 1).map(|held| held.id.to_string());
        sitting.step(key, sitting.id(at), next).await;
        let settled = house.desk.settled(&sitting.held[at].queue_id).await;
        assert_eq!(settled["state"], fate, "by {key:?}");
    }
    sitting.browser.end().await;
}

async fn a_slash_leads_to_the_search_and_writes_nothing_into_it(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    let typed = async || {
        let value = browser.value("document.getElementById('q').value").await;
        value.as_str().unwrap().to_owned()
    };
    sitting.step('j', None, sitting.id(0)).await;
    tap(browser, '/').await;
    assert_eq!(focus(browser).await, "q");
    assert_eq!(typed().await, sitting.subject);
    tap(browser, '/').await;
    assert!(typed().await.contains('/'), "now it is typed");
    tap(browser, Key::Escape.into()).await;
    assert_eq!(focus(browser).await, "body");
    sitting.step('j', sitting.id(0), sitting.id(1)).await;
    sitting.browser.end().await;
}

async fn a_question_mark_shows_the_keys_and_escape_gives_the_focus_back(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    tap(browser, '?').await;
    assert!(is_shown(browser).await);
    let text = browser.text("#keys-help").await;
    for title in [
        "Next message",
        "Release",
        "Discard",
        "Return to sender",
        "Search",
    ] {
        assert!(text.contains(title), "{title}: {text}");
    }
    let is_inside = "!!document.activeElement.closest('dialog')";
    assert_eq!(browser.value(is_inside).await, true, "the focus is in it");
    tap(browser, Key::Escape.into()).await;
    assert!(!is_shown(browser).await);
    assert_eq!(focus(browser).await, "pane-heading");
    sitting.browser.end().await;
}

async fn no_key_does_anything_while_the_keys_are_shown(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    tap(browser, '?').await;
    for key in ['r', 'd', 'b', 'j', 'k', 'n', '/', Key::Down.into()] {
        tap(browser, key).await;
        assert!(is_shown(browser).await, "{key:?}");
        let is_inside = "!!document.activeElement.closest('dialog')";
        assert_eq!(browser.value(is_inside).await, true, "{key:?}");
    }
    tap(browser, Key::Escape.into()).await;
    // Whatever a key had begun would be in the way of this one, or lead from another message.
    sitting.step('j', sitting.id(0), sitting.id(1)).await;
    assert_eq!(sitting.decided(house).await, 0);
    sitting.browser.end().await;
}

async fn the_keys_are_shown_on_every_page(lab: &Lab) {
    let house = House::shared(lab).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in(&browser, &house.otto, "/log").await;
    for path in ["/log", "/preferences"] {
        browser.open(&format!("{}{path}", house.secure.url)).await;
        tap(&browser, '?').await;
        assert!(is_shown(&browser).await, "{path}");
    }
    browser.end().await;
}

/// Whether a key has just gone down, or stays down: then a keyboard repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
    First,
    Repeated,
}

/// What a keyboard sends of a key that is not let go.
async fn hold_down(browser: &Browser, key: char, stroke: Stroke) {
    let event = json!({
        "type": "keyDown", "key": key, "text": key, "autoRepeat": stroke == Stroke::Repeated,
        "windowsVirtualKeyCode": u32::from(key.to_ascii_uppercase()),
    });
    browser.command("Input.dispatchKeyEvent", &event).await;
}

async fn let_go(browser: &Browser, key: char) {
    let event = json!({ "type": "keyUp", "key": key });
    browser.command("Input.dispatchKeyEvent", &event).await;
}

async fn a_key_that_is_held_down_moves_on_and_decides_nothing(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    hold_down(browser, 'd', Stroke::First).await;
    assert_eq!(moved_on(browser, &sitting.id(0)).await, sitting.id(1));
    for _ in 0..5 {
        hold_down(browser, 'd', Stroke::Repeated).await;
    }
    let_go(browser, 'd').await;
    // A decision that is on its way would be in the way of this one.
    hold_down(browser, 'j', Stroke::Repeated).await;
    assert_eq!(moved_on(browser, &sitting.id(1)).await, sitting.id(2));
    let_go(browser, 'j').await;
    assert_eq!(
        sitting.decided(house).await,
        1,
        "the one of the first stroke"
    );
    sitting.browser.end().await;
}

async fn a_key_with_control_alt_or_meta_is_the_browsers(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    for modifier in ["ctrlKey", "altKey", "metaKey"] {
        for key in ["r", "d", "b", "j"] {
            let pressed = format!(
                "(() => {{ const key = new KeyboardEvent('keydown', \
                {{ key: '{key}', {modifier}: true, bubbles: true, cancelable: true }}); \
                document.body.dispatchEvent(key); return key.defaultPrevented; }})()"
            );
            assert_eq!(browser.value(&pressed).await, false, "{modifier} {key}");
        }
    }
    sitting.step('j', sitting.id(0), sitting.id(1)).await;
    assert_eq!(sitting.decided(house).await, 0);
    sitting.browser.end().await;
}
