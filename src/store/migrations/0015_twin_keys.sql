-- Why: a generated column is reckoned again whenever a row changes, if a trigger looks at the row before;
-- so the keys of twins were, for each message that is confirmed. Whoever inserts a capture reckons them,
-- once; the values that are there stay.

alter table capture
    alter column twin_by_message_id drop expression,
    alter column twin_by_digest drop expression,
    alter column twin_by_digest set not null;

grant insert (twin_by_message_id, twin_by_digest) on capture to mailhold_milter;

-- As before (0005_strays.sql), with the keys.
create or replace function adopt_stray(
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
        subject, header_from, header_to, header_date, message_id,
        twin_by_message_id, twin_by_digest
    ) values (
        its_capture, found_stray.instance, found_stray.queue_id, now(),
        its_sender, sender_argument, '{}', cardinality(recipients), its_login, its_client,
        'adopted', 'administrator', its_administrator, '', '',
        '', octet_length(content), sha256(content),
        fields[1], fields[2], fields[3], fields[4], fields[5],
        case when fields[5] <> '' then public.twin_key(its_login, its_sender, fields[5]) end,
        public.twin_key(its_login, its_sender, encode(sha256(content), 'hex'))
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
