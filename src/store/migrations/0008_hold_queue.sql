-- Why: a hold queue whose file system is not mounted looks like one that somebody has emptied. So the
-- worker keeps on record which directory the hold queue was when none of the messages in review was
-- missing from it, and gives none up on account of another directory.

create table hold_queue (
    instance text collate "C"
        constraint hold_queue_pkey primary key
        constraint hold_queue_instance_well_formed check (instance ~ '^[A-Za-z0-9._-]{1,64}$'),
    -- Its inode and when it was made. Empty: whichever directory is there, on an operator's word.
    directory text not null,
    created_at timestamptz not null default now()
);

grant select (instance, directory) on hold_queue to mailhold_worker;
grant insert (instance, directory) on hold_queue to mailhold_worker;
grant update (directory) on hold_queue to mailhold_worker;
