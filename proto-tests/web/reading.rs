//! What a reviewer reads of a message: senders that differ, files, safe pages, doubts, the search.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::house::{House, word};
use crate::{
    lab::{Lab, http::Ask},
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        senders_that_differ_are_warned_about,
        all_recipients_are_shown_and_those_outside_are_marked,
        the_mark_of_the_list_looks_at_every_recipient,
        the_domains_of_many_recipients_are_counted_and_those_outside_marked,
        a_doubtful_message_is_shown_raw_first_and_can_be_decided,
        a_message_that_ends_its_reader_is_shown_raw_and_can_be_decided,
        a_file_is_only_ever_downloaded,
        a_safe_page_has_a_policy_of_its_own,
        hidden_signs_are_named,
        a_message_is_found_by_what_people_remember,
        an_unknown_search_term_is_told_under_the_field,
        pages_are_in_the_readers_language,
        a_message_that_waits_too_long_is_late,
        a_view_a_search_and_a_download_are_on_record,
    ]
}

const BOB: &str = "bob@elsewhere.test";

/// The page of a message with these header lines and this body.
async fn page(house: &House, lab: &Lab, recipients: &[&str], content: &str, tab: &str) -> String {
    let sender = lab.person(&["Y"]).await;
    let content = content.replace("SENDER", &sender.address);
    let held = house.held(&sender, recipients, content.as_bytes()).await;
    let session = house.session(&house.rita).await;
    let tab = if tab.is_empty() {
        String::new()
    } else {
        format!("&tab={tab}")
    };
    let answer = session.get(&format!("/inbox?at={}{tab}", held.id)).await;
    assert_eq!(answer.status, 200);
    answer.text()
}

async fn senders_that_differ_are_warned_about(lab: &Lab) {
    let house = House::shared(lab).await;
    let content = "From: \"boss@corp.test\" <SENDER>\r\nSender: other@corp.test\r\n\
        Reply-To: away@elsewhere.test\r\nSubject: x\r\n\r\nx\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    for warning in [
        "Another sender is named (Sender):",
        "Answers go elsewhere (Reply-To):",
        "looks like another address:",
    ] {
        assert!(text.contains(warning), "{warning}: {text}");
    }
    let content = "From: somebody@elsewhere.test\r\nSubject: x\r\n\r\nx\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    assert!(
        text.contains("The author shown is not who sent it:"),
        "{text}"
    );
    let content = "From: SENDER\r\nSubject: x\r\n\r\nx\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    assert!(!text.contains("class=\"warnings\""), "{text}");
}

async fn all_recipients_are_shown_and_those_outside_are_marked(lab: &Lab) {
    let house = House::shared(lab).await;
    let recipients = [BOB, "in@corp.test", "hidden@partner.test"];
    let content = "From: SENDER\r\nTo: bob@elsewhere.test\r\nSubject: x\r\n\r\nx\r\n";
    let text = page(house, lab, &recipients, content, "").await;
    assert!(text.contains("Goes to 3 recipients"), "{text}");
    let facts = text.split("Goes to 3 recipients").nth(1).unwrap();
    let facts = facts.split("</dd>").next().unwrap();
    assert!(facts.contains("hidden@partner.test"), "Bcc too: {facts}");
    assert_eq!(facts.matches(">external<").count(), 2, "{facts}");
}

async fn the_mark_of_the_list_looks_at_every_recipient(lab: &Lab) {
    let house = House::shared(lab).await;
    let ours = ["a@corp.test", "b@corp.test", "c@corp.test", "d@corp.test"];
    let session = house.session(&house.rita).await;
    let line = async |recipients: &[&str]| {
        let sender = lab.person(&["Y"]).await;
        house
            .held(&sender, recipients, b"Subject: x\r\n\r\nx\r\n")
            .await;
        let path = format!("/inbox?q=from:{}", sender.address);
        let text = session.get(&path).await.text();
        let (_, line) = text.split_once("class=\"lines\"").unwrap();
        line.split("</ol>").next().unwrap().to_owned()
    };
    let outside = [&ours[..], &["hidden@partner.test"]].concat();
    let marked = line(&outside).await;
    assert!(marked.contains(">external<"), "{marked}");
    assert!(!marked.contains("hidden@partner.test"), "{marked}");
}

async fn the_domains_of_many_recipients_are_counted_and_those_outside_marked(lab: &Lab) {
    let house = House::shared(lab).await;
    let ours = (0..21).map(|number| format!("p{number}@corp.test"));
    let outside = (0..21).map(|number| format!("p@d{number}.test"));
    let all: Vec<String> = ours.chain(outside).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let text = page(house, lab, &all, "Subject: x\r\n\r\nx\r\n", "").await;
    let (_, facts) = text.split_once("Goes to 42 recipients").unwrap();
    let facts = facts.split("<details").next().unwrap();
    assert!(facts.contains("d0.test × 1"), "{facts}");
    assert_eq!(facts.matches(">external<").count(), 20, "{facts}");
    assert!(facts.contains("and 2 more domains"), "{facts}");
}

