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
            matched_entry, matched_flag, matched_recipient, size_bytes, digest, subject
        )
        select {id}, 'mx1', '4jWkMG56f7z' || i, 'held', now(), 'anna@corp.test', '', '{{}}', 1,
            'flagged-external', 'envelope sender', 'anna@corp.test', '', 'Y', '', 500,
            sha256(i::text::bytea), 'subject'
        from generate_series({from}, {to}) as i;
        insert into listing (
            capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful,
            entry, texts, snippet, grams
        )
        select {id}, now(), 500, 0, true, false, false, '', '', '', array_to_tsvector(array['{html}'])
        from generate_series({from}, {to}) as i;
        delete from outline_due;
        analyze"
    );
    alone.database.execute(&sql).await;
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
