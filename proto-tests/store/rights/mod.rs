//! The rights of each process's login: what a process may not do fails.

mod all;

use std::sync::Arc;

use libtest_mimic::Trial;

use super::fixture::Fixture;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

/// insufficient_privilege
const DENIED: &str = "42501";
/// The logins of all processes.
pub const LOGINS: [&str; 5] = [
    "mailhold_milter",
    "mailhold_worker",
    "mailhold_outline",
    "mailhold_web",
    "mailhold_reviews",
];
const TABLES: [&str; 11] = [
    "capture",
    "capture_recipient",
    "capture_content",
    "decision",
    "work",
    "settlement",
    "watched",
    "doubt",
    "added_recipient",
    "stray",
    "adoption",
];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    let mut tests = all::tests(trials);
    tests.extend(tests![trials.shared:
        the_milters_login_may_only_insert_captures,
        the_milters_login_cannot_choose_a_state,
        the_workers_login_cannot_read_content_or_addresses,
        the_workers_login_cannot_decide_or_make_work,
        the_workers_login_changes_nothing_but_states_and_leases,
        the_reviewers_login_can_read_and_decide_and_nothing_else,
        the_workers_login_captures_only_what_was_adopted,
        no_login_can_lend_itself_the_owners_rights,
    ]);
    tests
}

async fn denied(fixture: &Fixture<'_>, login: &str, statements: &[&str]) {
    let mut session = fixture.sign_in(login).await;
    for statement in statements {
        let (code, _) = session.refusal(statement).await;
        assert_eq!(code, DENIED, "{login}: {statement}");
    }
}

async fn denied_everywhere(fixture: &Fixture<'_>, login: &str, verb: &str) {
    for table in TABLES {
        denied(fixture, login, &[&format!("{verb} {table}")]).await;
    }
}

async fn the_milters_login_may_only_insert_captures(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.captured().await;
    let milter = "mailhold_milter";
    for verb in ["select from", "delete from", "truncate"] {
        denied_everywhere(&fixture, milter, verb).await;
    }
    denied(
        &fixture,
        milter,
        &[
            "update capture set state = 'held'",
            "update capture set subject = ''",
            "update capture_content set bytes = ''",
            "update watched set rule = ''",
            "insert into watched (created_at) values (now())",
            "insert into stray (instance, queue_id, arrived_at, size_bytes) \
                values ('x', '4jWkMG56f7z1j', now(), 1)",
            "insert into adoption (stray_id, administrator) values (gen_random_uuid(), 'x')",
            "insert into decision (capture_id, decision, reviewer, via) \
                values (gen_random_uuid(), 'release', 'x', 'cli')",
            "insert into work (decision_id, capture_id, instance) \
                values (gen_random_uuid(), gen_random_uuid(), 'x')",
            "insert into settlement (capture_id, disposition, method, worker, evidence) \
                values (gen_random_uuid(), 'gone', 'none', '', '')",
            "create table t ()",
        ],
    )
    .await;
}

async fn the_milters_login_cannot_choose_a_state(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    denied(
        &fixture,
        "mailhold_milter",
        &[
            "insert into capture (capture_id, state) values (gen_random_uuid(), 'held')",
            "insert into capture (capture_id, held_at) values (gen_random_uuid(), now())",
            "insert into capture (capture_id, created_at) values (gen_random_uuid(), now())",
        ],
    )
    .await;
}

async fn the_workers_login_cannot_read_content_or_addresses(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.captured().await;
    denied(
        &fixture,
        "mailhold_worker",
        &[
            "select from capture_content",
            "select from capture_recipient",
            "select subject from capture",
            "select sender from capture",
            "select * from capture",
            "select note from decision",
            "select from watched",
            "select from added_recipient",
        ],
    )
    .await;
}

async fn the_workers_login_cannot_decide_or_make_work(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let decide = format!(
        "insert into decision (capture_id, decision, reviewer, via)
        values ('{}', 'release', 'worker', 'cli')",
        capture.id
    );
    denied(
        &fixture,
        "mailhold_worker",
        &[
            &decide,
            "insert into work (decision_id, capture_id, instance) \
                values (gen_random_uuid(), gen_random_uuid(), 'x')",
            "insert into capture (capture_id) values (gen_random_uuid())",
            "insert into adoption (stray_id, administrator) values (gen_random_uuid(), 'worker')",
        ],
    )
    .await;
}

async fn the_workers_login_changes_nothing_but_states_and_leases(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    fixture.captured().await;
    let worker = "mailhold_worker";
    denied_everywhere(&fixture, worker, "truncate").await;
    denied(
        &fixture,
        worker,
        &[
            "update capture set digest = digest",
            "update capture set queue_id = queue_id",
            "update decision set decision = 'release'",
            "update settlement set disposition = 'gone'",
            "update work set capture_id = capture_id",
            "delete from capture",
            "delete from decision",
            "delete from settlement",
            "delete from doubt",
            "update doubt set reason = ''",
            "insert into doubt (cleared_at) values (now())",
            "update added_recipient set address = ''",
            "delete from added_recipient",
            "delete from stray",
            "update stray set queue_id = queue_id",
            "update stray set size_bytes = 0",
            "update adoption set administrator = 'x'",
            "update adoption set capture_id = null",
            "select note from adoption",
        ],
    )
    .await;
    let mut session = fixture.sign_in(worker).await;
    let confirm = format!(
        "update capture set state = 'held' where instance = '{}'",
        fixture.instance
    );
    assert_eq!(session.run(&confirm).await, 1);
}

