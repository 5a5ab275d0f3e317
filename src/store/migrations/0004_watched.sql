-- Why: what would have been held, for whoever wants to know the work before switching it on. A
-- statistic, not evidence: no recipient, no subject and no content. Nothing refers to it and nothing
-- ever changes it; the owner may remove any of it at any time.

create table watched (
    -- Chosen by the milter: a batch whose COMMIT was not heard of is sent again.
    watched_id uuid
        constraint watched_pkey primary key,
    instance text collate "C" not null
        constraint watched_instance_well_formed check (instance ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- Null where Postfix had given none by then.
    queue_id text collate "C"
        constraint watched_queue_id_long check (
            length(queue_id) <= 255
            and queue_id ~ '^[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]+$'
        ),
    watched_at timestamptz not null,

    rule text not null,
    -- Empty where nobody is meant: in an outage of the directory, or by a rule for anyone.
    identity_kind text not null,
    identity text not null,
    entry text not null,
    flag text not null,
    n_recipients integer not null
        constraint watched_recipients_counted check (n_recipients >= 0),

    created_at timestamptz not null default now()
);

-- The page of figures begins at a time, and so does what is old enough to be removed.
create index watched_by_time on watched (watched_at);

-- The milter inserts and reads nothing; the reviewers' login reads the figures.
grant insert (
    watched_id, instance, queue_id, watched_at,
    rule, identity_kind, identity, entry, flag, n_recipients
) on watched to mailhold_milter;
grant select on watched to mailhold_reviews;
