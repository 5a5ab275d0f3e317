-- What a held message costs: less to write, and the same plans on every day of a table's life.

-- A small message lies in its row as a whole: in a table of its own (TOAST) it would be three chunks
-- of 2 kB, each with an entry in an index of its own.
alter table capture_content set (toast_tuple_target = 8160);

-- By what a twin is found, reckoned once. In an index's own expression it is reckoned again whenever
-- the state of a message moves.
alter table capture
    add column twin_by_message_id uuid
        generated always as (case when message_id <> '' then twin_key(login, sender, message_id) end) stored,
    add column twin_by_digest uuid
        generated always as (twin_key(login, sender, encode(digest, 'hex'))) stored;
drop index capture_twins_by_message_id;
drop index capture_twins_by_digest;
create index capture_twins_by_message_id on capture (twin_by_message_id, capture_id)
    where twin_by_message_id is not null;
create index capture_twins_by_digest on capture (twin_by_digest, capture_id);

-- By the keys alone: an index of what is captured, small as it is, tempts the planner to read all of it.
create or replace function recipients_to_confirm(wanted uuid[])
    returns table (capture_id uuid, argument bytea, rewritten bytea)
    language sql stable security definer
    set search_path = pg_catalog, pg_temp
as $$
    select r.capture_id, r.argument, r.rewritten
    from public.capture_recipient r
    where r.capture_id = any(wanted)
        and (select c.state from public.capture c where c.capture_id = r.capture_id) = 'captured'
$$;
