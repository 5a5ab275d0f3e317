//! The rights of each process's login: what a process may not do fails.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::fixture::Fixture;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

/// insufficient_privilege
const DENIED: &str = "42501";
const TABLES: [&str; 9] = [
    "capture",
    "capture_recipient",
    "capture_content",
    "decision",
    "work",
    "settlement",
    "watched",
    "doubt",
    "added_recipient",
];

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared:
        the_milters_login_may_only_insert_captures,
        the_milters_login_cannot_choose_a_state,
        the_workers_login_cannot_read_content_or_addresses,
        the_workers_login_cannot_decide_or_make_work,
        the_workers_login_changes_nothing_but_states_and_leases,
        the_reviewers_login_can_read_and_decide_and_nothing_else,
        no_login_can_lend_itself_the_owners_rights,
        the_rights_are_exactly_these,
    ]
}

async fn denied(fixture: &Fixture<'_>, login: &str, statements: &[&str]) {
    let mut session = fixture.sign_in(login).await;
    for statement in statements {
        assert_eq!(
            session.refusal(statement).await.0,
            DENIED,
            "{login}: {statement}"
        );
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

async fn no_login_can_lend_itself_the_owners_rights(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    for login in ["mailhold_milter", "mailhold_worker", "mailhold_reviews"] {
        let mut session = fixture.sign_in(login).await;
        session
            .run("create temporary table trap (capture_id uuid, state text)")
            .await;
        for function in [
            "guard_state",
            "guard_decision",
            "pass_on_decision",
            "guard_doubt",
        ] {
            let hang = format!(
                "create trigger t before insert on trap for each row execute function {function}()"
            );
            assert_eq!(session.refusal(&hang).await.0, DENIED, "{login} {function}");
        }
    }
}

async fn the_rights_are_exactly_these(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let rights = fixture
        .execute(
            "select replace(grantee, 'mailhold_', ''), table_name, lower(privilege_type)
            from information_schema.table_privileges
            where grantee in ('mailhold_milter', 'mailhold_worker', 'mailhold_reviews', 'PUBLIC')
                and table_schema = 'public'
            union
            select replace(grantee, 'mailhold_', ''), table_name,
                lower(privilege_type) || ' ('
                    || case when count(*) > 7 then count(*)::text
                        else string_agg(column_name, ' ' order by column_name) end || ')'
            from information_schema.column_privileges c
            where grantee in ('mailhold_milter', 'mailhold_worker', 'mailhold_reviews', 'PUBLIC')
                and table_schema = 'public'
                and not exists (
                    select
                    from information_schema.table_privileges t
                    where (t.grantee, t.table_name, t.privilege_type)
                        = (c.grantee, c.table_name, c.privilege_type)
                )
            group by grantee, table_name, privilege_type
            order by 1, 2, 3",
        )
        .await;
    let expected = "\
milter|_sqlx_migrations|select
milter|capture|insert (26)
milter|capture_content|insert (bytes capture_id encoding ordinal)
milter|capture_recipient|insert (argument capture_id ordinal parameters recipient rewritten)
milter|watched|insert (10)
reviews|_sqlx_migrations|select
reviews|added_recipient|select
reviews|capture|select
reviews|capture_content|select
reviews|capture_recipient|select
reviews|decision|insert (capture_id decision note os_user reviewer via)
reviews|decision|select
reviews|doubt|select
reviews|settlement|select
reviews|watched|select
reviews|work|select
worker|_sqlx_migrations|select
worker|added_recipient|insert (address capture_id how n_added ordinal original)
worker|capture|select (9)
worker|capture|update (state)
worker|decision|select (capture_id created_at decision decision_id reviewer)
worker|doubt|insert (capture_id reason)
worker|doubt|select
worker|doubt|update (cleared_at)
worker|settlement|insert (capture_id decision_id disposition evidence method new_queue_id worker)
worker|settlement|select
worker|work|delete
worker|work|select
worker|work|update (attempt begun_at due_at last_failure leased_by)";
    assert_eq!(rights, expected, "\n{rights}\n");
}
