//! Pages without a fault for assistive programs where they are not what they usually are: in another
//! language, on the narrowest screen, under a dialog, and with nothing left to show.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::{
    browsing::moved_on,
    house::{House, word},
    keys::{Sitting, focus, tap},
    looks::{found, pages, sitter},
};
use crate::{
    lab::{
        Lab,
        browser::{Scheme, View},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_page_in_chinese_has_a_fault_that_axe_finds,
        no_page_on_the_narrowest_screen_has_a_fault_that_axe_finds,
        the_keys_that_are_shown_have_no_fault_that_axe_finds,
        an_empty_list_that_tells_the_last_decision_has_no_fault_that_axe_finds,
    ]
}

/// What axe finds on all pages, in a language.
async fn faults(lab: &Lab, view: &View, language: &str) -> Vec<String> {
    let house = House::shared(lab).await;
    let mut faults = Vec::new();
    for (who, paths) in pages(house, lab).await {
        let browser = house.browser(lab, view.clone()).await;
        let choose = format!("{}/sign-in?language={language}", house.secure.url);
        browser.open(&choose).await;
        faults.extend(found(&browser, "/sign-in").await);
        house.sign_in(&browser, sitter(house, who), "/").await;
        for path in paths {
            browser.open(&format!("{}{path}", house.secure.url)).await;
            let tag = browser.value("document.documentElement.lang").await;
            assert_eq!(tag, language, "{path}");
            faults.extend(found(&browser, &path).await);
        }
        browser.end().await;
    }
    faults
}

async fn no_page_in_chinese_has_a_fault_that_axe_finds(lab: &Lab) {
    let faults = faults(lab, &View::default(), "zh-Hant-TW").await;
    assert!(faults.is_empty(), "{faults:#?}");
}

async fn no_page_on_the_narrowest_screen_has_a_fault_that_axe_finds(lab: &Lab) {
    let faults = faults(lab, &View::narrow(), "en").await;
    assert!(faults.is_empty(), "{faults:#?}");
}

async fn the_keys_that_are_shown_have_no_fault_that_axe_finds(lab: &Lab) {
    let house = House::shared(lab).await;
    let sitting = Sitting::begin(house, lab, View::default()).await;
    let browser = &sitting.browser;
    sitting.step('j', None, sitting.id(0)).await;
    tap(browser, '?').await;
    let mut faults = Vec::new();
    let dark = View {
        scheme: Scheme::Dark,
        ..View::default()
    };
    for view in [View::default(), dark, View::narrow()] {
        browser.look(&view).await;
        assert!(browser.text("dialog[open]").await.contains("Release"));
        faults.extend(found(browser, &format!("{view:?}")).await);
    }
    assert!(faults.is_empty(), "{faults:#?}");
    sitting.browser.end().await;
}

async fn an_empty_list_that_tells_the_last_decision_has_no_fault_that_axe_finds(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let subject = word();
    let content = format!("Subject: {subject}\r\n\r\nText.\r\n");
    let recipients = ["bob@elsewhere.test"];
    let held = house.held(&sender, &recipients, content.as_bytes()).await;
    let browser = house.browser(lab, View::default()).await;
    let page = format!("/inbox?q={subject}&at={}", held.id);
    house.sign_in(&browser, &house.rita, &page).await;
    tap(&browser, 'd').await;
    assert_eq!(moved_on(&browser, &Some(held.id.to_string())).await, None);
    let told = browser.text(".told").await;
    assert!(told.contains("Nothing else waits here."), "{told}");
    assert_eq!(browser.text(".empty").await, "Nothing here.");
    assert_eq!(focus(&browser).await, "main");
    let faults = found(&browser, "the empty list").await;
    assert!(faults.is_empty(), "{faults:#?}");
    browser.end().await;
}