async fn the_reviewers_login_can_read_and_decide_and_nothing_else(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let capture = fixture.held().await;
    let reviews = "mailhold_reviews";
    for verb in ["delete from", "truncate"] {
        denied_everywhere(&fixture, reviews, verb).await;
    }
    let backdate = format!(
        "insert into decision (capture_id, decision, reviewer, via, created_at)
        values ('{}', 'release', 'x', 'cli', now() - interval '1 day')",
        capture.id
    );
    denied(
        &fixture,
        reviews,
        &[
            &backdate,
            "update capture set state = 'decided'",
            "update work set due_at = now()",
            "update decision set decision = 'release'",
            "update watched set rule = ''",
            "insert into watched (watched_id) values (gen_random_uuid())",
            "update doubt set cleared_at = now()",
            "insert into doubt (reason) values ('')",
            "insert into added_recipient (ordinal) values (0)",
            "insert into stray (instance, queue_id, arrived_at, size_bytes) \
                values ('x', '4jWkMG56f7z1j', now(), 1)",
            "update stray set ended = 'left', ended_at = now()",
            "update adoption set administrator = 'x'",
            "insert into adoption (stray_id, administrator, created_at) \
                values (gen_random_uuid(), 'x', now() - interval '1 day')",
            "insert into settlement (capture_id, disposition, method, worker, evidence) \
                values (gen_random_uuid(), 'gone', 'none', '', '')",
            "insert into capture (capture_id) values (gen_random_uuid())",
            "insert into work (decision_id, capture_id, instance) \
                values (gen_random_uuid(), gen_random_uuid(), 'x')",
        ],
    )
    .await;
    let mut session = fixture.sign_in(reviews).await;
    for table in TABLES {
        session.run(&format!("select * from {table}")).await;
    }
}

/// Neither a queue ID of its choice, nor without an adoption, nor twice.
async fn the_workers_login_captures_only_what_was_adopted(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let stray = format!(
        "insert into stray (instance, queue_id, arrived_at, size_bytes)
        values ('{}', '4jWkMG56f7z1j', now(), 1) returning stray_id",
        fixture.instance
    );
    let again = stray.clone();
    let mut worker = fixture.sign_in("mailhold_worker").await;
    assert_eq!(worker.run(&stray).await, 1);
    let find = format!(
        "select stray_id from stray where instance = '{}'",
        fixture.instance
    );
    let stray = fixture.execute(&find).await;
    let adopt = |stray: &str, content: &str| {
        format!(
            "select from (select adopt_stray('{stray}', gen_random_uuid(), 'a@corp.test', '<a>',
                array['b@x.test', 'c@x.test'], array['<b>', '<c>']::bytea[], null, null,
                array['s', null, null, null, null], '{content}') as is_captured) as answer
            where is_captured"
        )
    };
    assert_eq!(
        worker.run(&adopt(&stray, "x")).await,
        0,
        "it was not adopted"
    );
    assert_eq!(fixture.count("capture").await, 0);
    let (code, _) = fixture
        .sign_in("mailhold_reviews")
        .await
        .refusal(&adopt(&stray, "x"))
        .await;
    assert_eq!(code, DENIED);

    let word = format!("insert into adoption (stray_id, administrator) values ('{stray}', 'olga')");
    let mut reviews = fixture.sign_in("mailhold_reviews").await;
    reviews.run(&word).await;
    let (code, constraint) = reviews.refusal(&word).await;
    assert_eq!(
        (code.as_str(), constraint.as_deref()),
        ("23505", Some("adoption_once"))
    );
    let content = "long ".repeat(300_000);
    assert_eq!(worker.run(&adopt(&stray, &content)).await, 1);
    assert_eq!(worker.run(&adopt(&stray, "y")).await, 0, "it is captured");
    assert_eq!(
        fixture.execute(&all_captured(&fixture)).await,
        "4jWkMG56f7z1j|captured|adopted|olga|1500000|t|2|b@x.test c@x.test"
    );
    let ended = format!("{find} and ended = 'adopted'");
    assert_eq!(fixture.execute(&ended).await, stray);

    // A stray under whose name a capture stands, as one that came late: it is not captured twice.
    assert_eq!(worker.run(&again).await, 1);
    let again = fixture.execute(&format!("{find} and ended is null")).await;
    let word = format!("insert into adoption (stray_id, administrator) values ('{again}', 'olga')");
    assert_eq!(reviews.run(&word).await, 1);
    assert_eq!(worker.run(&adopt(&again, "z")).await, 0, "one stands");
    assert_eq!(fixture.count("capture").await, 1);
}

/// Asks for what is captured, with its chunks and recipients.
fn all_captured(fixture: &Fixture<'_>) -> String {
    format!(
        "select c.queue_id, c.state, c.rule, c.matched_identity, c.size_bytes,
            c.digest = sha256(content.bytes), content.n_chunks,
            (select string_agg(recipient, ' ' order by ordinal) from capture_recipient r
                where r.capture_id = c.capture_id)
        from capture c
        join (select capture_id, string_agg(bytes, '' order by ordinal) as bytes,
                count(*) as n_chunks from capture_content group by capture_id) content
            using (capture_id)
        where c.instance = '{}'",
        fixture.instance
    )
}

async fn no_login_can_lend_itself_the_owners_rights(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    for login in LOGINS {
        let mut session = fixture.sign_in(login).await;
        session
            .run("create temporary table trap (capture_id uuid, state text)")
            .await;
        for function in [
            "list_state",
            "list_waiting",
            "guard_state",
            "guard_decision",
            "guard_decision_on_record",
            "pass_on_decision",
            "guard_doubt",
            "guard_adoption",
            "guard_audit_event",
            "refuse_audit_change",
        ] {
            let hang = format!(
                "create trigger t before insert on trap for each row execute function {function}()"
            );
            assert_eq!(session.refusal(&hang).await.0, DENIED, "{login} {function}");
        }
    }
}
