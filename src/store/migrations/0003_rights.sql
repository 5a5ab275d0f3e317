-- Why: one login per process, with the rights of docs/architecture.md and no more, so that a
-- process that is taken over can do nothing that is another's. The logins are made before, by
-- `mailhold migrate --create-roles`.

-- Whoever may execute a trigger function can hang it on a table of their own and run it with the
-- owner's rights.
revoke execute on function tell_captured(), guard_state(), guard_decision(), pass_on_decision()
    from public;

-- The milter: inserts captures, in their first state, and reads nothing.
grant insert (
    capture_id, instance, queue_id, captured_at,
    sender, sender_argument, sender_parameters, sender_rewritten, n_recipients,
    login, client_address, client_name, client_daemon,
    rule, matched_identity_kind, matched_identity, matched_entry, matched_flag, matched_recipient,
    size_bytes, digest,
    subject, header_from, header_to, header_date, message_id
) on capture to mailhold_milter;
grant insert (capture_id, ordinal, recipient, argument, parameters, rewritten)
    on capture_recipient to mailhold_milter;
grant insert (capture_id, ordinal, encoding, bytes)
    on capture_content to mailhold_milter;

-- The worker: reads what identifies a queue file, never a subject, an address or content; reads
-- decisions; inserts settlements; moves states (guarded) and leases.
grant select (
    capture_id, instance, queue_id, state, captured_at, held_at, size_bytes, digest, created_at
) on capture to mailhold_worker;
grant update (state) on capture to mailhold_worker;
grant select (decision_id, capture_id, decision, reviewer, created_at) on decision to mailhold_worker;
grant select, delete on work to mailhold_worker;
grant update (due_at, attempt, leased_by, begun_at, last_failure) on work to mailhold_worker;
grant select on settlement to mailhold_worker;
grant insert (
    capture_id, decision_id, disposition, method, new_queue_id, worker, evidence
) on settlement to mailhold_worker;

-- The reviewers' login: reads all of a review and inserts decisions.
grant select on capture, capture_recipient, capture_content, decision, work, settlement
    to mailhold_reviews;
grant insert (capture_id, decision, reviewer, os_user, via, note)
    on decision to mailhold_reviews;
