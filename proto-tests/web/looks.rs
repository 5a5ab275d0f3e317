//! How the pages look and read: without a fault for assistive programs, on the narrowest screen, in both
//! themes, in each language.

use std::sync::Arc;

use fantoccini::Locator;
use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::{
        Lab,
        browser::{Browser, Scheme, View},
        review_desk::Sitter,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        no_page_has_a_fault_that_axe_finds,
        the_narrowest_screen_shows_all_without_scrolling_sideways,
        both_themes_are_what_they_say,
        the_language_is_chosen_before_the_sign_in,
    ]
}

const BOB: &str = "bob@elsewhere.test";

/// A message with something of everything that a page can show.
async fn rich(house: &House, lab: &Lab) -> String {
    let sender = lab.person(&["Y"]).await;
    let content = "From: \"ceo@corp.test\" <x@elsewhere.test>\r\nReply-To: y@elsewhere.test\r\n\
        Subject: =?utf-8?B?5b6h6KaL56mN5pu4?= pay\u{202e}x\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nText\r\n--c\r\n\
        Content-Type: text/html\r\n\r\n<p>Other words <a href=https://bank.evil.test/>bank.test</a>\r\n\
        --c--\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n";
    let held = house
        .held(&sender, &[BOB, "in@corp.test"], content.as_bytes())
        .await;
    held.id.to_string()
}

/// The pages, with who may see each.
pub async fn pages(house: &House, lab: &Lab) -> Vec<(&'static str, Vec<String>)> {
    let id = rich(house, lab).await;
    let tab = |tab: &str| format!("/inbox?at={id}&tab={tab}");
    let messages = ["text", "html", "header", "structure", "raw"].map(tab);
    let mut reviewer = vec!["/inbox".to_owned(), "/inbox?q=colour:red".to_owned()];
    reviewer.extend(messages);
    reviewer.extend(["/preferences", "/nowhere"].map(str::to_owned));
    vec![
        ("rita", reviewer),
        (
            "otto",
            vec!["/log".to_owned(), format!("/review/{id}/timeline")],
        ),
        (
            "ada",
            ["/health", "/strays", "/settings"]
                .map(str::to_owned)
                .into(),
        ),
    ]
}

async fn no_page_has_a_fault_that_axe_finds(lab: &Lab) {
    let house = House::shared(lab).await;
    let mut faults = Vec::new();
    for (who, paths) in pages(house, lab).await {
        let sitter = sitter(house, who);
        let browser = house.browser(lab, View::default()).await;
        browser.open(&format!("{}/sign-in", house.secure.url)).await;
        faults.extend(found(&browser, "/sign-in").await);
        house.sign_in(&browser, sitter, "/").await;
        for path in paths {
            for scheme in [Scheme::Light, Scheme::Dark] {
                browser
                    .look(&View {
                        scheme,
                        ..View::default()
                    })
                    .await;
                browser.open(&format!("{}{path}", house.secure.url)).await;
                faults.extend(found(&browser, &format!("{path} {scheme:?}")).await);
            }
        }
        browser.end().await;
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Who has this name.
pub fn sitter<'a>(house: &'a House, login: &str) -> &'a Sitter {
    let mut sitters = [&house.rita, &house.otto, &house.ada].into_iter();
    sitters.find(|sitter| sitter.login == login).unwrap()
}

/// What axe finds, and where.
pub async fn found(browser: &Browser, page: &str) -> Vec<String> {
    let findings = browser.axe().await.into_iter();
    findings
        .map(|finding| format!("{page}: {finding:?}"))
        .collect()
}

async fn the_narrowest_screen_shows_all_without_scrolling_sideways(lab: &Lab) {
    let house = House::shared(lab).await;
    let (_, paths) = pages(house, lab).await.remove(0);
    let browser = house.browser(lab, View::narrow()).await;
    house.sign_in(&browser, &house.rita, "/").await;
    let mut faults = Vec::new();
    for path in paths {
        browser.open(&format!("{}{path}", house.secure.url)).await;
        let sideways = "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)\
            (document.documentElement)";
        let width = browser.value(sideways).await;
        if width != 0 {
            faults.push(format!("{path}: {width} too wide"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let back = browser.client.find(Locator::Css("main .back a")).await;
    assert!(back.is_err() || !back.unwrap().is_displayed().await.unwrap());
    browser.end().await;
}

async fn both_themes_are_what_they_say(lab: &Lab) {
    let house = House::shared(lab).await;
    let browser = house.browser(lab, View::default()).await;
    house.sign_in(&browser, &house.rita, "/preferences").await;
    let ground = async || {
        let color = browser
            .value("getComputedStyle(document.body).backgroundColor")
            .await;
        color.as_str().unwrap().to_owned()
    };
    let (light, dark) = ("rgb(246, 247, 248)", "rgb(20, 24, 28)");
    assert_eq!(ground().await, light);
    browser
        .look(&View {
            scheme: Scheme::Dark,
            ..View::default()
        })
        .await;
    assert_eq!(ground().await, dark, "as the system says");
    let form = browser
        .client
        .form(Locator::Css("main form"))
        .await
        .unwrap();
    form.set_by_name("theme", "light").await.ok();
    let select = browser.client.find(Locator::Css("#theme")).await.unwrap();
    select.select_by_value("light").await.unwrap();
    browser.click("main form button.main").await;
    browser.text(".told").await;
    assert_eq!(ground().await, light, "as the reader says");
    browser.end().await;
}

async fn the_language_is_chosen_before_the_sign_in(lab: &Lab) {
    let house = House::shared(lab).await;
    let browser = house.browser(lab, View::default()).await;
    browser.open(&format!("{}/sign-in", house.secure.url)).await;
    browser.click("[value=zh-Hant-TW]").await;
    browser.reads("h1", "登入").await;
    house.sign_in(&browser, &house.rita, "/inbox").await;
    assert_eq!(browser.text(".leave button").await, "登出");
    assert_eq!(
        browser.value("document.documentElement.lang").await,
        "zh-Hant-TW"
    );
    browser.end().await;
}
