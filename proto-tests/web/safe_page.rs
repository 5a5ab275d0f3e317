//! The safe page of a mail's HTML as a real browser lays it out: what we write into it is read as we
//! wrote it, whatever the mail does around it.

use std::sync::Arc;

use fantoccini::Locator;
use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::{
        Lab,
        browser::{Browser, View},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_label_is_ours_and_stands_before_the_words_of_its_own_link,
        small_and_high_letters_lead_no_words_away_from_their_label,
        what_is_nested_deeply_stays_in_view_and_readable,
        the_host_of_a_link_is_read_from_left_to_right_whatever_stands_around_it,
        a_safe_page_is_in_the_language_of_its_letters,
    ]
}

const BOB: &str = "bob@elsewhere.test";

/// A browser within the frame of a message's HTML.
async fn framed(house: &House, lab: &Lab, charset: &str, html: &[u8]) -> Browser {
    let sender = lab.person(&["Y"]).await;
    let header = format!(
        "Subject: page\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset={charset}\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\n"
    );
    let content = [header.as_bytes(), html, b"\r\n"].concat();
    let held = house.held(&sender, &[BOB], &content).await;
    let browser = house.browser(lab, View::default()).await;
    let page = format!("/inbox?at={}&tab=html", held.id);
    house.sign_in(&browser, &house.rita, &page).await;
    let frame = browser.client.find(Locator::Css("iframe")).await.unwrap();
    frame.enter_frame().await.unwrap();
    browser
}

async fn the_host_of_a_link_is_read_from_left_to_right_whatever_stands_around_it(lab: &Lab) {
    let house = House::shared(lab).await;
    let link = "<a href=\"https://moc.knab.com/\">Click</a>";
    let html = [
        format!("<p><bdo dir=rtl>{link}</bdo></p>"),
        format!("<p style=\"direction:rtl;unicode-bidi:bidi-override\">{link}</p>"),
        format!("<p>&#x202e;{link}</p>"),
        format!("<p dir=rtl>\u{5d0}\u{5d1} {link}</p>"),
    ];
    let browser = framed(house, lab, "utf-8", html.concat().as_bytes()).await;
    // Where each letter of each label stands.
    let letters = "[...document.querySelectorAll('samp')].map(({ firstChild }) => \
        [...firstChild.data].map((letter, at) => { \
            const range = document.createRange(); \
            range.setStart(firstChild, at); range.setEnd(firstChild, at + 1); \
            return [letter, range.getBoundingClientRect().left]; }))";
    let labels = browser.value(letters).await;
    let labels = labels.as_array().unwrap();
    assert_eq!(labels.len(), html.len());
    for (label, html) in labels.iter().zip(&html) {
        let mut letters: Vec<(f64, &str)> = label
            .as_array()
            .unwrap()
            .iter()
            .map(|letter| (letter[1].as_f64().unwrap(), letter[0].as_str().unwrap()))
            .collect();
        letters.sort_by(|one, other| one.0.total_cmp(&other.0));
        let read: String = letters.into_iter().map(|(_, letter)| letter).collect();
        assert_eq!(read, "[moc.knab.com]", "{html}");
    }
    let text = browser.text("body").await;
    assert!(text.contains("[RLO]"), "{text}");
    browser.end().await;
}

