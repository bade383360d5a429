-- What a provider told of a message after it was handed over: of all its news the furthest, with its own code for a failure.
-- What the call came to stays as it was.
--
-- The rules hold for what is written from now on; what was there before is held to them by a later step, which keeps nobody
-- from writing meanwhile.

alter table :schema.message_attempts add column event text, add column event_code text, add column event_at timestamptz;
alter table :schema.message_attempts
    add constraint message_attempts_event check (length(event) between 1 and 40 and event_at is not null
        or event is null and event_at is null) not valid,
    add constraint message_attempts_event_code check (length(event_code) between 1 and 120) not valid;
alter table :schema.delivery_events add column code text;
alter table :schema.delivery_events
    add constraint delivery_events_code check (length(code) between 1 and 120) not valid;
