//! Who is let in, what every answer says, and what is refused whatever it asks for.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::House;
use crate::{
    lab::{Lab, http::Ask},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        nobody_sees_anything_before_the_sign_in,
        a_session_is_a_cookie_for_this_host_alone_and_new_each_time,
        a_wrong_password_is_told_without_a_hint,
        many_wrong_passwords_are_slowed_down,
        a_sign_out_ends_the_session_for_good,
        another_sign_in_ends_the_session_before,
        a_form_after_the_session_leads_to_the_sign_in_and_nowhere_else,
        another_host_is_misdirected,
        every_answer_says_what_a_browser_must_not_do,
        a_form_without_its_token_is_refused,
        a_token_of_another_session_or_act_is_refused,
        a_form_of_another_site_is_refused,
        nothing_is_changed_by_get,
        a_form_that_is_too_long_is_refused,
        what_is_not_there_is_a_page_that_says_so,
        the_first_load_is_small_and_needs_nothing_from_elsewhere,
    ]
}

async fn nobody_sees_anything_before_the_sign_in(lab: &Lab) {
    let house = House::shared(lab).await;
    let answer = Ask::get("/inbox?q=a").send(house.plain.address).await;
    assert_eq!(answer.status, 303);
    assert_eq!(
        answer.header("location"),
        Some("/sign-in?next=%2Finbox%3Fq%3Da")
    );
}

async fn a_session_is_a_cookie_for_this_host_alone_and_new_each_time(lab: &Lab) {
    let house = House::shared(lab).await;
    let form = [
        ("login", house.rita.login.as_str()),
        ("password", house.rita.password.as_str()),
        ("next", "//evil.test"),
    ];
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let answer = Ask::post("/sign-in", &form).send(house.plain.address).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), Some("/"));
        let cookie = answer.header("set-cookie").unwrap().to_owned();
        for word in [
            "__Host-session=",
            "HttpOnly",
            "SameSite=Strict",
            "Secure",
            "Path=/",
        ] {
            assert!(cookie.contains(word), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        let token = answer.cookie("__Host-session").unwrap();
        assert!(token.len() >= 43, "256 bits: {token}");
        tokens.push(token);
    }
    assert_ne!(tokens[0], tokens[1]);
    let sql = "select count(*) from web_session where token_hash = convert_to('TOKEN', 'UTF8')";
    let stored = sql.replace("TOKEN", &tokens[0]);
    assert_eq!(house.desk.database.execute(&stored).await.trim(), "0");
}

async fn a_wrong_password_is_told_without_a_hint(lab: &Lab) {
    let house = House::shared(lab).await;
    let mut pages = Vec::new();
    for (login, password) in [
        ("robert", "wrong"),
        ("nobody-at-all", "wrong"),
        ("robert", ""),
    ] {
        let form = [("login", login), ("password", password)];
        let answer = Ask::post("/sign-in", &form).send(house.plain.address).await;
        assert_eq!(answer.status, 401);
        assert!(answer.cookie("__Host-session").is_none());
        pages.push(answer.text().replace(login, ""));
    }
    assert_eq!(pages[0], pages[1]);
    assert_eq!(pages[0], pages[2]);
}

async fn many_wrong_passwords_are_slowed_down(lab: &Lab) {
    let house = House::shared(lab).await;
    let form = [("login", "guessed"), ("password", "wrong")];
    let mut statuses = Vec::new();
    for _ in 0..12 {
        // As from a client of its own, behind the proxy.
        let ask = Ask::post("/sign-in", &form).header("X-Forwarded-For", "192.0.2.99");
        statuses.push(ask.send(house.plain.address).await.status);
    }
    assert_eq!(statuses.first(), Some(&401), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
}

async fn a_sign_out_ends_the_session_for_good(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.otto).await;
    let token = session.token("/log", "/sign-out").await;
    let answer = session
        .send(Ask::post("/sign-out", &[("token", &token)]))
        .await;
    assert_eq!(answer.status, 303);
    assert!(answer.header("clear-site-data").is_some());
    assert_eq!(session.get("/log").await.status, 303, "the old cookie");
}

async fn another_sign_in_ends_the_session_before(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.otto).await;
    let form = [
        ("login", house.otto.login.as_str()),
        ("password", &house.otto.password),
    ];
    let again = session.send(Ask::post("/sign-in", &form)).await;
    assert_eq!(again.status, 303);
    assert_eq!(session.get("/log").await.status, 303, "the old cookie");
}

async fn a_form_after_the_session_leads_to_the_sign_in_and_nowhere_else(lab: &Lab) {
    let house = House::shared(lab).await;
    let id = "01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f";
    let decide = Ask::post(&format!("/review/{id}/decide"), &[("decision", "release")]);
    let answer = decide.send(house.plain.address).await;
    assert_eq!(answer.status, 303);
    let place = format!("/sign-in?next=%2Finbox%3Fat%3D{id}");
    assert_eq!(answer.header("location"), Some(place.as_str()));
}

