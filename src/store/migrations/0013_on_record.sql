-- Why: a login that was taken over could decide without leaving an entry. Whether an entry is sealed, only
-- who has the key can tell; that there is one, the database can see to.

-- Checked when the transaction ends: the decision comes first, then the entry, which others wait for. One
-- that was prepared before, or that says something else, is none.
create function guard_decision_on_record() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (
        select from public.audit_event e
        where e.capture_id = new.capture_id
            and e.kind = 'decided'
            and e.actor = new.reviewer
            and e.detail = new.decision
            and e.at >= new.created_at
    ) then
        raise exception 'a decision needs its entry in the audit record, in the same transaction'
            using errcode = 'check_violation', table = 'decision',
                constraint = 'decision_on_record';
    end if;
    return null;
end
$$;

create constraint trigger decision_on_record
    after insert on decision
    deferrable initially deferred
    for each row execute function guard_decision_on_record();

revoke execute on function guard_decision_on_record() from public;

-- As in 0012, with the columns by their names: one that is added to a table later changes no other.
create or replace function list_waiting() returns trigger
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
        insert into public.listing_waiting (
            capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful,
            entry, texts, language, snippet, grams, created_at, state
        )
        values (
            new.capture_id, new.captured_at, new.size_bytes, new.n_attachments, new.has_html,
            new.has_image, new.is_doubtful, new.entry, new.texts, new.language, new.snippet,
            new.grams, new.created_at, standing
        );
    end if;
    return null;
end
$$;
