-- Why: what the worker found when it compared a queue file with its capture, on the record: doubts
-- about which message it is, and recipients that Postfix added. And cheap ways to find the twins of a
-- message: a client that heard no answer sends it again.

create table doubt (
    doubt_id uuid not null default gen_random_uuid()
        constraint doubt_pkey primary key,
    capture_id uuid not null
        constraint doubt_of_capture references capture (capture_id),
    reason text not null,
    seen_at timestamptz not null default now(),
    -- When a later look found the captured message, or another reason. Null while the doubt stands.
    cleared_at timestamptz
        constraint doubt_cleared_after_seen check (cleared_at >= seen_at),
    created_at timestamptz not null default now()
);

-- However often the same is seen, it is one doubt.
create unique index doubt_stands on doubt (capture_id, md5(reason)) where cleared_at is null;
create index doubt_by_capture on doubt (capture_id, seen_at);

-- A doubt ends once, now, and never comes back: what is seen again is a new one.
create function guard_doubt() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    if old.cleared_at is not null then
        raise exception 'a doubt that was cleared cannot be changed'
            using errcode = 'check_violation', table = 'doubt', constraint = 'doubt_ends_once';
    end if;
    new.cleared_at := greatest(now(), old.seen_at);
    return new;
end
$$;

create trigger guard_doubt
    before update on doubt
    for each row execute function guard_doubt();

-- Recipients in the queue file that the client did not name, as they were when the message was
-- confirmed. Most messages have none.
create table added_recipient (
    capture_id uuid not null
        constraint added_recipient_of_capture references capture (capture_id),
    -- Counted from 0, in the order of the queue file. At most 100 are recorded.
    ordinal integer not null,
    -- How many there are in all.
    n_added integer not null
        constraint added_recipient_counted check (n_added > ordinal),
    how text collate "C" not null
        constraint added_recipient_how_known check (how in ('added', 'rewritten', 'redirected')),
    -- Without quotes, as Postfix keeps it.
    address bytea not null,
    -- What it was made of; null where the queue file does not tell.
    original bytea,
    created_at timestamptz not null default now(),
    constraint added_recipient_pkey primary key (capture_id, ordinal)
);

-- Two captures are twins if one person sent the same content, or content with the same Message-ID.
-- The person is the login or, without one, the envelope sender: a Message-ID alone proves nothing,
-- anybody can copy one. A hash, because an index takes no long values.
create function twin_key(login bytea, sender text, mark text) returns uuid
    language sql immutable parallel safe
    return md5(coalesce('login ' || encode(login, 'hex'), 'sender ' || sender) || ' ' || mark)::uuid;

create index capture_twins_by_message_id
    on capture (twin_key(login, sender, message_id), capture_id)
    where message_id <> '';
create index capture_twins_by_digest
    on capture (twin_key(login, sender, encode(digest, 'hex')), capture_id);

-- What the client named, for the one comparison at the confirmation. The worker's login cannot read
-- addresses, and needs none of a message whose queue file it has compared.
create function recipients_to_confirm(wanted uuid[])
    returns table (capture_id uuid, argument bytea, rewritten bytea)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select r.capture_id, r.argument, r.rewritten
    from public.capture c
    join public.capture_recipient r on r.capture_id = c.capture_id
    where c.capture_id = any(wanted) and c.state = 'captured'
$$;

revoke execute on function guard_doubt(), recipients_to_confirm(uuid[]) from public;
grant execute on function recipients_to_confirm(uuid[]) to mailhold_worker;

-- The worker writes what it found, and ends doubts.
grant select on doubt to mailhold_worker;
grant insert (capture_id, reason) on doubt to mailhold_worker;
grant update (cleared_at) on doubt to mailhold_worker;
grant insert (capture_id, ordinal, n_added, how, address, original)
    on added_recipient to mailhold_worker;

-- The reviewers' login reads it.
grant select on doubt, added_recipient to mailhold_reviews;
