-- Why: what people read of a message is made once, by a process that can do nothing else, and kept
-- beside the message; the web never parses mail.

-- What waits to be outlined. An attempt counts before it begins: a message that ends its reader is
-- known by that, and does not hold up the others.
create table outline_due (
    capture_id uuid
        constraint outline_due_pkey primary key
        constraint outline_due_of_capture references capture (capture_id),
    -- May be taken from then on: recorded, or the end of the time that its reader has.
    due_at timestamptz not null default now(),
    attempt integer not null default 0,
    created_at timestamptz not null default now()
);

create index outline_due_by_time on outline_due (due_at);

create table outline (
    capture_id uuid
        constraint outline_pkey primary key
        constraint outline_of_capture references capture (capture_id),
    status text collate "C" not null
        constraint outline_status_known check (status in ('whole', 'doubtful', 'failed')),
    -- Why it failed.
    reason text,
    -- The outline as JSON, text and not jsonb: it is read and written as a whole.
    document text,
    created_at timestamptz not null default now(),
    constraint outline_failed_with_reason check ((status = 'failed') = (reason is not null)),
    constraint outline_made check ((status = 'failed') = (document is null))
);

-- What an outline does not hold in itself: decoded files, and the safe page of an HTML part.
create table outline_content (
    capture_id uuid not null
        constraint outline_content_of_outline references outline (capture_id),
    part integer not null,
    kind text collate "C" not null
        constraint outline_content_kind_known check (kind in ('file', 'page')),
    -- Counted from 0; the content is all chunks in this order.
    ordinal integer not null,
    bytes bytea not null
        constraint outline_content_chunk_small check (octet_length(bytes) <= 1048576),
    created_at timestamptz not null default now(),
    constraint outline_content_pkey primary key (capture_id, part, kind, ordinal)
);

-- Attachments are mostly compressed already.
alter table outline_content alter column bytes set storage external;

-- What was recorded before there were outlines; what has left review comes later.
insert into outline_due (capture_id, due_at)
select
    capture_id,
    case when state in ('captured', 'held', 'decided') then now() else now() + interval '1 hour' end
from capture;

-- With the owner's rights, because the milter's login reads and writes nothing but captures. One
-- wake-up per instance and statement, however many captures it brought.
create or replace function tell_captured() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.outline_due (capture_id) select fresh.capture_id from inserted as fresh;
    perform pg_notify('mailhold_captured', fresh.instance)
    from (select distinct instance from inserted) as fresh;
    return null;
end
$$;

-- The outline process: reads what was captured, and writes what it makes of it.
grant select (capture_id, captured_at, state, size_bytes, sender, subject) on capture to mailhold_outline;
grant select on capture_recipient, capture_content to mailhold_outline;
grant select, delete on outline_due to mailhold_outline;
grant update (due_at, attempt) on outline_due to mailhold_outline;
grant select (capture_id) on outline to mailhold_outline;
grant insert (capture_id, status, reason, document) on outline to mailhold_outline;
grant insert (capture_id, part, kind, ordinal, bytes) on outline_content to mailhold_outline;

-- Reviewers read it, in the browser and by the command line; the web decides as the command line does.
grant select on outline_due, outline, outline_content to mailhold_reviews, mailhold_web;
grant select on capture, capture_recipient, capture_content, decision, work, settlement,
    watched, stray, adoption, doubt, added_recipient
    to mailhold_web;
grant insert (capture_id, decision, reviewer, os_user, via, note)
    on decision to mailhold_web;
