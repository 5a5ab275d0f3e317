-- Why: the record of a stray ends once, as a doubt does, whatever a worker's login says; and nothing is
-- hashed with MD5 any more, which a server in FIPS mode refuses.

-- A stray ends once, now, and only an adoption that was carried out makes it adopted.
create function guard_stray() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if old.ended is not null then
        raise exception 'a stray that has ended cannot be changed'
            using errcode = 'check_violation', table = 'stray', constraint = 'stray_ends_once';
    end if;
    if new.ended = 'adopted' and not exists (
        select from public.adoption a
        where a.stray_id = new.stray_id and a.capture_id is not null
    ) then
        raise exception 'nobody has adopted this stray'
            using errcode = 'check_violation', table = 'stray', constraint = 'stray_adopted_by_word';
    end if;
    new.ended_at := case when new.ended is not null then now() end;
    return new;
end
$$;

create trigger guard_stray
    before update on stray
    for each row execute function guard_stray();

revoke execute on function guard_stray() from public;

-- Immutable, because the encoding of this database never changes.
create function hash_of(words text) returns bytea
    language sql immutable parallel safe
    return sha256(convert_to(words, 'UTF8'));

drop index doubt_stands;
-- However often the same is seen, it is one doubt.
create unique index doubt_stands on doubt (capture_id, hash_of(reason)) where cleared_at is null;

drop index capture_twins_by_message_id;
drop index capture_twins_by_digest;

create or replace function twin_key(login bytea, sender text, mark text) returns uuid
    language sql immutable parallel safe
    return encode(
        substring(
            hash_of(coalesce('login ' || encode(login, 'hex'), 'sender ' || sender) || ' ' || mark)
            from 1 for 16
        ),
        'hex'
    )::uuid;

create index capture_twins_by_message_id
    on capture (twin_key(login, sender, message_id), capture_id)
    where message_id <> '';
create index capture_twins_by_digest
    on capture (twin_key(login, sender, encode(digest, 'hex')), capture_id);
