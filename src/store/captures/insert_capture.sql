insert into capture (
    capture_id, instance, queue_id, captured_at,
    sender, sender_argument, sender_parameters, sender_rewritten, n_recipients,
    login, client_address, client_name, client_daemon,
    rule, matched_identity_kind, matched_identity,
    matched_entry, matched_flag, matched_recipient,
    size_bytes, digest,
    subject, header_from, header_to, header_date, message_id,
    twin_by_message_id, twin_by_digest
)
select
    capture_id, instance, queue_id, captured_at,
    sender, sender_argument, sender_parameters::bytea[], sender_rewritten, n_recipients,
    login, client_address::inet, client_name, client_daemon,
    rule, identity_kind, identity, entry, flag, recipient,
    size_bytes, digest,
    subject, header_from, header_to, header_date, message_id,
    case when message_id <> '' then twin_key(login, sender, message_id) end,
    twin_key(login, sender, encode(digest, 'hex'))
from unnest(
    $1::uuid[], $2::text[], $3::text[], $4::timestamptz[],
    $5::text[], $6::bytea[], $7::text[], $8::bytea[], $9::int[],
    $10::bytea[], $11::text[], $12::bytea[], $13::bytea[],
    $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::text[],
    $20::bigint[], $21::bytea[],
    $22::text[], $23::text[], $24::text[], $25::text[], $26::text[]
) as fresh (
    capture_id, instance, queue_id, captured_at,
    sender, sender_argument, sender_parameters, sender_rewritten, n_recipients,
    login, client_address, client_name, client_daemon,
    rule, identity_kind, identity, entry, flag, recipient,
    size_bytes, digest,
    subject, header_from, header_to, header_date, message_id
)
on conflict do nothing
