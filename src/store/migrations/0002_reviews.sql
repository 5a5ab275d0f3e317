-- Why: what people decide and what became of it. The database itself refuses what would let a
-- message escape: a decision on what is not held, a second decision, a state without its proof.

create table decision (
    decision_id uuid not null default gen_random_uuid()
        constraint decision_pkey primary key,
    capture_id uuid not null
        constraint decision_of_capture references capture (capture_id),
    decision text collate "C" not null
        constraint decision_known check (decision in ('release', 'discard', 'return')),
    reviewer text not null
        constraint decision_reviewer_named check (reviewer <> ''),
    os_user text,
    via text collate "C" not null
        constraint decision_via_known check (via in ('cli', 'web', 'api', 'link')),
    note text,
    created_at timestamptz not null default now()
);

-- One reviewer wins: a second decision on the same capture violates decision_stands.
create unique index decision_stands on decision (capture_id);

create table settlement (
    -- A capture leaves review once.
    capture_id uuid
        constraint settlement_once primary key
        constraint settlement_of_capture references capture (capture_id),
    decision_id uuid
        constraint settlement_of_decision references decision (decision_id),
    disposition text collate "C" not null
        constraint settlement_disposition_known check (
            disposition in ('released', 'discarded', 'returned', 'gone', 'never_queued')
        ),
    method text collate "C" not null
        constraint settlement_method_known check (
            method in ('none', 'unhold', 'requeue', 'delete', 'expire')
        ),
    -- Null after a requeue means that Postfix's log did not tell.
    new_queue_id text collate "C",
    worker text not null,
    evidence text not null,
    created_at timestamptz not null default now(),
    constraint settlement_carries_out_a_decision check (
        decision_id is not null or disposition in ('gone', 'never_queued')
    ),
    constraint settlement_new_queue_id_requeued check (
        new_queue_id is null or method = 'requeue'
    )
);

create unique index settlement_of_decision_once on settlement (decision_id);

-- A requeued message is asked for by its new name, too.
create index settlement_by_new_queue_id on settlement (new_queue_id)
    where new_queue_id is not null;

create table work (
    decision_id uuid
        constraint work_pkey primary key
        constraint work_of_decision references decision (decision_id),
    capture_id uuid not null
        constraint work_of_capture references capture (capture_id),
    instance text collate "C" not null,
    -- May be claimed from then on: made, postponed until, or the end of the lease.
    due_at timestamptz not null default now(),
    -- Counts the claims. It only grows, so it is also the fence: whoever settles must hold the
    -- newest claim.
    attempt integer not null default 0,
    leased_by text,
    -- When a worker first set out to run its command. Before that nothing of ours has touched the
    -- message, whatever became of it.
    begun_at timestamptz,
    last_failure text,
    created_at timestamptz not null default now()
);

create index work_due on work (instance, due_at);
create index work_by_capture on work (capture_id);

-- The same table as State::after in src/domain/lifecycle.rs; a test compares the two.
create function state_follows(before text, after text) returns boolean
    language sql immutable
    return (before, after) in (
        ('captured', 'held'),
        ('captured', 'gone'),
        ('captured', 'never_queued'),
        ('held', 'decided'),
        ('held', 'gone'),
        ('decided', 'released'),
        ('decided', 'discarded'),
        ('decided', 'returned'),
        ('decided', 'gone')
    );

-- A state moves only along the table, and only with its proof: decided with a decision, every end
-- with a settlement, and a settlement that carries a decision out with that very decision.
create function guard_state() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    proven boolean;
begin
    if not public.state_follows(old.state, new.state) then
        raise exception 'a capture that is % cannot become %', old.state, new.state
            using errcode = 'check_violation', table = 'capture', constraint = 'capture_state_step';
    end if;
    if new.state = 'held' then
        new.held_at := now();
        return new;
    end if;
    if new.state = 'decided' then
        proven := exists (select from public.decision d where d.capture_id = new.capture_id);
    else
        proven := exists (
            select
            from public.settlement s
            left join public.decision d on d.decision_id = s.decision_id
            where s.capture_id = new.capture_id
                and s.disposition = new.state
                and (s.decision_id is null or d.capture_id = new.capture_id)
                and (s.disposition in ('gone', 'never_queued')
                    or (d.decision, s.disposition) in (
                        ('release', 'released'), ('discard', 'discarded'), ('return', 'returned')
                    ))
        );
    end if;
    if not proven then
        raise exception 'nothing proves that a capture is %', new.state
            using errcode = 'check_violation', table = 'capture', constraint = 'capture_state_proven';
    end if;
    return new;
end
$$;

create trigger guard_state
    before update of state on capture
    for each row execute function guard_state();

-- Only what is held can be decided. The row lock makes a second reviewer wait for the first one's
-- commit and then see its state. DETAIL carries that state for the answer. A message from the null
-- sender cannot be returned: Postfix sends no bounce for it, and it would be lost in silence.
create function guard_decision() returns trigger
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
    for update;
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
    return new;
end
$$;

create trigger guard_decision
    before insert on decision
    for each row execute function guard_decision();

-- The decision's consequences need the owner's rights: a reviewer's login can neither move a state
-- nor make work.
create function pass_on_decision() returns trigger
    language plpgsql security definer
    set search_path = pg_catalog, pg_temp
as $$
declare
    its_instance text;
begin
    update public.capture
    set state = 'decided'
    where capture_id = new.capture_id
    returning instance into its_instance;

    insert into public.work (decision_id, capture_id, instance)
    values (new.decision_id, new.capture_id, its_instance);

    perform pg_notify('mailhold_decided', its_instance);
    return null;
end
$$;

create trigger pass_on_decision
    after insert on decision
    for each row execute function pass_on_decision();
