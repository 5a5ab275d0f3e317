//! The search beside what happens to a message: outline, decision, page after page.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use libtest_mimic::Trial;
use mailhold::{
    domain::{capture_id::CaptureId, decision::Decision, scope::Scope},
    store::listing::Count,
};

use super::{
    super::fixture::{Deciding as _, Fixture, ballot, path},
    below, file, finds, found, hold, hold_and_list, list, mail, mailbox, search,
};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_leaves_the_search_of_what_waits_with_its_decision,
        a_decision_before_the_outline_is_seen_by_the_search,
        what_is_not_outlined_yet_is_in_the_list_without_terms,
        behind_a_backlog_of_others_list_and_count_have_the_same,
        a_look_that_is_cut_is_told_and_one_that_is_just_enough_is_not,
        a_search_is_read_page_by_page_in_both_orders,
        a_line_shows_what_the_outline_tells,
        a_message_with_endless_texts_is_listed,
    ]
}

async fn a_message_leaves_the_search_of_what_waits_with_its_decision(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mail = mail(&fixture, "offer");
    let id = hold_and_list(&fixture, &mail).await;
    assert_eq!(finds(&fixture, "offer state:held").await, [id]);
    let ballot = ballot(&mail.capture, Decision::Release);
    fixture.web().decide(&ballot).await.unwrap();
    assert!(finds(&fixture, "offer").await.is_empty());
    assert_eq!(finds(&fixture, "offer state:decided").await, [id]);
    assert_eq!(fixture.count("listing_waiting").await, 0);
}

async fn a_decision_before_the_outline_is_seen_by_the_search(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mail = mail(&fixture, "offer");
    let id = hold(&fixture, &mail).await;
    let ballot = ballot(&mail.capture, Decision::Discard);
    fixture.web().decide(&ballot).await.unwrap();
    list(&fixture, &mail).await;
    assert!(finds(&fixture, "offer").await.is_empty());
    assert_eq!(finds(&fixture, "offer state:all").await, [id]);
}

async fn what_is_not_outlined_yet_is_in_the_list_without_terms(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let listed = hold_and_list(&fixture, &mail(&fixture, "offer")).await;
    let mut waiting = mail(&fixture, "offer");
    waiting.capture.grounds.matched.entry = "uid=anna,dc=corp".to_owned();
    let id = hold(&fixture, &waiting).await;
    assert_eq!(found(&fixture, &search("", Scope::All)).await, [listed, id]);
    let mine = below("DC=corp");
    assert_eq!(found(&fixture, &search("", mine.clone())).await, [id]);
    let others = below("dc=other");
    assert!(
        found(&fixture, &search("", others.clone()))
            .await
            .is_empty()
    );
    let counted = async |scope| fixture.web().count(&search("", scope)).await.unwrap();
    assert_eq!(counted(mine.clone()).await, Count::Exact(1));
    assert_eq!(counted(others.clone()).await, Count::Exact(0));
    assert_eq!(
        found(&fixture, &search("offer", Scope::All)).await,
        [listed]
    );
    let unlisted = async |scope| {
        let search = search("offer", scope);
        fixture.web().n_unlisted(&search).await.unwrap()
    };
    assert_eq!(unlisted(Scope::All).await, Count::Exact(1));
    assert_eq!(unlisted(mine.clone()).await, Count::Exact(1));
    // Nobody is told how much of other people's mail there is.
    assert_eq!(unlisted(others).await, Count::Exact(0));
    list(&fixture, &waiting).await;
    assert_eq!(found(&fixture, &search("", mine)).await, [id]);
    assert_eq!(
        found(&fixture, &search("offer", Scope::All)).await,
        [listed, id]
    );
    assert_eq!(unlisted(Scope::All).await, Count::Exact(0));
}

/// Messages of another unit that are held and wait to be outlined, due before all that comes later.
async fn add_backlog(fixture: &Fixture<'_>, from: u32, to: u32) {
    let sql = format!(
        "insert into capture (
            capture_id, instance, queue_id, state, captured_at, sender, sender_argument,
            sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
            matched_entry, matched_flag, matched_recipient, size_bytes, digest,
            twin_by_digest
        )
        select (lpad(to_hex(i), 8, '0') || '-0000-7000-8000-000000000000')::uuid, '{}',
            '4jWkMG56f7z' || i, 'held', now() - interval '1 hour', 'eve@corp.test', '', '{{}}', 1,
            'flagged-external', 'envelope sender', 'eve@corp.test', 'uid=eve,dc=other', 'Y', '',
            500, sha256(i::text::bytea), gen_random_uuid()
        from generate_series({from}, {to}) as i;
        update outline_due set due_at = now() - interval '1 hour'
        from capture c
        where c.capture_id = outline_due.capture_id and c.matched_entry = 'uid=eve,dc=other';
        analyze capture, outline_due",
        fixture.instance
    );
    fixture.execute(&sql).await;
}

