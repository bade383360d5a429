-- Why a provider did not send what it had taken, where that is the account's: it is locked, has used up its quota, or may not
-- send from its sender. Beside what became of the message, which a process of before reads and writes as ever.
--
-- Nothing was there before the columns, so that the rules hold without looking for it.

alter table :schema.message_attempts add column event_fault text;
alter table :schema.message_attempts
    add constraint message_attempts_event_fault check (length(event_fault) between 1 and 40) not valid;
alter table :schema.delivery_events add column fault text;
alter table :schema.delivery_events
    add constraint delivery_events_fault check (length(fault) between 1 and 40) not valid;