async fn another_host_is_misdirected(lab: &Lab) {
    let house = House::shared(lab).await;
    for host in ["evil.test", "localhost", ""] {
        let ask = Ask::get("/sign-in").header("Host", host);
        let answer = ask.send(house.plain.address).await;
        let text = answer.text();
        assert_eq!(answer.status, 421, "{host}: {text}");
        assert!(
            text.contains("This is not the address of this desk."),
            "{text}"
        );
    }
}

async fn every_answer_says_what_a_browser_must_not_do(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    for path in ["/sign-in", "/inbox", "/nowhere", "/inbox?q=from:", "/log"] {
        let answer = session.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(
            answer.header("referrer-policy"),
            Some("no-referrer"),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        assert_eq!(
            answer.header("cross-origin-opener-policy"),
            Some("same-origin")
        );
        let kind = answer.header("content-type").unwrap();
        assert!(kind.contains("charset=utf-8"), "{path}: {kind}");
    }
}

async fn a_form_without_its_token_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let held = house
        .send(
            &sender,
            &["bob@elsewhere.test"],
            b"Subject: token\r\n\r\nx\r\n",
        )
        .await;
    let session = house.session(&house.rita).await;
    let decide = format!("/review/{}/decide", held.id);
    for (path, form) in [
        (
            decide.as_str(),
            vec![("token", ""), ("decision", "release")],
        ),
        (
            decide.as_str(),
            vec![("token", "00"), ("decision", "discard")],
        ),
        ("/sign-out", vec![("token", "x")]),
        ("/preferences", vec![("theme", "dark")]),
    ] {
        let answer = session.send(Ask::post(path, &form)).await;
        assert_eq!(answer.status, 403, "{path}: {}", answer.text());
    }
    let review = house.desk.held(&held.queue_id).await;
    assert_eq!(review["state"], "held");
}

async fn a_token_of_another_session_or_act_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: token\r\n\r\nx\r\n";
    let held = house.send(&sender, &["bob@elsewhere.test"], content).await;
    let other = house.send(&sender, &["bob@elsewhere.test"], content).await;
    let (rita, robert) = tokio::join!(house.session(&house.rita), house.session(&house.robert));
    let page = format!("/inbox?at={}", held.id);
    let action = format!("/review/{}/decide", held.id);
    let token = rita.token(&page, &action).await;
    let form = [("token", token.as_str()), ("decision", "discard")];
    assert_eq!(robert.send(Ask::post(&action, &form)).await.status, 403);
    let foreign = format!("/review/{}/decide", other.id);
    assert_eq!(rita.send(Ask::post(&foreign, &form)).await.status, 403);
    let sign_out = rita.token(&page, "/sign-out").await;
    let form = [("token", sign_out.as_str()), ("decision", "discard")];
    assert_eq!(rita.send(Ask::post(&action, &form)).await.status, 403);
}

async fn a_form_of_another_site_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.ada).await;
    let token = session.token("/health", "/sign-out").await;
    for site in ["cross-site", "same-site"] {
        let ask = Ask::post("/sign-out", &[("token", &token)]).header("Sec-Fetch-Site", site);
        assert_eq!(session.send(ask).await.status, 403, "{site}");
    }
    assert_eq!(session.get("/health").await.status, 200);
}

async fn nothing_is_changed_by_get(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    for path in [
        "/sign-out",
        "/review/01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f/decide",
    ] {
        assert_eq!(session.get(path).await.status, 405, "{path}");
    }
    assert_eq!(session.get("/inbox").await.status, 200);
}

async fn a_form_that_is_too_long_is_refused(lab: &Lab) {
    let house = House::shared(lab).await;
    let long = "x".repeat(70_000);
    let form = [("login", long.as_str()), ("password", "x")];
    let answer = Ask::post("/sign-in", &form).send(house.plain.address).await;
    assert_eq!(answer.status, 413);
}

async fn what_is_not_there_is_a_page_that_says_so(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    for path in [
        "/nowhere",
        "/inbox?at=nonsense",
        "/inbox?at=01997e1c-5b7a-7c3e-9d2f-0a1b2c3d4e5f",
        "/review/../../etc/passwd/raw",
    ] {
        let answer = session.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.text().contains("There is no such thing here"),
            "{path}"
        );
    }
}

async fn the_first_load_is_small_and_needs_nothing_from_elsewhere(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    let page = session.get("/inbox").await;
    let text = page.text();
    let mut size = page.body.len();
    let sources = text
        .split(['"'])
        .filter(|part| part.starts_with("/static/"));
    for source in sources {
        let asset = session.get(source).await;
        assert_eq!(asset.status, 200, "{source}");
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
        size += asset.body.len();
    }
    assert!(size <= 300_000, "{size} bytes");
    assert!(
        !text.contains("http://") && !text.contains("https://"),
        "{text}"
    );
}
