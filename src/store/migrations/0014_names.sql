-- Why: a failed sign-in is put on record under the name that the same person was let in with before,
-- whatever letters are capital. Without a key for it each failure reads all sign-ins.

create index audit_event_signed_in_as on audit_event (lower(actor)) where kind = 'signed_in';
drop index audit_event_signed_in;
