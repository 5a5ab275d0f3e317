-- What the peers know of held mail: one table, as an operator would begin.
create table capture (
    queue_id text primary key,
    captured_at timestamptz not null default now(),
    sender text not null,
    login text,
    client text,
    recipients text[] not null,
    size_bytes integer not null,
    digest bytea not null,
    message bytea not null,
    decision text check (decision in ('release')),
    decided_at timestamptz
);
