-- Why: the review desk needs to know who is signed in, and whatever a person does with other people's
-- mail goes on a record that nobody can change unseen: each entry is sealed with a key that is not in
-- the database, together with the seal of the entry before.

-- Who is signed in at the review desk. Of the token that the browser has, its hash alone: whoever reads
-- this table cannot become anybody.
create table web_session (
    token_hash bytea
        constraint web_session_pkey primary key
        constraint web_session_token_sha256 check (octet_length(token_hash) = 32),
    -- What proves that a form is the desk's own.
    form_secret bytea not null
        constraint web_session_form_secret_long check (octet_length(form_secret) = 32),
    -- The person as the directory told it last, see domain/rights: all names folded.
    login text not null
        constraint web_session_login_named check (login <> ''),
    display_name text not null,
    entry text,
    roles text[] not null,
    scope text collate "C" not null
        constraint web_session_scope_known check (scope in ('all', 'unit', 'entries')),
    -- The unit, or the entries.
    scope_entries text[] not null,
    names text[] not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    renewed_at timestamptz not null default now(),
    ended_at timestamptz
);

-- All sessions of one person end at once.
create index web_session_by_login on web_session (login) where ended_at is null;
-- What is old enough to be removed.
create index web_session_by_time on web_session (started_at);

grant select, delete on web_session to mailhold_web;
grant insert (
    token_hash, form_secret, login, display_name, entry, roles, scope, scope_entries, names
) on web_session to mailhold_web;
grant update (
    display_name, entry, roles, scope, scope_entries, names, seen_at, renewed_at, ended_at
) on web_session to mailhold_web;

create table audit_event (
    seq bigint
        constraint audit_event_pkey primary key,
    at timestamptz not null,
    actor text not null
        constraint audit_event_actor_named check (actor <> ''),
    os_user text,
    via text collate "C" not null
        constraint audit_event_via_known check (via in ('web', 'cli')),
    kind text collate "C" not null
        constraint audit_event_kind_known check (kind in (
            'signed_in', 'sign_in_failed', 'signed_out', 'rights_changed', 'searched', 'viewed',
            'downloaded', 'decided', 'refused', 'command', 'adopted', 'exported'
        )),
    -- Refers to nothing: the record outlives what it tells of, and waits for no lock on it.
    capture_id uuid,
    client text,
    detail text not null,
    previous bytea not null
        constraint audit_event_previous_sha256 check (octet_length(previous) = 32),
    hash bytea not null
        constraint audit_event_hash_sha256 check (octet_length(hash) = 32)
);

create index audit_event_by_capture on audit_event (capture_id, seq) where capture_id is not null;
-- Whether a name that somebody typed is anybody's.
create index audit_event_signed_in on audit_event (actor) where kind = 'signed_in';

-- The end of the record: the entry that the next one follows. Its one row is the lock behind which
-- entries are appended one after the other, and tells when the last ones were taken away.
create table audit_head (
    only_row boolean not null default true
        constraint audit_head_pkey primary key
        constraint audit_head_single check (only_row),
    seq bigint not null,
    hash bytea not null
);
insert into audit_head (seq, hash) values (0, decode(repeat('00', 32), 'hex'));

-- Locks the end of the record until the transaction ends, and tells where it is. With the owner's
-- rights: a login that could lock the row by itself could change it.
create function lock_audit_head() returns table (seq bigint, hash bytea, at timestamptz)
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select h.seq, h.hash, clock_timestamp()
    from public.audit_head h
    for update;
end
$$;

-- An entry follows the last one, and is of now: a login that may append cannot insert, skip or backdate.
-- Whether its seal is right, only who has the key can tell.
create function guard_audit_event() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    last public.audit_head;
begin
    select h.* into last from public.audit_head h for update;
    if new.seq <> last.seq + 1 or new.previous <> last.hash then
        raise exception 'an entry of the audit record must follow the last one'
            using errcode = 'check_violation', table = 'audit_event',
                constraint = 'audit_event_follows';
    end if;
    -- A minute: clocks are set.
    if abs(extract(epoch from clock_timestamp() - new.at)) > 60 then
        raise exception 'an entry of the audit record is of now'
            using errcode = 'check_violation', table = 'audit_event',
                constraint = 'audit_event_of_now';
    end if;
    update public.audit_head set seq = new.seq, hash = new.hash;
    return new;
end
$$;

create trigger guard_audit_event
    before insert on audit_event
    for each row execute function guard_audit_event();

-- Nobody changes what is on record, its owner included.
create function refuse_audit_change() returns trigger
    language plpgsql
    set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the audit record is never changed'
        using errcode = 'insufficient_privilege', table = 'audit_event',
            constraint = 'audit_event_stands';
end
$$;

create trigger refuse_audit_change
    before update or delete or truncate on audit_event
    for each statement execute function refuse_audit_change();
create trigger refuse_audit_head_loss
    before insert or delete or truncate on audit_head
    for each statement execute function refuse_audit_change();

revoke execute on function lock_audit_head(), guard_audit_event(), refuse_audit_change() from public;
grant execute on function lock_audit_head() to mailhold_web, mailhold_reviews;
grant select on audit_event, audit_head to mailhold_web, mailhold_reviews;
grant insert (
    seq, at, actor, os_user, via, kind, capture_id, client, detail, previous, hash
) on audit_event to mailhold_web, mailhold_reviews;


-- As in 0002, and one thing more: where no recipient wants to be told of (NOTIFY=NEVER, RFC 3461),
-- Postfix sends no bounce, and the message would be lost in silence.
create or replace function guard_decision() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    standing text;
    its_sender text;
begin
    select c.state, c.sender into standing, its_sender
    from public.capture c
    where c.capture_id = new.capture_id
    -- Not against the keys that refer to it: an outline that is being recorded holds nobody up.
    for no key update;
    if not found then
        raise exception 'there is no such capture'
            using errcode = 'foreign_key_violation', table = 'decision',
                constraint = 'decision_of_capture';
    end if;
    if standing <> 'held' then
        raise exception 'only a held message can be decided, this one is %', standing
            using errcode = 'check_violation', table = 'decision',
                constraint = 'decision_needs_held', detail = standing;
    end if;
    if new.decision = 'return' and its_sender = '<>' then
        raise exception 'a message without a sender cannot be returned'
            using errcode = 'check_violation', table = 'decision',
                constraint = 'decision_needs_sender';
    end if;
    if new.decision = 'return' and (
        select bool_and('NOTIFY=NEVER' in (
            select upper(encode(parameter, 'escape')) from unnest(r.parameters) as parameter
        ))
        from public.capture_recipient r
        where r.capture_id = new.capture_id
    ) then
        raise exception 'nobody would be told of the return of this message'
            using errcode = 'check_violation', table = 'decision',
                constraint = 'decision_needs_notice';
    end if;
    return new;
end
$$;
