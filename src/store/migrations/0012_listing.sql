-- Why: reviewers search a million messages by any part of a word, in any script, within the time of a
-- key press. What is searched is written once, beside the outline, in the folded spelling of
-- src/domain/grams.rs, and never changes. It does not hold the state: a state that moves would write
-- all entries of the index of grams again.

create table listing (
    capture_id uuid
        constraint listing_pkey primary key
        constraint listing_of_capture references capture (capture_id),
    captured_at timestamptz not null,
    size_bytes bigint not null
        constraint listing_size_natural check (size_bytes >= 0),
    n_attachments integer not null
        constraint listing_attachments_counted check (n_attachments >= 0),
    has_html boolean not null,
    has_image boolean not null,
    is_doubtful boolean not null,
    -- The directory entry that matched, folded: whose reviewers may see it.
    entry text collate "C" not null,
    -- Senders, recipients, subject and names of attachments, folded, with the sign 1e (hexadecimal) between
    -- them. Each address or name stands between two line feeds, so that its end can be looked for.
    texts text collate "C" not null,
    -- For the list.
    language text,
    snippet text not null,
    -- What to look up before the texts are compared, see src/domain/grams.rs.
    grams tsvector not null,
    created_at timestamptz not null default now()
);

-- Long ones leave the row; they are never read with it.
alter table listing alter column grams set storage external;
alter table listing set (toast_tuple_target = 512);

create index listing_by_time on listing (captured_at, capture_id);
-- Entries are added at once: what waits in a list of its own would be read as a whole by each search.
create index listing_by_gram on listing using gin (grams) with (fastupdate = off);

-- The same once more for what can still be decided: few among many, and what reviewers look at most.
-- A row leaves when its message does; the state is in no index, so that it moves without one.
create table listing_waiting (
    like listing including comments including constraints including storage,
    state text collate "C" not null
        constraint listing_waiting_state_known check (state in ('captured', 'held')),
    constraint listing_waiting_pkey primary key (capture_id),
    constraint listing_waiting_of_listing foreign key (capture_id) references listing (capture_id)
);
alter table listing_waiting set (toast_tuple_target = 512, fillfactor = 90);

create index listing_waiting_by_time on listing_waiting (captured_at, capture_id);
create index listing_waiting_by_gram on listing_waiting using gin (grams) with (fastupdate = off);

-- With the owner's rights: the outline's login moves no state and keeps none from moving. The lock makes
-- a message that is being decided wait or be seen.
create function list_waiting() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    standing text;
begin
    select c.state into standing
    from public.capture c
    where c.capture_id = new.capture_id
    for no key update;
    if standing in ('captured', 'held') then
        insert into public.listing_waiting values (new.*, standing);
    end if;
    return null;
end
$$;

create trigger list_waiting
    after insert on listing
    for each row execute function list_waiting();

-- Nothing happens to a message that is not outlined yet.
create function list_state() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if new.state in ('captured', 'held') then
        update public.listing_waiting set state = new.state where capture_id = new.capture_id;
    else
        delete from public.listing_waiting where capture_id = new.capture_id;
    end if;
    return null;
end
$$;

create trigger list_state
    after update of state on capture
    for each row execute function list_state();

revoke execute on function list_waiting(), list_state() from public;

grant select (matched_entry) on capture to mailhold_outline;
grant insert (
    capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful,
    entry, texts, language, snippet, grams
) on listing to mailhold_outline;
grant select on listing, listing_waiting to mailhold_web, mailhold_reviews;
