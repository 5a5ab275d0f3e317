//! How many messages the list says there are.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::domain::grams::Mark;

use super::alone::Alone;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        matches_are_counted_up_to_ten_thousand,
        what_is_not_searched_is_told_however_much_it_is,
        a_list_that_may_have_more_never_says_that_nothing_is_left,
    ]
}

/// Held messages, as the milter, the worker and the outline process would have left them.
async fn fill(alone: &Alone, from: u32, to: u32) {
    let id = "(lpad(to_hex(i), 8, '0') || '-0000-7000-8000-000000000000')::uuid";
    let html = Mark::Html.as_gram();
    let sql = format!(
        "insert into capture (
            capture_id, instance, queue_id, state, captured_at, sender, sender_argument,
            sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
            matched_entry, matched_flag, matched_recipient, size_bytes, digest, subject,
            twin_by_digest
        )
        select {id}, 'mx1', '4jWkMG56f7z' || i, 'held', now(), 'anna@corp.test', '', '{{}}', 1,
            'flagged-external', 'envelope sender', 'anna@corp.test', '', 'Y', '', 500,
            sha256(i::text::bytea), 'subject', gen_random_uuid()
        from generate_series({from}, {to}) as i;
        insert into listing (
            capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful,
            entry, texts, snippet, grams
        )
        select {id}, now(), 500, 0, true, false, false, '', '', '', array_to_tsvector(array['{html}'])
        from generate_series({from}, {to}) as i;
        delete from outline_due;
        analyze capture, outline_due"
    );
    alone.database.execute(&sql).await;
}

/// What the list says above its lines.
fn head(page: &str) -> String {
    let (_, head) = page
        .split_once("<h2 id=\"list-heading\">")
        .unwrap_or_else(|| panic!("{page}"));
    let end = head.find("<ol").or(head.find("<nav")).unwrap();
    // However its digits are grouped.
    head[..end].replace(',', "")
}

/// Messages of nobody in particular that wait to be outlined.
async fn add_backlog(alone: &Alone, from: u32, to: u32) {
    fill(alone, from, to).await;
    let sql = "delete from listing_waiting;
        delete from listing;
        insert into outline_due (capture_id, due_at)
        select capture_id, captured_at from capture;
        analyze capture, outline_due";
    alone.database.execute(sql).await;
}

async fn what_is_not_searched_is_told_however_much_it_is(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    alone.desk.outline.stop().await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let told = async || {
        let page = alone.get("/inbox?q=offer", &cookie).await.text();
        head(&page)
    };
    let mut stored = 0;
    for (count, words) in [
        (1, "<p class=\"note\">1 message is not taken apart yet"),
        (10_000, "<p class=\"note\">10000 messages are not"),
        (10_001, "<p class=\"note\">More than 10000 messages are not"),
    ] {
        add_backlog(&alone, stored + 1, count).await;
        stored = count;
        let head = told().await;
        assert!(head.contains(words), "{head}");
    }
    // Of somebody who may see none of all these.
    add_backlog(&alone, stored + 1, 20_001).await;
    alone.narrow("uid=nobody,dc=test").await;
    let head = told().await;
    let words = "There may be messages that are not taken apart yet";
    assert!(head.contains(words), "{head}");
    alone.desk.web.stop().await;
}

async fn a_list_that_may_have_more_never_says_that_nothing_is_left(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    alone.desk.outline.stop().await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    alone.narrow("uid=nobody,dc=test").await;
    add_backlog(&alone, 1, 20_002).await;
    // Without the triggers, which want it on record.
    let decide = "set session_replication_role = replica;
        insert into decision (capture_id, decision, reviewer, via)
        select min(capture_id::text)::uuid, 'discard', 'rita', 'web'
        from capture
        where state = 'held';
        update capture set state = 'decided'
        where capture_id in (select capture_id from decision);
        select max(capture_id::text) from decision";
    for (n_waiting, is_cut) in [(20_001, true), (20_000, false)] {
        let decided = alone.database.execute(decide).await;
        let list = format!("/inbox?told={}", decided.trim());
        let page = alone.get(&list, &cookie).await.text();
        let head = head(&page);
        assert!(page.contains("Decided: discard."), "{page}");
        for (words, is_said) in [
            ("Nothing else waits here.", !is_cut),
            ("Nothing here.", !is_cut),
            ("0 messages</h2>", !is_cut),
            ("0 messages so far</h2>", is_cut),
            ("<p class=\"note\">More may come", is_cut),
        ] {
            let is_there = page.contains(words) || head.contains(words);
            assert_eq!(is_there, is_said, "{n_waiting}: {words}: {head}");
        }
    }
    alone.desk.web.stop().await;
}

async fn matches_are_counted_up_to_ten_thousand(lab: &Lab) {
    let alone = Alone::start(lab, |_| {}).await;
    // It would take apart what has no content.
    alone.desk.outline.stop().await;
    let cookie = alone.cookie(&alone.rita.login, &alone.rita.password).await;
    let heading = async |query: &str| {
        let page = alone.get(&format!("/inbox?q={query}"), &cookie).await;
        let text = page.text();
        let (_, heading) = text
            .split_once("<h2 id=\"list-heading\">")
            .unwrap_or_else(|| panic!("{}: {text}", page.status));
        // However its digits are grouped.
        heading.split("</h2>").next().unwrap().replace(',', "")
    };
    let mut stored = 0;
    for (count, told) in [
        (1, "1 message"),
        (9_999, "9999 messages"),
        (10_000, "10000 messages"),
        (10_001, "More than 10000 messages"),
    ] {
        fill(&alone, stored + 1, count).await;
        stored = count;
        // By its state alone, read through, and looked up.
        for query in ["", "smaller:1M", "has:html"] {
            assert_eq!(heading(query).await, told, "{query:?}");
        }
    }
    assert_eq!(heading("has:image").await, "0 messages");
    alone.desk.web.stop().await;
}
