-- So many reviews (:n) as the milter, the worker and the outline process would have left them: one of ten is
-- held, 25 seconds lie between two. Made of the tables word, person and outside; the grams of a row are
-- those of its words. From :begin to :end.

insert into capture (
    capture_id, instance, queue_id, state, captured_at, sender, sender_argument, sender_parameters,
    n_recipients, rule, matched_identity_kind, matched_identity, matched_entry, matched_flag,
    matched_recipient, size_bytes, digest, subject, header_from, twin_by_digest
)
select
    (lpad(to_hex(f.i), 8, '0') || '-0000-7000-8000-000000000000')::uuid, 'mx1', '4jWkMG56f7z' || f.i,
    case when f.i > :n * 9 / 10 then 'held' when f.i % 50 = 0 then 'discarded' else 'released' end,
    '2026-01-01'::timestamptz + f.i * interval '25 seconds', p.address, '', '{}', 1, 'flagged-external',
    'envelope sender', p.address, p.entry, 'Y', '', f.h1 % 100000 + 500, sha256(f.i::text::bytea),
    'subject ' || f.i, p.address, gen_random_uuid()
from (
    select i, hashint4(i) & 2147483647 as h1, hashint4(i + 500000000) & 2147483647 as h3
    from generate_series(:begin, :end) as i
) as f
join person p on p.i = f.h3 % 5000;

insert into listing (
    capture_id, captured_at, size_bytes, n_attachments, has_html, has_image, is_doubtful, entry, texts,
    snippet, grams
)
select
    (lpad(to_hex(f.i), 8, '0') || '-0000-7000-8000-000000000000')::uuid,
    '2026-01-01'::timestamptz + f.i * interval '25 seconds', f.h1 % 100000 + 500, f.h2 % 4 / 3,
    f.h2 % 2 = 0, f.h2 % 8 = 0, f.h2 % 100 = 0, p.entry,
    e'\n' || p.address || e'\n\x1e\n' || o.w || e'\n\x1e' || concat_ws(' ', a.w, b.w, c.w, d.w, x.w)
        || e'\x1e' || case when f.h2 % 4 = 3 then e'\n' || d.w || e'.pdf\n' else e'\n' end,
    repeat('words of the text, ', 6),
    p.g || o.g || a.g || b.g || c.g || d.g || coalesce(x.g, '') || case when f.h2 % 4 = 3 then m.g else '' end
from (
    select i, hashint4(i) & 2147483647 as h1, hashint4(i + 400000000) & 2147483647 as h2,
        hashint4(i + 500000000) & 2147483647 as h3, hashint4(i + 600000000) & 2147483647 as h4,
        hashint4(i + 700000000) & 2147483647 as h5, hashint4(i + 800000000) & 2147483647 as h6,
        case when i % 5 = 0 then 2000 when i % 100 = 7 then 2001 when i % 1000 = 11 then 2002
            when i % 100003 = 9 then 2003 end as extra
    from generate_series(:begin, :end) as i
) as f
join person p on p.i = f.h3 % 5000
join outside o on o.i = f.h2 / 7 % 20000
join word a on a.i = f.h4 % 2000
join word b on b.i = f.h5 % 2000
join word c on c.i = f.h6 % 2000
join word d on d.i = f.h1 / 7 % 2000
join word m on m.i = 2004
left join word x on x.i = f.extra
order by f.i;
