select
    c.capture_id, c.instance, c.queue_id, c.state, c.captured_at, c.held_at,
    c.created_at as recorded_at,
    c.sender_argument, c.sender_parameters, c.sender_rewritten,
    c.login, host(c.client_address) as client_address, c.client_name, c.client_daemon,
    c.rule, c.matched_identity_kind, c.matched_identity,
    c.matched_entry, c.matched_flag, c.matched_recipient,
    c.size_bytes, c.digest,
    c.subject, c.header_from, c.header_to, c.header_date, c.message_id,
    d.decision as "decision?", d.reviewer as "reviewer?", d.os_user, d.via as "via?", d.note,
    d.created_at as "decided_at?",
    w.attempt as "attempt?", w.due_at as "due_at?", w.leased_by, w.last_failure,
    s.disposition as "disposition?", s.method as "method?", s.new_queue_id,
    s.worker as "worker?", s.evidence as "evidence?", s.created_at as "settled_at?"
from capture c
left join decision d on d.capture_id = c.capture_id
left join work w on w.decision_id = d.decision_id
left join settlement s on s.capture_id = c.capture_id
where c.capture_id = $1
