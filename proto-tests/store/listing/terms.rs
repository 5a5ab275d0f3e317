//! What each term finds, and how little a way to it matters.

use std::sync::Arc;

use libtest_mimic::Trial;
use mailhold::{
    domain::{capture_id::CaptureId, scope::Scope},
    mail::outline::{Body, Doubt, DoubtKind, Text},
    store::listing::{Count, Search},
};

use super::{
    super::fixture::{Fixture, path},
    below, file, finds, found, hold, hold_and_list, list, mail, mailbox, part, search,
};
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        a_message_is_found_by_any_part_of_a_word_in_any_script,
        every_term_finds_what_it_says,
        no_sign_in_a_term_means_anything_to_the_database,
        a_reviewer_finds_only_what_is_in_the_scope,
        what_is_found_does_not_depend_on_the_way,
    ]
}

fn phrase(word: &str) -> String {
    format!("\"{word}\"")
}

async fn a_message_is_found_by_any_part_of_a_word_in_any_script(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let subject = "Ｑuarterly Offer 業務委託契約書 견적서 Angebot für Zoë";
    let id = hold_and_list(&fixture, &mail(&fixture, subject)).await;
    hold_and_list(&fixture, &mail(&fixture, "something else")).await;
    for word in [
        "quarterly",
        "QUARTER",
        "ff",
        "契約",
        "約",
        "委託契約",
        "견적",
        "서",
        "ZOË",
        "für",
        "\"offer 業務\"",
        "of zo",
    ] {
        assert_eq!(finds(&fixture, word).await, [id], "{word}");
    }
    for word in [
        "契書",
        "zo견",
        "quarterlies",
        "\"offer  angebot\"",
        "offer -契約",
    ] {
        assert!(finds(&fixture, word).await.is_empty(), "{word}");
    }
}

/// A message of which every term says something.
async fn telling(fixture: &Fixture<'_>) -> CaptureId {
    let mut one = mail(fixture, "offer");
    one.capture.envelope.sender = path("<anna@sub.corp.test>");
    one.capture.envelope.recipients = vec![path("<bob@shop.test>"), path("<eve@shop.test>")];
    one.capture.captured_at = "2026-01-31T00:00:00Z".parse().unwrap();
    one.outline.from = vec![mailbox("Anna Alpha", "anna.alpha@corp.test")];
    one.outline.to = vec![mailbox("Bob Beta", "bob@shop.test")];
    let html = Body::Html {
        text: Text::default(),
        has_page: true,
    };
    one.outline.parts = vec![part("text/html", None, html), file("image/png", "Plan.png")];
    one.outline.doubts = vec![Doubt {
        kind: DoubtKind::TwoParameters,
        part: None,
        detail: String::new(),
    }];
    let large = format!(
        "update capture set size_bytes = 6 * 1024 * 1024 where capture_id = '{}'",
        hold(fixture, &one).await
    );
    fixture.execute(&large).await;
    list(fixture, &one).await;
    one.capture.id
}

async fn every_term_finds_what_it_says(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let one = telling(&fixture).await;
    let other = hold_and_list(&fixture, &mail(&fixture, "plain")).await;
    for query in [
        "from:anna@sub",
        "from:\"anna alpha\"",
        "to:eve",
        "to:beta",
        "domain:corp.test offer",
        "domain:shop.test",
        "domain:@SHOP.test",
        "subject:offer",
        "plan.png",
        "has:attachment",
        "has:html",
        "has:image",
        "has:doubt",
        "larger:5M",
        "-smaller:6M",
        "before:2026-02-01",
        "after:2026-01-31 before:2026-02-01",
        "state:held offer",
        "-from:bob -plain",
        "beta -gamma",
    ] {
        assert_eq!(finds(&fixture, query).await, [one], "{query}");
    }
    for query in [
        "smaller:5M",
        "-has:html",
        "after:2026-02-01",
        "from:anna@corp",
        "to:elsewhere",
    ] {
        assert_eq!(finds(&fixture, query).await, [other], "{query}");
    }
    for query in [
        "to:anna",
        "from:bob",
        "subject:plan",
        "domain:hop.test",
        "larger:7M",
        "state:captured offer",
        "before:2026-01-31",
        "-state:all",
        "state:released",
    ] {
        assert!(finds(&fixture, query).await.is_empty(), "{query}");
    }
    assert_eq!(finds(&fixture, "state:all").await, [other, one]);
}