async fn a_label_is_ours_and_stands_before_the_words_of_its_own_link(lab: &Lab) {
    let house = House::shared(lab).await;
    let html = format!(
        "<p><a href=https://evil.test>Click <b><bdi dir=ltr>[bank.com]</bdi></b>\
        <samp dir=ltr>[bank.com]</samp>{}end</a></p>\
        <p dir=rtl><a href=https://bank.com><bdi>.</bdi></a> \
        <a href=https://evil.test><bdi>Click here</bdi></a></p>\
        <p dir=rtl>\u{5d0} <a href=https://evil.test>\u{5d1}\u{5d2}</a> \u{5d3} \
        <a href=https://bank.com>x</a></p>\
        <h6 dir=rtl><span dir=rtl><bdi>m</bdi><bdi>o</bdi><bdi>c</bdi></span></h6>",
        "<br>".repeat(200)
    );
    let browser = framed(house, lab, "utf-8", html.as_bytes()).await;
    let labels = "[...document.querySelectorAll('samp')].map((label) => label.textContent)";
    let hosts = [
        "evil.test",
        "evil.test",
        "bank.com",
        "evil.test",
        "evil.test",
        "bank.com",
    ];
    let hosts: Vec<String> = hosts.iter().map(|host| format!("[{host}]")).collect();
    assert_eq!(browser.value(labels).await, serde_json::json!(hosts));
    // How far each label stands before the words behind it.
    let gaps = "[...document.querySelectorAll('samp')].map((label) => { \
        const range = document.createRange(); \
        range.selectNode(label.nextSibling); \
        const box = label.getBoundingClientRect(); \
        const beside = [...range.getClientRects()].filter(({ top, bottom }) => \
            top < box.bottom && bottom > box.top); \
        return Math.min(...beside.map(({ left }) => left)) - box.right; })";
    let gaps = browser.value(gaps).await;
    for gap in gaps.as_array().unwrap() {
        let gap = gap.as_f64().unwrap();
        assert!((-1.0..12.0).contains(&gap), "{gaps}");
    }
    // All five links have a line, and other text has none.
    let lines = "[...document.querySelectorAll('a, h6')].map((link) => \
        getComputedStyle(link).textDecorationLine).join(' ')";
    assert_eq!(browser.value(lines).await, "underline ".repeat(5) + "none");
    // What a mail makes bold has no frame.
    let frames = "['samp', 'b'].map((name) => \
        getComputedStyle(document.querySelector(name)).borderTopStyle)";
    assert_eq!(
        browser.value(frames).await,
        serde_json::json!(["solid", "none"])
    );
    let places = "[...'moc'].map((letter, at) => { \
        const range = document.createRange(); \
        const words = document.querySelector('h6 span'); words.normalize(); \
        range.setStart(words.firstChild, at); range.setEnd(words.firstChild, at + 1); \
        return range.getBoundingClientRect().left; })";
    let places = browser.value(places).await;
    let places: Vec<f64> = places
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place.as_f64().unwrap())
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    browser.end().await;
}

async fn small_and_high_letters_lead_no_words_away_from_their_label(lab: &Lab) {
    let house = House::shared(lab).await;
    let nested = |begin: &str, end: &str| {
        let (begin, end) = (begin.repeat(60), end.repeat(60));
        format!("<p><a href=https://evil.test>{begin}.{end}words</a></p>")
    };
    let html = [
        nested("<sup>", "</sup>"),
        nested("<big><sup>", "</sup></big>"),
        nested("<big>", "</big>"),
        nested("<small><sub>", "</sub></small>"),
    ];
    let browser = framed(house, lab, "utf-8", html.concat().as_bytes()).await;
    let gaps = "[...document.querySelectorAll('p')].map((line) => { \
        const range = document.createRange(); range.selectNode(line.firstChild.lastChild); \
        const words = range.getBoundingClientRect(); \
        const label = line.querySelector('samp').getBoundingClientRect(); \
        return [words.left - label.right, words.bottom - label.bottom]; })";
    let gaps = browser.value(gaps).await;
    assert_eq!(gaps.as_array().unwrap().len(), html.len());
    for gap in gaps
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|gap| gap.as_array().unwrap())
    {
        assert!(gap.as_f64().unwrap().abs() < 30.0, "{gaps}");
    }
    browser.end().await;
}

async fn what_is_nested_deeply_stays_in_view_and_readable(lab: &Lab) {
    let house = House::shared(lab).await;
    let html: Vec<String> = [
        ("<blockquote>", "</blockquote>"),
        ("<figure>", "</figure>"),
        ("<ul><li>", "</li></ul>"),
        ("<blockquote><ol><li>", "</li></ol></blockquote>"),
        ("<dl><dd>", "</dd></dl>"),
        ("<table><tr><td>", "</td></tr></table>"),
        ("<h1><div>", "</div></h1>"),
        ("<h6><div>", "</div></h6>"),
        ("<ruby>x<rt>", "</rt></ruby>"),
    ]
    .into_iter()
    .map(|(begin, end)| {
        let (begin, end) = (begin.repeat(40), end.repeat(40));
        format!("{begin}<a href=https://evil.test>words</a>{end}")
    })
    .collect();
    let browser = framed(house, lab, "utf-8", html.concat().as_bytes()).await;
    let told = "[...document.querySelectorAll('a')].map((link) => { \
        const size = parseFloat(getComputedStyle(link).fontSize); \
        const { right } = link.getBoundingClientRect(); \
        return right < innerWidth && 7 < size && size < 40 ? 'good' : right + ' ' + size; })";
    let told = browser.value(told).await;
    assert_eq!(told, serde_json::json!(vec!["good"; html.len()]));
    browser.end().await;
}

async fn a_safe_page_is_in_the_language_of_its_letters(lab: &Lab) {
    let house = House::shared(lab).await;
    // Two letters that Japanese, Chinese and Korean write differently, between signs of Japanese alone.
    let html = b"<p>\x1b$B$3$l$OD>@\\\x1b(B</p>";
    let browser = framed(house, lab, "iso-2022-jp", html).await;
    assert_eq!(browser.value("document.documentElement.lang").await, "ja");
    assert_eq!(browser.text("p").await, "これは直接");
    browser.end().await;
}
