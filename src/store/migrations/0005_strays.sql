-- Why: mail on hold that nobody captured must be seen, and never acted on by itself. Of a stray only
-- its name, its age and its size are known, until an administrator adopts it; the adoption stays.

create table stray (
    stray_id uuid not null default gen_random_uuid()
        constraint stray_pkey primary key,
    instance text collate "C" not null
        constraint stray_instance_well_formed check (instance ~ '^[A-Za-z0-9._-]{1,64}$'),
    queue_id text collate "C" not null
        constraint stray_queue_id_long check (
            length(queue_id) <= 255
            and queue_id ~ '^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]+$'
        ),
    -- As the queue ID tells it.
    arrived_at timestamptz not null,
    -- Of the queue file, envelope included.
    size_bytes bigint not null
        constraint stray_size_natural check (size_bytes >= 0),
    found_at timestamptz not null default now(),
    -- How it ended: its capture came after all, it left hold by another hand, or it was adopted.
    ended text collate "C"
        constraint stray_end_known check (ended in ('captured', 'left', 'adopted')),
    ended_at timestamptz,
    constraint stray_end_dated check ((ended is null) = (ended_at is null))
);

-- Several workers of one instance find the same stray: one of them records it.
create unique index stray_stands on stray (instance, queue_id) where ended is null;

-- The list of all, by age.
create index stray_by_time on stray (found_at);

create table adoption (
    stray_id uuid
        constraint adoption_once primary key
        constraint adoption_of_stray references stray (stray_id),
    administrator text not null
        constraint adoption_administrator_named check (administrator <> ''),
    os_user text,
    note text,
    created_at timestamptz not null default now(),
    -- Set when the worker has captured the message.
    capture_id uuid
        constraint adoption_of_capture references capture (capture_id),
    -- Why that failed when it was tried last.
    last_failure text
);

-- What the worker has to do yet.
create index adoption_waits on adoption (created_at) where capture_id is null;

-- What became of a held message since the last look: the worker compares the newest with the queue.
create index capture_held_since on capture (instance, held_at) where state = 'held';

-- Only what stands can be adopted; whoever hears of it is the worker of its instance.
create function guard_adoption() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    its_end text;
    its_instance text;
begin
    select s.ended, s.instance into its_end, its_instance
    from public.stray s
    where s.stray_id = new.stray_id
    for update;
    if not found then
        raise exception 'there is no such stray'
            using errcode = 'foreign_key_violation', table = 'adoption',
                constraint = 'adoption_of_stray';
    end if;
    if its_end is not null then
        raise exception 'this stray has ended: %', its_end
            using errcode = 'check_violation', table = 'adoption',
                constraint = 'adoption_needs_stray', detail = its_end;
    end if;
    perform pg_notify('mailhold_adopted', its_instance);
    return new;
end
$$;

create trigger guard_adoption
    before insert on adoption
    for each row execute function guard_adoption();

-- Captures an adopted message: the one way in which the worker can add a capture. Instance and queue
-- ID are those of the stray, the grounds those of the adoption, digest and size those of the content:
-- a worker that is taken over can capture nothing that an administrator did not name. Nothing happens
-- unless the stray stands, its adoption waits, and no capture stands under its name.
create function adopt_stray(
    its_stray uuid, its_capture uuid, its_sender text, sender_argument bytea,
    recipients text[], arguments bytea[], its_login bytea, its_client inet,
    fields text[], content bytea
) returns boolean
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    found_stray public.stray;
    its_administrator text;
begin
    select s.* into found_stray
    from public.stray s
    where s.stray_id = its_stray and s.ended is null
    for update;
    if not found then
        return false;
    end if;
    -- Its own capture may have come meanwhile, late from a spool.
    if exists (
        select from public.capture c
        where c.instance = found_stray.instance
            and c.queue_id = found_stray.queue_id
            and c.state in ('captured', 'held', 'decided')
    ) then
        return false;
    end if;
    select a.administrator into its_administrator
    from public.adoption a
    where a.stray_id = its_stray and a.capture_id is null
    for update;
    if not found then
        return false;
    end if;
    insert into public.capture (
        capture_id, instance, queue_id, captured_at,
        sender, sender_argument, sender_parameters, n_recipients, login, client_address,
        rule, matched_identity_kind, matched_identity, matched_entry, matched_flag,
        matched_recipient, size_bytes, digest,
        subject, header_from, header_to, header_date, message_id
    ) values (
        its_capture, found_stray.instance, found_stray.queue_id, now(),
        its_sender, sender_argument, '{}', cardinality(recipients), its_login, its_client,
        'adopted', 'administrator', its_administrator, '', '',
        '', octet_length(content), sha256(content),
        fields[1], fields[2], fields[3], fields[4], fields[5]
    );
    insert into public.capture_recipient (capture_id, ordinal, recipient, argument, parameters)
    select its_capture, named.ordinal - 1, named.recipient, named.argument, '{}'
    from unnest(recipients, arguments) with ordinality as named (recipient, argument, ordinal);
    insert into public.capture_content (capture_id, ordinal, encoding, bytes)
    select its_capture, chunk, 'identity', substring(content from chunk * 1048576 + 1 for 1048576)
    from generate_series(0, (octet_length(content) - 1) / 1048576) as chunk;
    update public.adoption
    set capture_id = its_capture, last_failure = null
    where stray_id = its_stray;
    update public.stray
    set ended = 'adopted', ended_at = now()
    where stray_id = its_stray;
    return true;
end
$$;

revoke execute on function guard_adoption() from public;
revoke execute on function adopt_stray(
    uuid, uuid, text, bytea, text[], bytea[], bytea, inet, text[], bytea
) from public;

-- The worker: finds strays, and tells how they ended; reads what was adopted, and captures that.
grant select on stray to mailhold_worker;
grant insert (instance, queue_id, arrived_at, size_bytes) on stray to mailhold_worker;
grant update (ended, ended_at) on stray to mailhold_worker;
grant select (stray_id, administrator, capture_id, created_at, last_failure) on adoption to mailhold_worker;
grant update (last_failure) on adoption to mailhold_worker;
grant execute on function adopt_stray(
    uuid, uuid, text, bytea, text[], bytea[], bytea, inet, text[], bytea
) to mailhold_worker;

-- The reviewers' login: reads strays, and adopts them.
grant select on stray, adoption to mailhold_reviews;
grant insert (stray_id, administrator, os_user, note) on adoption to mailhold_reviews;
