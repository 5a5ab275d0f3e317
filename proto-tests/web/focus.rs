//! Where the focus is, for those who see no pointer: after a decision, by the tab key, past the menu.

use std::sync::Arc;

use fantoccini::key::Key;
use libtest_mimic::Trial;

use super::{
    browsing::moved_on,
    house::House,
    keys::{Sitting, focus, tap},
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
        a_decision_by_key_gives_the_focus_to_the_heading_of_the_next_message,
        a_decision_by_its_button_gives_the_focus_to_the_heading_of_the_next_message,
        the_tab_key_leads_to_search_list_decision_and_tabs_in_this_order,
        the_first_stroke_of_the_tab_key_leads_to_a_way_past_the_menu,
    ]
}

/// More than any page has places for the focus.
const MOST: usize = 80;

async fn a_decision_by_key_gives_the_focus_to_the_heading_of_the_next_message(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    sitting.step('j', None, sitting.id(0)).await;
    // From somewhere else, so that the focus has to move.
    tap(&sitting.browser, Key::Tab.into()).await;
    assert_ne!(focus(&sitting.browser).await, "pane-heading");
    sitting.step('d', sitting.id(0), sitting.id(1)).await;
    is_at_heading(&sitting).await;
    sitting.browser.end().await;
}

async fn a_decision_by_its_button_gives_the_focus_to_the_heading_of_the_next_message(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    let button = "document.querySelector('.decide .discard').focus()";
    browser.value(button).await;
    tap(browser, Key::Enter.into()).await;
    let open = moved_on(browser, &sitting.id(0)).await;
    assert_eq!(open, sitting.id(1));
    is_at_heading(&sitting).await;
    sitting.browser.end().await;
}

async fn is_at_heading(sitting: &Sitting) {
    let browser = &sitting.browser;
    assert_eq!(focus(browser).await, "pane-heading");
    let heading = browser.value("document.activeElement.textContent").await;
    assert_eq!(heading.as_str(), Some(sitting.subject.as_str()));
}

/// The part of the page in which the focus is, if it is one of those that are asked for.
async fn part(browser: &Browser) -> String {
    let part = "((at) => at.closest('#q') ? 'search' : at.closest('.lines') ? 'list' \
        : at.closest('.verbs') ? 'decision' : at.closest('.tabs') ? 'tabs' : '')\
        (document.activeElement)";
    browser.value(part).await.as_str().unwrap().to_owned()
}

async fn the_tab_key_leads_to_search_list_decision_and_tabs_in_this_order(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    let page = format!(
        "{}/inbox?q={}&at={}",
        house.secure.url, sitting.subject, sitting.held[0].id
    );
    browser.open(&page).await;
    let mut order: Vec<String> = Vec::new();
    let mut n_strokes = 0;
    while n_strokes < MOST && order.last().is_none_or(|last| last != "tabs") {
        tap(browser, Key::Tab.into()).await;
        n_strokes += 1;
        let part = part(browser).await;
        if !part.is_empty() && order.last() != Some(&part) {
            order.push(part);
        }
    }
    assert_eq!(order, ["search", "list", "decision", "tabs"]);
    sitting.browser.end().await;
}

async fn the_first_stroke_of_the_tab_key_leads_to_a_way_past_the_menu(lab: &Lab) {
    let house = House::shared(lab).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in(&browser, &house.rita, "/inbox").await;
    for path in ["/inbox", "/preferences", "/nowhere"] {
        browser.open(&format!("{}{path}", house.secure.url)).await;
        tap(&browser, Key::Tab.into()).await;
        let is_seen = "(({ left, top, width }) => left >= 0 && top >= 0 && width > 0)\
            (document.activeElement.getBoundingClientRect())";
        assert_eq!(browser.value(is_seen).await, true, "{path}");
        let text = browser.value("document.activeElement.textContent").await;
        assert_eq!(text.as_str(), Some("Skip to the content"), "{path}");
        tap(&browser, Key::Enter.into()).await;
        assert_eq!(focus(&browser).await, "main", "{path}");
    }
    browser.end().await;
}