async fn a_doubtful_message_is_shown_raw_first_and_can_be_decided(lab: &Lab) {
    let house = House::shared(lab).await;
    let content = "From: SENDER\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n\
        --a\r\n\r\nfor you\r\n--a--\r\n--b\r\n\r\nfor them\r\n--b--\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    assert!(
        text.contains("Programs may read this message in different ways."),
        "{text}"
    );
    assert!(text.contains("a parameter is given twice"), "{text}");
    assert!(
        text.contains("class=\"raw\"") && text.contains("for them"),
        "{text}"
    );
    assert!(text.contains("class=\"decide\""), "{text}");
}

/// The reader of the shared house lives; this one has its readers die.
async fn a_message_that_ends_its_reader_is_shown_raw_and_can_be_decided(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: deadly\r\n\r\nraw text\r\n";
    let held = house.held(&sender, &[BOB], content).await;
    // As the outline process leaves a message that has ended its reader twice.
    let sql = format!(
        "delete from listing_waiting where capture_id = '{id}';
        delete from listing where capture_id = '{id}';
        delete from outline_content where capture_id = '{id}';
        update outline set status = 'failed', reason = 'crashed', document = null
        where capture_id = '{id}'",
        id = held.id
    );
    house.desk.database.execute(&sql).await;
    let session = house.session(&house.rita).await;
    let text = session.get(&format!("/inbox?at={}", held.id)).await.text();
    assert!(text.contains("cannot be taken apart"), "{text}");
    assert!(text.contains("raw text"), "{text}");
    assert_eq!(session.decide(&held, "discard").await.status, 303);
}

