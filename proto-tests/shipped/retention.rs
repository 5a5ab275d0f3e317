//! The statements that docs/security.md gives for removing old reviews.

use std::sync::Arc;

use libtest_mimic::Trial;

use crate::{
    lab::{Lab, postgres::Database},
    trials::{Trials, tests},
};

const PAGE: &str = include_str!("../../docs/security.md");

/// Two old captures: one still held, one released.
const REVIEWS: &str = "
    insert into capture (capture_id, instance, queue_id, captured_at, sender, sender_argument,
        sender_parameters, n_recipients, rule, matched_identity_kind, matched_identity,
        matched_entry, matched_flag, matched_recipient, size_bytes, digest,
        twin_by_digest)
    select gen_random_uuid(), 'postfix', queue_id, now() - interval '100 days', 'a@corp.test', '',
        '{}', 1, 'flagged-external', '', '', '', '', '', 1, decode(repeat('00', 32), 'hex'),
        gen_random_uuid()
    from unnest(array['4jWkMG56f7z1j', '4jWkMG56f7z1k']) as queue_id;
    insert into capture_recipient (capture_id, ordinal, recipient, argument, parameters)
    select capture_id, 0, 'b@elsewhere.test', '', '{}' from capture;
    insert into capture_content (capture_id, ordinal, encoding, bytes)
    select capture_id, 0, 'identity', 'x' from capture;
    insert into doubt (capture_id, reason) select capture_id, 'a link' from capture;
    insert into added_recipient (capture_id, ordinal, n_added, how, address)
    select capture_id, 0, 1, 'added', '' from capture;
    insert into stray (instance, queue_id, arrived_at, size_bytes)
    select instance, queue_id, captured_at, 1 from capture;
    insert into adoption (stray_id, administrator, capture_id)
    select stray_id, 'olga', capture_id from stray join capture using (instance, queue_id);
    alter table stray disable trigger guard_stray;
    update stray set ended = 'adopted', ended_at = now() - interval '100 days';
    alter table stray enable trigger guard_stray;
    insert into stray (instance, queue_id, arrived_at, size_bytes, ended, ended_at)
    select 'postfix', '4jWkMG56f7z' || age, now(), 1, 'left', now() - interval '1 day' * age
    from unnest(array[100, 80]) as age;
    update capture set state = 'held';
    alter table decision disable trigger decision_on_record;
    insert into decision (capture_id, decision, reviewer, via)
    select capture_id, 'release', 'rita', 'cli' from capture where queue_id like '%j';
    insert into settlement (capture_id, decision_id, disposition, method, worker, evidence)
    select capture_id, decision_id, 'released', 'unhold', 'lab', 'none' from decision;
    update capture set state = 'released' where queue_id like '%j';
    delete from work;
    delete from outline_due where capture_id in (select capture_id from capture where queue_id like '%j');
    insert into outline (capture_id, status, document) select capture_id, 'whole', '{}' from capture;
    insert into outline_content (capture_id, part, kind, ordinal, bytes)
    select capture_id, 0, 'file', 0, 'x' from capture;
    insert into listing (capture_id, captured_at, size_bytes, n_attachments, has_html, has_image,
        is_doubtful, entry, texts, snippet, grams)
    select capture_id, captured_at, 1, 0, false, false, false, '', '', '', '' from capture;";

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: the_statements_of_the_page_remove_only_what_is_old_and_settled]
}

async fn the_statements_of_the_page_remove_only_what_is_old_and_settled(lab: &Lab) {
    let (_, rest) = PAGE.split_once("begin;\n").expect("statements on the page");
    let (statements, _) = rest.split_once("commit;").unwrap();
    let database = lab.postgres.database().await;
    database.execute(REVIEWS).await;
    database
        .execute(&format!("begin; {statements} commit;"))
        .await;
    assert_eq!(database.execute("select state from capture").await, "held");
    for table in [
        "capture_recipient",
        "capture_content",
        "doubt",
        "added_recipient",
    ] {
        let left = database
            .execute(&format!("select count(*) from {table}"))
            .await;
        assert_eq!(left, "1", "{table}");
    }
    for table in ["decision", "settlement"] {
        let left = database
            .execute(&format!("select count(*) from {table}"))
            .await;
        assert_eq!(left, "0", "{table}");
    }
    let adopted = "select queue_id from adoption join stray using (stray_id)";
    assert_eq!(database.execute(adopted).await, "4jWkMG56f7z1k");
    database.execute(statement("delete from stray")).await;
    let left = "select queue_id from stray order by queue_id";
    let left = database.execute(left).await;
    assert_eq!(
        left, "4jWkMG56f7z1k\n4jWkMG56f7z80",
        "with its adoption, or young"
    );
    what_was_watched_goes_by_its_age(&database).await;
}

/// The statement of the page that begins so.
fn statement(begin: &str) -> &'static str {
    let mut lines = PAGE.lines().map(str::trim_start);
    lines
        .find(|line| line.starts_with(begin))
        .expect("the statement on the page")
}

async fn what_was_watched_goes_by_its_age(database: &Database) {
    database
        .execute(
            "insert into watched (watched_id, instance, watched_at, rule, identity_kind, identity,
                entry, flag, n_recipients)
            select gen_random_uuid(), 'postfix', now() - age, age::text, '', '', '', '', 1
            from unnest(array['100 days', '80 days']::interval[]) as age",
        )
        .await;
    database.execute(statement("delete from watched")).await;
    let left = database.execute("select rule from watched").await;
    assert_eq!(left, "80 days");
}
