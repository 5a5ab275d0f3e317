//! Every right of every login, as a list.

use std::sync::Arc;

use libtest_mimic::Trial;

use super::super::fixture::Fixture;
use crate::{
    lab::Lab,
    trials::{Trials, tests},
};

pub fn tests(trials: &Arc<Trials>) -> Vec<Trial> {
    tests![trials.shared: the_rights_are_exactly_these]
}

/// All rights of all logins, and no others: login, table, right, columns.
const RIGHTS: &str = "\
milter|_sqlx_migrations|select
milter|capture|insert (28)
milter|capture_content|insert (bytes capture_id encoding ordinal)
milter|capture_recipient|insert (argument capture_id ordinal parameters recipient rewritten)
milter|watched|insert (10)
outline|_sqlx_migrations|select
outline|capture|select (capture_id captured_at matched_entry sender size_bytes state subject)
outline|capture_content|select
outline|capture_recipient|select
outline|listing|insert (12)
outline|outline|insert (capture_id document reason status)
outline|outline|select (capture_id)
outline|outline_content|insert (bytes capture_id kind ordinal part)
outline|outline_due|delete
outline|outline_due|select
outline|outline_due|update (attempt due_at)
reviews|_sqlx_migrations|select
reviews|added_recipient|select
reviews|adoption|insert (administrator note os_user stray_id)
reviews|adoption|select
reviews|audit_event|insert (11)
reviews|audit_event|select
reviews|audit_head|select
reviews|capture|select
reviews|capture_content|select
reviews|capture_recipient|select
reviews|decision|insert (capture_id decision note os_user reviewer via)
reviews|decision|select
reviews|doubt|select
reviews|listing|select
reviews|listing_waiting|select
reviews|outline|select
reviews|outline_content|select
reviews|outline_due|select
reviews|settlement|select
reviews|stray|select
reviews|watched|select
reviews|work|select
web|_sqlx_migrations|select
web|added_recipient|select
web|adoption|select
web|audit_event|insert (11)
web|audit_event|select
web|audit_head|select
web|capture|select
web|capture_content|select
web|capture_recipient|select
web|decision|insert (capture_id decision note os_user reviewer via)
web|decision|select
web|doubt|select
web|listing|select
web|listing_waiting|select
web|outline|select
web|outline_content|select
web|outline_due|select
web|settlement|select
web|stray|select
web|watched|select
web|web_session|delete
web|web_session|insert (9)
web|web_session|select
web|web_session|update (9)
web|work|select
worker|_sqlx_migrations|select
worker|added_recipient|insert (address capture_id how n_added ordinal original)
worker|adoption|select (administrator capture_id created_at last_failure stray_id)
worker|adoption|update (last_failure)
worker|capture|select (9)
worker|capture|update (state)
worker|decision|select (capture_id created_at decision decision_id reviewer)
worker|doubt|insert (capture_id reason)
worker|doubt|select
worker|doubt|update (cleared_at)
worker|hold_queue|insert (directory instance)
worker|hold_queue|select (directory instance)
worker|hold_queue|update (directory)
worker|settlement|insert (capture_id decision_id disposition evidence method new_queue_id worker)
worker|settlement|select
worker|stray|insert (arrived_at instance queue_id size_bytes)
worker|stray|select
worker|stray|update (ended ended_at)
worker|work|delete
worker|work|select
worker|work|update (attempt begun_at due_at last_failure leased_by)";

async fn the_rights_are_exactly_these(lab: &Lab) {
    let fixture = Fixture::shared(lab).await;
    let rights = fixture
        .execute(
            "select replace(grantee, 'mailhold_', ''), table_name, lower(privilege_type)
            from information_schema.table_privileges
            where grantee in (
                'mailhold_milter', 'mailhold_worker', 'mailhold_outline', 'mailhold_web',
                'mailhold_reviews', 'PUBLIC'
            )
                and table_schema = 'public'
            union
            select replace(grantee, 'mailhold_', ''), table_name,
                lower(privilege_type) || ' ('
                    || case when count(*) > 7 then count(*)::text
                        else string_agg(column_name, ' ' order by column_name) end || ')'
            from information_schema.column_privileges c
            where grantee in (
                'mailhold_milter', 'mailhold_worker', 'mailhold_outline', 'mailhold_web',
                'mailhold_reviews', 'PUBLIC'
            )
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
    assert_eq!(rights, RIGHTS, "\n{rights}\n");
}
