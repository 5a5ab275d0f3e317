//! The browser of the lab sees what is wrong with a page: a check that cannot fail proves nothing.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    routing::get,
};
use libtest_mimic::Trial;
use tokio::{net::TcpListener, task::AbortHandle};

use crate::{
    lab::{
        Lab,
        browser::{BOUND, Browser, Scheme, Scripts, View},
        eventually::eventually,
        program::running_in,
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_record_has_every_request_of_page_and_frames,
        axe_finds_a_fault_and_none_in_a_good_page,
        scripts_run_unless_they_are_off,
        what_a_policy_forbids_is_complained_about,
        a_page_is_as_wide_and_as_dark_as_it_is_to_be,
        nothing_is_left_of_a_browser_that_has_ended,
    ]
}

const GOOD: &str =
    "<!doctype html><html lang=en><title>Good</title><main><h1>Good</h1><p>Text</main>";
const BAD: &str = "<!doctype html><html lang=en><title>Bad</title><main><h1>Bad</h1>
    <img src='http://foreign.test/a.png'>
    <iframe title=a sandbox src=/frame></iframe>
    <iframe title=b sandbox srcdoc=\"<img alt='' src='http://foreign.test/c.png'>\"></iframe></main>";
const FRAME: &str =
    "<!doctype html><style>body { background: url(http://foreign.test/b.png) }</style>";
const SCRIPTED: &str = "<!doctype html><html lang=en><title>Scripted</title><p id=word>still</p>
    <script>document.getElementById('word').textContent = 'run'</script>";
const SCHEMES: &str = "<!doctype html><html lang=en><title>Schemes</title>
    <style>p { color: rgb(1, 1, 1) }
    @media (prefers-color-scheme: dark) { p { color: rgb(2, 2, 2) } }
    @media (max-width: 320px) { p { font-weight: 900 } }</style><p id=word>seen</p>";

/// Pages on a port of their own.
struct Pages {
    address: SocketAddr,
    server: AbortHandle,
}

impl Pages {
    async fn serve() -> Self {
        let page =
            |text: &'static str| get(move || async move { ([(CONTENT_TYPE, "text/html")], text) });
        let strict = [
            (CONTENT_TYPE, "text/html"),
            (CONTENT_SECURITY_POLICY, "script-src 'none'"),
        ];
        let router = Router::new()
            .route("/good", page(GOOD))
            .route("/bad", page(BAD))
            .route("/frame", page(FRAME))
            .route("/scripted", page(SCRIPTED))
            .route("/schemes", page(SCHEMES))
            .route("/strict", get(move || async move { (strict, SCRIPTED) }))
            .route("/favicon.ico", get(|| async {}));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            server: serving.abort_handle(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn the_record_has_every_request_of_page_and_frames(lab: &Lab) {
    let pages = Pages::serve().await;
    let browser = Browser::start(&lab.tools, &View::default()).await;
    browser.open(&pages.url("/good")).await;
    let own = format!("http://{}/", pages.address);
    let foreign = |urls: Vec<String>| -> Vec<String> {
        urls.into_iter()
            .filter(|url| !url.starts_with(&own))
            .collect()
    };
    let mut seen: Vec<String> = urls(&browser).await;
    assert!(seen.contains(&pages.url("/good")), "{seen:?}");
    assert_eq!(foreign(seen), [""; 0]);

    browser.open(&pages.url("/bad")).await;
    seen = Vec::new();
    let wanted = ["a", "b", "c"].map(|name| format!("http://foreign.test/{name}.png"));
    eventually("all foreign requests are recorded", BOUND, async || {
        seen.extend(urls(&browser).await);
        let are_there = wanted.iter().all(|url| seen.contains(url));
        if are_there { Ok(()) } else { Err(seen.clone()) }
    })
    .await;
    browser.end().await;
}

async fn urls(browser: &Browser) -> Vec<String> {
    let requests = browser.requests().await.into_iter();
    requests.map(|request| request.url).collect()
}

async fn axe_finds_a_fault_and_none_in_a_good_page(lab: &Lab) {
    let pages = Pages::serve().await;
    let browser = Browser::start(&lab.tools, &View::default()).await;
    browser.open(&pages.url("/bad")).await;
    let found = browser.axe().await;
    let fault = found.iter().find(|finding| finding.rule == "image-alt");
    assert!(
        fault.is_some_and(|fault| !fault.places.is_empty()),
        "{found:?}"
    );
    browser.open(&pages.url("/good")).await;
    assert_eq!(browser.axe().await, []);
    browser.end().await;
}

async fn scripts_run_unless_they_are_off(lab: &Lab) {
    let pages = Pages::serve().await;
    let mut view = View::default();
    let browser = Browser::start(&lab.tools, &view).await;
    browser.open(&pages.url("/scripted")).await;
    assert_eq!(browser.text("#word").await, "run");
    view.scripts = Scripts::Off;
    browser.look(&view).await;
    browser.open(&pages.url("/scripted")).await;
    assert_eq!(browser.text("#word").await, "still");
    browser.end().await;
}

async fn what_a_policy_forbids_is_complained_about(lab: &Lab) {
    let pages = Pages::serve().await;
    let browser = Browser::start(&lab.tools, &View::default()).await;
    browser.open(&pages.url("/good")).await;
    let complaints = browser.complaints().await;
    assert!(
        !complaints.iter().any(|one| one.is_of_policy()),
        "{complaints:?}"
    );
    browser.open(&pages.url("/strict")).await;
    assert_eq!(browser.text("#word").await, "still");
    let complaints = browser.complaints().await;
    assert!(
        complaints.iter().any(|one| one.is_of_policy()),
        "{complaints:?}"
    );
    browser.end().await;
}

async fn a_page_is_as_wide_and_as_dark_as_it_is_to_be(lab: &Lab) {
    let pages = Pages::serve().await;
    let browser = Browser::start(&lab.tools, &View::default()).await;
    browser.open(&pages.url("/schemes")).await;
    let style = "getComputedStyle(document.getElementById('word'))";
    let colour = format!("{style}.color");
    let weight = format!("{style}.fontWeight");
    assert_eq!(browser.value(&colour).await, "rgb(1, 1, 1)");
    assert_eq!(browser.value(&weight).await, "400");
    let dark = View {
        scheme: Scheme::Dark,
        ..View::narrow()
    };
    browser.look(&dark).await;
    assert_eq!(browser.value(&colour).await, "rgb(2, 2, 2)");
    assert_eq!(browser.value(&weight).await, "900");
    assert_eq!(browser.value("innerWidth").await, 320);
    let picture = lab.tools.place.path().join("narrow.png");
    browser.picture(&picture).await;
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    browser.end().await;
}

async fn nothing_is_left_of_a_browser_that_has_ended(lab: &Lab) {
    let pages = Pages::serve().await;
    for is_dropped in [false, true] {
        let browser = Browser::start(&lab.tools, &View::default()).await;
        browser.open(&pages.url("/good")).await;
        let home = browser.home().to_owned();
        assert!(!running_in(&home).is_empty());
        if is_dropped {
            drop(browser);
        } else {
            browser.end().await;
        }
        eventually("all its processes have ended", BOUND, async || {
            let left = running_in(&home);
            if left.is_empty() { Ok(()) } else { Err(left) }
        })
        .await;
    }
}
