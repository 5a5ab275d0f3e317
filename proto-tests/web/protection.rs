//! What every answer says to browsers, whatever was asked, and what odd requests and faults of ours are
//! told.

use std::{sync::Arc, time::Duration};

use libtest_mimic::Trial;
use mailhold::web::router::ROUTES;

use super::{
    alone::Alone,
    house::{House, Session},
};
use crate::{
    lab::{
        Lab,
        http::{Answer, Ask},
    },
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_browser_is_told_to_come_back_over_tls_alone_and_only_over_tls,
        no_answer_lets_another_origin_read_it,
        no_answer_can_be_taken_into_a_page_of_another_site,
        no_answer_lets_a_page_use_camera_microphone_or_place,
        a_wrong_method_is_answered_by_a_page,
        an_address_that_cannot_be_read_is_answered_by_a_page,
        a_panic_is_answered_as_a_fault_with_a_reference,
    ]
}

const BOUND: Duration = Duration::from_secs(20);
const EVIL: &str = "https://evil.test";

async fn a_browser_is_told_to_come_back_over_tls_alone_and_only_over_tls(lab: &Lab) {
    let house = House::shared(lab).await;
    let desk = &house.secure;
    for path in ["/sign-in", "/inbox", "/nowhere"] {
        let ask = Ask::get(path);
        let answer = ask.send_over_tls(desk.address, &desk.certificate.ca).await;
        let told = answer.header("strict-transport-security").unwrap();
        let seconds = told.split("max-age=").nth(1).unwrap();
        let seconds: u64 = seconds.split(';').next().unwrap().parse().unwrap();
        assert!(seconds >= 365 * 24 * 60 * 60, "{path}: {told}");
        let answer = ask.send(house.plain.address).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            None,
            "{path}: the proxy says it, who knows whether there is TLS"
        );
    }
}

/// The answers of every route with all it has: a page, a file, a refusal, whatever it is.
async fn of_every_route(house: &House, lab: &Lab) -> Vec<(String, Answer)> {
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: protection\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n\
        <p>page</p>\r\n--b\r\nContent-Type: application/pdf\r\n\
        Content-Disposition: attachment; filename=a.pdf\r\n\r\n%PDF-1.4\r\n--b--\r\n";
    let held = house.held(&sender, &["bob@elsewhere.test"], content).await;
    let sitters = [&house.rita, &house.otto, &house.ada];
    let mut answers = Vec::new();
    for sitter in sitters {
        let session = house.session(sitter).await;
        let page = session.get("/preferences").await.text();
        let style = page.split("/static/").nth(1).unwrap();
        let style = style.split('"').next().unwrap();
        for route in ROUTES {
            let part = if route.path.contains("/page/") {
                "1"
            } else {
                "2"
            };
            let path = route
                .path
                .replace("{id}", &held.id.to_string())
                .replace("{part}", part)
                .replace("{name}", style);
            let answer = ask(&session, route.method, &path).await;
            let what = format!("{} {path} as {}", route.method, sitter.login);
            answers.push((what, answer));
        }
        for (method, path) in [("get", "/nowhere"), ("delete", "/inbox")] {
            answers.push((path.to_owned(), ask(&session, method, path).await));
        }
    }
    let served = answers.iter().filter(|(_, answer)| answer.status == 200);
    assert!(served.count() > ROUTES.len(), "not refusals alone");
    answers
}

/// Asks as a page of another site has a browser ask.
async fn ask(session: &Session<'_>, method: &str, path: &str) -> Answer {
    let ask = Ask::new(&method.to_uppercase(), path).header("Origin", EVIL);
    session.send(ask).await
}

async fn no_answer_lets_another_origin_read_it(lab: &Lab) {
    let house = House::shared(lab).await;
    let mut answers = of_every_route(house, lab).await;
    let session = house.session(&house.rita).await;
    for route in ROUTES {
        let ask = Ask::new("OPTIONS", route.path)
            .header("Origin", EVIL)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "content-type");
        let answer = session.send(ask).await;
        assert!(answer.status >= 400, "{}: {}", route.path, answer.status);
        answers.push((format!("options {}", route.path), answer));
    }
    for (what, answer) in answers {
        let mut names = answer.headers.iter().map(|(name, _)| name);
        let told = names.find(|name| name.starts_with("access-control-"));
        assert_eq!(told, None, "{what}");
    }
}

async fn no_answer_can_be_taken_into_a_page_of_another_site(lab: &Lab) {
    let house = House::shared(lab).await;
    for (what, answer) in of_every_route(house, lab).await {
        let policy = answer.header("cross-origin-resource-policy");
        assert_eq!(policy, Some("same-origin"), "{what}");
        // For browsers that do not know frame-ancestors.
        let frames = answer.header("x-frame-options");
        assert_eq!(frames, Some("SAMEORIGIN"), "{what}");
    }
}

async fn no_answer_lets_a_page_use_camera_microphone_or_place(lab: &Lab) {
    let house = House::shared(lab).await;
    for (what, answer) in of_every_route(house, lab).await {
        let policy = answer.header("permissions-policy").unwrap();
        for feature in ["camera=()", "microphone=()", "geolocation=()"] {
            assert!(policy.contains(feature), "{what}: {policy}");
        }
    }
}

fn is_not_understood(answer: &Answer, status: u16, what: &str) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{what}: {text}");
    assert!(text.starts_with("<!doctype html>"), "{what}: {text}");
    assert!(text.contains("That was not understood."), "{what}: {text}");
}

async fn a_wrong_method_is_answered_by_a_page(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    for route in ROUTES {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            let knows = |known: &str| {
                let mut all = ROUTES.iter();
                all.any(|other| other.path == route.path && other.method == known)
            };
            if knows(&method.to_lowercase()) {
                continue;
            }
            let answer = session.send(Ask::new(method, route.path)).await;
            is_not_understood(&answer, 405, &format!("{method} {}", route.path));
        }
    }
}

async fn an_address_that_cannot_be_read_is_answered_by_a_page(lab: &Lab) {
    let house = House::shared(lab).await;
    let rita = house.session(&house.rita).await;
    let otto = house.session(&house.otto).await;
    let twice = "/inbox?q=a&q=b";
    is_not_understood(&rita.get(twice).await, 400, twice);
    for path in ["/log?after=first", "/log?after=1&after=2"] {
        is_not_understood(&otto.get(path).await, 400, path);
    }
}

async fn a_panic_is_answered_as_a_fault_with_a_reference(lab: &Lab) {
    // The first value that is written into a page; the page that tells of it is written as usual.
    let once = "web.escape=1*panic(of the test)->off";
    let dress = |web: crate::lab::program::Program| web.variable("FAILPOINTS", once);
    let alone = Alone::start_with(lab, |_| {}, dress).await;
    let answer = alone.send(Ask::get("/sign-in")).await;
    let text = answer.text();
    assert_eq!(answer.status, 500, "{text}");
    assert!(text.contains("A fault of our own."), "{text}");
    assert!(!text.contains("of the test"), "{text}");
    let (_, reference) = text.split_once("<code>").unwrap();
    let reference = reference.split('<').next().unwrap();
    let words = ["web.failed", reference];
    alone.desk.web.event_with(&words, BOUND).await;
    let answer = alone.send(Ask::get("/sign-in")).await;
    assert_eq!(answer.status, 200, "the desk goes on");
    alone.end().await;
}