async fn no_sign_in_a_term_means_anything_to_the_database(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let subject = r"100% o'b\c :* & | ! (x) <-> _y_ $1 {z} '' \\";
    let id = hold_and_list(&fixture, &mail(&fixture, subject)).await;
    for word in subject
        .split(' ')
        .chain([r"b\c", "'b", "%", "'", r"\", "*"])
    {
        assert_eq!(finds(&fixture, &phrase(word)).await, [id], "{word}");
    }
    for word in [
        "1_0",
        "10%0",
        "o''b",
        r"b\\c",
        "a:*",
        "'; drop table listing; --",
    ] {
        assert!(finds(&fixture, &phrase(word)).await.is_empty(), "{word}");
    }
}

async fn a_reviewer_finds_only_what_is_in_the_scope(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let mut ids = Vec::new();
    for entry in [
        "UID=anna, OU=Sales,DC=corp",
        r"cn=x\,ou=sales,dc=corp",
        "ou=presales,dc=corp",
    ] {
        let mut mail = mail(&fixture, "offer");
        mail.capture.grounds.matched.entry = entry.to_owned();
        ids.push(hold_and_list(&fixture, &mail).await);
    }
    hold_and_list(&fixture, &mail(&fixture, "offer")).await;
    for query in ["", "offer"] {
        for (scope, expected) in [
            (below("ou=sales, dc=corp"), vec![ids[0]]),
            (below("DC=corp"), ids.clone()),
            (below("ou=presales,dc=corp"), vec![ids[2]]),
            (below("dc=other"), vec![]),
            (Scope::entries(["uid=anna,ou=sales,dc=corp"]), vec![ids[0]]),
            (Scope::entries(["ou=sales,dc=corp"]), vec![]),
            (Scope::entries([]), vec![]),
            (below(""), vec![]),
        ] {
            let search = search(query, scope);
            assert_eq!(found(&fixture, &search).await, expected, "{search:?}");
            let count = fixture.web().count(&search).await.unwrap();
            assert_eq!(count, Count::Exact(expected.len() as u64), "{search:?}");
        }
    }
}

/// More than the first look sees, some of it frequent and some rare.
async fn what_is_found_does_not_depend_on_the_way(lab: &Lab) {
    let fixture = Fixture::own(lab).await;
    let pattern = hold_and_list(&fixture, &mail(&fixture, "pattern")).await;
    let more = format!(
        "create temporary table fresh as
            select gen_random_uuid() as id, number, case when number % 2 = 0 then 'even ' else 'odd ' end
                || case when number % 30 = 0 then 'now and then ' else '' end
                || case when number in (17, 4999) then 'rarely' else '' end as subject
            from generate_series(1, 5000) as number;
        insert into capture (capture_id, instance, queue_id, captured_at, sender, sender_argument,
            sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
            matched_entry, matched_flag, matched_recipient, size_bytes, digest,
            twin_by_digest)
        select id, instance, '5' || queue_id || number, now() + number * interval '1 second', sender,
            sender_argument, sender_parameters, 0, rule, '', '', '', '', '', 1, digest,
            gen_random_uuid()
        from capture cross join fresh where capture_id = '{pattern}';
        insert into listing (capture_id, captured_at, size_bytes, n_attachments, has_html, has_image,
            is_doubtful, entry, texts, snippet, grams)
        select id, captured_at, 1, 0, false, false, false, '', e'\\n\\x1e\\n\\x1e' || fresh.subject || e'\\x1e\\n',
            '', (select array_to_tsvector(array_agg(distinct substr(word, at, 3)))
                from unnest(string_to_array(trim(fresh.subject), ' ')) as word,
                    generate_series(1, length(word)) as at)
        from fresh join capture on capture_id = id"
    );
    fixture.execute(&more).await;
    for (query, expected) in [
        ("even", 2_500),
        ("odd state:all", 2_500),
        ("\"now and\"", 166),
        ("even then state:all", 166),
        ("rarely", 2),
        ("rarely state:all", 2),
        ("-even -odd state:all", 1),
        ("dd", 2_500),
        ("rarely even", 0),
        ("", 5_001),
        ("state:all state:held", 5_001),
    ] {
        let search = Search {
            limit: 200,
            ..search(query, Scope::All)
        };
        let count = fixture.web().count(&search).await.unwrap();
        assert_eq!(count, Count::Exact(expected), "{query}");
        let found = found(&fixture, &search).await;
        assert_eq!(found.len() as u64, expected.min(200), "{query}");
    }
}
