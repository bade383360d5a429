-- What a provider told of a message after it was handed over: of all its news the furthest, with its own code for a failure.
-- What the call came to stays as it was.

alter table :schema.message_attempts
    add column event text check (length(event) between 1 and 40),
    add column event_code text check (length(event_code) between 1 and 120),
    add column event_at timestamptz,
    add check ((event is null) = (event_at is null));
alter table :schema.delivery_events add column code text check (length(code) between 1 and 120);