async fn a_file_is_only_ever_downloaded(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: file\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n\
        --b\r\nContent-Type: text/html; name=\"page.html\"\r\n\
        Content-Disposition: attachment; filename=\"page.html\"\r\n\r\n\
        <script>alert(1)</script>\r\n--b--\r\n";
    let held = house.held(&sender, &[BOB], content).await;
    let session = house.session(&house.rita).await;
    let file = session.get(&format!("/review/{}/file/2", held.id)).await;
    assert_eq!(file.status, 200);
    assert_eq!(
        file.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    let disposition = file.header("content-disposition").unwrap();
    assert!(disposition.starts_with("attachment;"), "{disposition}");
    assert!(
        file.header("content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
    assert_eq!(file.text().trim_end(), "<script>alert(1)</script>");
    let raw = session.get(&format!("/review/{}/raw", held.id)).await;
    assert_eq!(raw.header("content-type"), Some("application/octet-stream"));
    assert!(
        raw.text()
            .contains("Content-Disposition: attachment; filename=\"page.html\"")
    );
    for path in ["file/0", "file/1", "file/9", "page/2", "page/1"] {
        let answer = session.get(&format!("/review/{}/{path}", held.id)).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}

async fn a_safe_page_has_a_policy_of_its_own(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let content = b"Subject: page\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n\
        <p onclick=a()>Hello <a href='https://tracker.test/x'>bank.example.com</a>\
        <img src='https://tracker.test/i.png'><script>a()</script>\r\n";
    let held = house.held(&sender, &[BOB], content).await;
    let session = house.session(&house.rita).await;
    let page = session.get(&format!("/review/{}/page/0", held.id)).await;
    assert_eq!(page.status, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("sandbox; default-src 'none'"),
        "{policy}"
    );
    let text = page.text();
    assert!(text.contains("Hello"), "{text}");
    for gone in ["<script", "onclick", "href=", "src="] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    let pane = session
        .get(&format!("/inbox?at={}&tab=html", held.id))
        .await
        .text();
    assert!(pane.contains("<iframe sandbox=\"\""), "{pane}");
    assert!(
        pane.contains("A link leads elsewhere than it says:"),
        "{pane}"
    );
}

async fn hidden_signs_are_named(lab: &Lab) {
    let house = House::shared(lab).await;
    let content = "From: SENDER\r\nSubject: =?utf-8?Q?pay=E2=80=AEfdp.exe?=\r\n\r\nx\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    assert!(text.contains("title=\"U+202E\">RLO</span>"), "{text}");
    assert!(!text.contains('\u{202e}'));
    // An archive without entries: its name is that of a table as well.
    let content = "From: SENDER\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
        Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; filename*=utf-8''in%E2%80%AEpiz.zip\r\n\r\n\
        UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let text = page(house, lab, &[BOB], content, "").await;
    assert!(text.contains("aria-label=\"In in[RLO]piz.zip\""), "{text}");
    assert!(!text.contains('\u{202e}'));
}

async fn a_message_is_found_by_what_people_remember(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mark = word();
    let subject = format!("=?utf-8?B?{}?=", {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("御見積書 {mark}"))
    });
    let content = format!(
        "From: \"Mei Lin\" <{}>\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nText\r\n\
        --b\r\nContent-Type: application/pdf; name=\"Quotation-{mark}.pdf\"\r\n\
        Content-Disposition: attachment\r\n\r\n%PDF-1.4\r\n--b--\r\n",
        sender.address
    );
    let held = house
        .held(&sender, &["kenji@elsewhere.test"], content.as_bytes())
        .await;
    let session = house.session(&house.rita).await;
    let finds = async |query: &str| {
        let pairs = [("q", query)];
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let text = session.get(&format!("/inbox?{query}")).await.text();
        text.contains(&format!("data-id=\"{}\"", held.id))
    };
    for query in [
        mark.clone(),
        format!("見積 {mark}"),
        format!("積書 {mark}"),
        format!("quotation-{mark}"),
        format!("{mark} to:kenji from:mei domain:elsewhere.test"),
        format!("{mark} has:attachment smaller:1M after:2020-01-01"),
        format!("subject:{mark} -has:html"),
    ] {
        assert!(finds(&query).await, "{query}");
    }
    for query in [
        format!("{mark} has:html"),
        format!("{mark} state:released"),
        format!("{mark} larger:1M"),
        format!("{mark} before:2020-01-01"),
        format!("-{mark} from:{}", sender.address),
    ] {
        assert!(!finds(&query).await, "{query}");
    }
}

async fn an_unknown_search_term_is_told_under_the_field(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    let answer = session.get("/inbox?q=colour:red+before:yesterday").await;
    assert_eq!(answer.status, 422);
    let text = answer.text();
    assert!(
        text.contains("There is no search term “colour:red”"),
        "{text}"
    );
    assert!(
        text.contains("“before:yesterday” is no date such as 2026-01-31"),
        "{text}"
    );
    assert!(text.contains("aria-invalid=\"true\""), "{text}");
}

async fn pages_are_in_the_readers_language(lab: &Lab) {
    let house = House::shared(lab).await;
    let session = house.session(&house.rita).await;
    let chinese = |ask: Ask| ask.header("Accept-Language", "zh-TW,zh;q=0.9,en;q=0.8");
    let text = session.send(chinese(Ask::get("/inbox"))).await.text();
    assert!(
        text.contains("<html lang=\"zh-Hant-TW\"") && text.contains("登出"),
        "{text}"
    );
    let other = Ask::get("/inbox").header("Accept-Language", "tlh, fr;q=0.3");
    assert!(session.send(other).await.text().contains("Sign out"));
}

async fn a_message_that_waits_too_long_is_late(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mark = word();
    let content = format!("Subject: {mark}\r\n\r\nx\r\n");
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let session = house.session(&house.rita).await;
    let line = async || {
        let text = session.get(&format!("/inbox?q={mark}")).await.text();
        let (_, line) = text.split_once("class=\"lines\"").unwrap();
        line.split("</ol>").next().unwrap().to_owned()
    };
    let soon = line().await;
    assert!(soon.contains("· due in "), "{soon}");
    assert!(!soon.contains("late"), "{soon}");
    let sql = format!(
        "update capture set captured_at = captured_at - interval '5 hours' where capture_id = '{}'",
        held.id
    );
    house.desk.database.execute(&sql).await;
    let late = line().await;
    assert!(late.contains("age late") && late.contains("late"), "{late}");
}

async fn a_view_a_search_and_a_download_are_on_record(lab: &Lab) {
    let house = House::shared(lab).await;
    let sender = lab.person(&["Y"]).await;
    let mark = word();
    let content = format!("Subject: {mark}\r\n\r\nx\r\n");
    let held = house.held(&sender, &[BOB], content.as_bytes()).await;
    let session = house.session(&house.robert).await;
    session.get(&format!("/inbox?q={mark}")).await;
    session
        .get(&format!("/inbox?q={mark}&at={}", held.id))
        .await;
    session.get(&format!("/review/{}/raw", held.id)).await;
    let sql = format!(
        "select string_agg(kind, ' ' order by seq) from audit_event
        where actor = 'robert' and (capture_id = '{}' or detail like '%{mark}%')",
        held.id
    );
    let kinds = house.desk.database.execute(&sql).await;
    assert_eq!(kinds.trim(), "searched viewed downloaded");
    let auditor = house.session(&house.otto).await;
    let log = auditor.get("/log").await.text();
    assert!(
        log.contains("robert") && log.contains(&held.id.to_string()),
        "{log}"
    );
    let verified = house
        .desk
        .command("audit")
        .arguments(["verify"])
        .output(b"")
        .await;
    assert_eq!(verified.status.code(), Some(0), "{verified:?}");
}