/// Three messages of a unit that wait to be outlined.
async fn add_mine(fixture: &Fixture<'_>) -> Vec<CaptureId> {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut mine = mail(fixture, "offer");
        mine.capture.grounds.matched.entry = "uid=anna,dc=corp".to_owned();
        ids.push(hold(fixture, &mine).await);
    }
    ids
}

async fn behind_a_backlog_of_others_list_and_count_have_the_same(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    add_backlog(&fixture, 1, 2_500).await;
    let ids = add_mine(&fixture).await;
    let mine = search("", below("dc=corp"));
    assert_eq!(fixture.web().count(&mine).await.unwrap(), Count::Exact(3));
    assert_eq!(found(&fixture, &mine).await, ids);
}

async fn a_look_that_is_cut_is_told_and_one_that_is_just_enough_is_not(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let ids = add_mine(&fixture).await;
    let web = fixture.web();
    let mut stored = 0;
    for (n_others, count, is_cut) in [
        (19_997, Count::Exact(3), false),
        (19_998, Count::AtLeast(2), true),
        (20_000, Count::AtLeast(0), true),
    ] {
        add_backlog(&fixture, stored + 1, n_others).await;
        stored = n_others;
        let mine = below("dc=corp");
        let plain = search("", mine.clone());
        assert_eq!(web.count(&plain).await.unwrap(), count, "{n_others}");
        let page = web.search(&plain).await.unwrap();
        assert_eq!(page.is_cut, is_cut, "{n_others}");
        let (Count::Exact(n) | Count::AtLeast(n) | Count::MoreThan(n)) = count;
        let lines = page.lines.iter().map(|line| line.capture_id);
        assert!(lines.eq(ids.iter().copied().take(n.try_into().unwrap())));
        let unlisted = web.n_unlisted(&search("offer", mine)).await.unwrap();
        assert_eq!(unlisted, count, "{n_others}");
    }
    let all = web.n_unlisted(&search("offer", Scope::All)).await.unwrap();
    assert_eq!(all, Count::MoreThan(10_000));
}

async fn a_search_is_read_page_by_page_in_both_orders(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let begin: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut ids = Vec::new();
    for minute in 0..7 {
        let mut mail = mail(&fixture, "offer");
        // Two of them at the same time.
        mail.capture.captured_at = begin + Duration::minutes(minute / 2);
        ids.push(hold_and_list(&fixture, &mail).await);
    }
    for (query, expected) in [
        ("offer", ids.clone()),
        ("offer state:all", ids.iter().rev().copied().collect()),
        ("offer smaller:1G", ids.clone()),
        ("", ids.clone()),
    ] {
        let mut search = search(query, Scope::All);
        search.limit = 3;
        let mut read = Vec::new();
        loop {
            let page = fixture.web().search(&search).await.unwrap();
            read.extend(page.lines.iter().map(|line| line.capture_id));
            search.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(read, expected, "{query}");
    }
}

async fn a_line_shows_what_the_outline_tells(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mut mail = mail(&fixture, "offer");
    for name in ["b", "c", "d"] {
        mail.capture
            .envelope
            .recipients
            .push(path(&format!("<{name}@shop.test>")));
    }
    mail.outline.parts = vec![file("application/pdf", "契約書.pdf")];
    mail.outline.snippet = "Dear Bob".to_owned();
    mail.outline.language = Some("ja".to_owned());
    let id = hold_and_list(&fixture, &mail).await;
    let page = fixture
        .web()
        .search(&search("契約書", Scope::All))
        .await
        .unwrap();
    let line = &page.lines[0];
    assert_eq!(line.capture_id, id);
    assert_eq!(
        line.recipients,
        ["bob@elsewhere.test", "b@shop.test", "c@shop.test"]
    );
    assert_eq!(line.n_recipients, 4);
    let glance = line.glance.as_ref().unwrap();
    assert_eq!((glance.n_attachments, glance.is_doubtful), (1, false));
    assert_eq!(glance.snippet, "Dear Bob");
    assert_eq!(glance.language.as_deref(), Some("ja"));
}

/// PostgreSQL refuses a row with too many grams, and with it the outline.
async fn a_message_with_endless_texts_is_listed(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    // No three of them in a row come twice.
    let endless = |first: u32| -> String {
        let signs = (0..90_000).map(|at| first + at % 20_000 + at / 20_000 * (at % 2));
        signs.filter_map(char::from_u32).collect()
    };
    let mut mail = mail(&fixture, &format!("offer {}", endless(0x4e00)));
    for number in 0..90 {
        let name: String = endless(0x20000)
            .chars()
            .skip(number * 999)
            .take(999)
            .collect();
        mail.outline.to.push(mailbox(&name, "bob@shop.test"));
        mail.outline.from.push(mailbox(&name, "anna@corp.test"));
        mail.outline.parts.push(file("text/plain", &name));
    }
    let id = hold_and_list(&fixture, &mail).await;
    assert_eq!(finds(&fixture, "offer from:anna").await, [id]);
}
