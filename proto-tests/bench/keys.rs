//! A reviewer's sitting in a real browser: how long the next message takes after a decision.

use std::{process::ExitCode, time::Instant};

use serde_json::Value;

use super::{
    report::{Report, number},
    statistics::Figure,
    verdict::{Row, Target},
};
use crate::{
    lab::{Lab, browser::View},
    web::{browsing, house::House},
};

const SITTING: usize = 200;

/// Notes for each pressed key how long it takes until another message is drawn, and of it how long until
/// the answer is there, and how long the browser takes with it.
const WATCH: &str = "window.waits = []; let pressed = 0; \
    performance.setResourceTimingBufferSize(10000); \
    const open = () => document.getElementById('pane')?.dataset.id; let before = open(); \
    document.addEventListener('keydown', () => { pressed = performance.now(); before = open(); }, true); \
    new MutationObserver(() => { if (pressed && open() !== before) { const since = pressed; pressed = 0; \
        const changed = performance.now(); \
        requestAnimationFrame(() => { const drawn = performance.now(); \
            const sent = performance.getEntriesByType('resource') \
                .filter((one) => one.initiatorType === 'fetch').at(-1); \
            window.waits.push([drawn - since, sent.responseEnd - since, changed - sent.responseEnd, \
                drawn - changed]); }); } }) \
        .observe(document.documentElement, { childList: true, subtree: true });";
/// What the noted parts are.
const PARTS: [&str; 3] = ["answered", "put into place", "drawn"];

/// Decides 200 messages by keys, one after the other.
pub async fn measure(lab: &Lab) -> ExitCode {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    browsing::many(house, &sender, SITTING).await;
    let browser = house.browser(lab, View::default()).await;
    let list = format!("/inbox?q=from%3A{}", sender.address.replace('@', "%40"));
    house.sign_in(&browser, &house.rita, &list).await;
    browsing::press(&browser, "j").await;
    let mut open = browsing::moved_on(&browser, &None).await;
    browser.client.execute(WATCH, Vec::new()).await.unwrap();
    let began = Instant::now();
    while let Some(id) = open {
        browsing::press(&browser, "d").await;
        open = browsing::moved_on(&browser, &Some(id)).await;
    }
    let sitting = began.elapsed().as_secs_f64();
    let waits = browser.value("window.waits").await;
    let waits = waits.as_array().unwrap();
    let part = |at: usize| -> Vec<f64> {
        let noted = waits.iter().filter_map(|wait| wait.get(at));
        noted.filter_map(Value::as_f64).collect()
    };
    let parts = PARTS.iter().zip(1..).map(|(name, at)| {
        let median = number(Figure::median(&part(at)).value);
        format!("{name} {median}")
    });
    let parts: Vec<String> = parts.collect();
    let waits = part(0);
    browser.end().await;
    let mut report = Report::default();
    let median = number(Figure::median(&waits).value);
    let next = Row::new(
        "the next message is drawn after a decision, p95".to_owned(),
        Figure::quantile(&waits, 0.95),
        Target::AtMost(100.0),
    );
    report.add(next.unit("ms").fact(format!(
        "{} decisions; p50 {median} ms: {}",
        waits.len(),
        parts.join(", ")
    )));
    let whole = Row::new(
        format!("{SITTING} messages decided by keys"),
        Figure::plain(sitting),
        Target::AtMost(60.0),
    );
    report.add(whole.unit("s"));
    report.print();
    report.exit_code()
}
