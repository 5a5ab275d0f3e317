-- Why: the facts of what the milter saw. A capture, its recipients and its content are inserted
-- once by the milter and never changed; only the state moves on (0002_reviews.sql).
-- What a client sent is bytea, because nothing makes it UTF-8; text columns are for people.

create table capture (
    capture_id uuid
        constraint capture_pkey primary key,
    instance text collate "C" not null
        constraint capture_instance_well_formed check (instance ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- Long queue IDs only: no vowel, so neither ALL nor a path can stand here.
    queue_id text collate "C" not null
        constraint capture_queue_id_long check (
            length(queue_id) <= 255
            and queue_id ~ '^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]+$'
        ),
    state text collate "C" not null default 'captured'
        constraint capture_state_known check (
            state in (
                'captured', 'held', 'decided',
                'released', 'discarded', 'returned', 'gone', 'never_queued'
            )
        ),
    captured_at timestamptz not null,
    -- Set by the trigger of 0002 when the worker confirms.
    held_at timestamptz,

    sender text not null,
    sender_argument bytea not null,
    sender_parameters bytea[] not null,
    sender_rewritten bytea,
    n_recipients integer not null
        constraint capture_recipients_counted check (n_recipients >= 0),

    login bytea,
    client_address inet,
    client_name bytea,
    client_daemon bytea,

    rule text not null,
    matched_identity_kind text not null,
    matched_identity text not null,
    matched_entry text not null,
    matched_flag text not null,
    matched_recipient text not null,

    size_bytes bigint not null
        constraint capture_size_natural check (size_bytes >= 0),
    digest bytea not null
        constraint capture_digest_sha256 check (octet_length(digest) = 32),

    -- Read from the header for the list; null where the field is missing.
    subject text,
    header_from text,
    header_to text,
    header_date text,
    message_id text,

    created_at timestamptz not null default now()
);

-- The key towards Postfix. Not unique: a second capture under the same queue ID must be kept and
-- seen, not swallowed by "on conflict do nothing".
create index capture_by_queue_id on capture (instance, queue_id);

-- At most one message under review per queue file.
create unique index capture_stands on capture (instance, queue_id)
    where state in ('held', 'decided');

-- The worker asks for what it has not confirmed, oldest first.
create index capture_unconfirmed on capture (instance, capture_id)
    where state = 'captured';

-- The list of reviews: one state, by age.
create index capture_by_state on capture (state, captured_at, capture_id);

create table capture_recipient (
    capture_id uuid not null
        constraint capture_recipient_of_capture references capture (capture_id),
    -- Counted from 0, in the order in which the client named them.
    ordinal integer not null,
    recipient text not null,
    argument bytea not null,
    parameters bytea[] not null,
    rewritten bytea,
    created_at timestamptz not null default now(),
    constraint capture_recipient_pkey primary key (capture_id, ordinal)
);

create table capture_content (
    capture_id uuid not null
        constraint capture_content_of_capture references capture (capture_id),
    -- Counted from 0; the content is all chunks in this order.
    ordinal integer not null,
    encoding text collate "C" not null
        constraint capture_content_encoding_known check (encoding in ('identity')),
    bytes bytea not null
        constraint capture_content_chunk_small check (octet_length(bytes) <= 1048576),
    created_at timestamptz not null default now(),
    constraint capture_content_pkey primary key (capture_id, ordinal)
);

-- Mail is mostly base64, which pglz cannot shrink: do not try on every insert.
alter table capture_content alter column bytes set storage external;

-- One wake-up per instance and statement, however many captures it brought.
create function tell_captured() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_notify('mailhold_captured', fresh.instance)
    from (select distinct instance from inserted) as fresh;
    return null;
end
$$;

create trigger tell_captured
    after insert on capture
    referencing new table as inserted
    for each statement execute function tell_captured();
