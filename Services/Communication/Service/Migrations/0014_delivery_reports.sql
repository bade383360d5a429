-- Reports of providers that name no message we know yet wait a day for it, each with whom it is about: by keyed hash.
alter table :schema.delivery_events
    -- The delivery it came with; those that wait are looked up by it.
    add column notice_id uuid,
    add column provider_message_id text check (length(provider_message_id) between 1 and 200),
    add column recipient_index bytea check (octet_length(recipient_index) = 32),
    add column is_waiting boolean not null default false;
create index delivery_events_waiting on :schema.delivery_events (clinic_id, notice_id) where is_waiting;
grant update (is_waiting) on :schema.delivery_events to polyclinic_:schema;

-- The provider's own id of a message, for reports that have no other.
create index message_attempts_provider_message on :schema.message_attempts (clinic_id, provider_message_id)
    where provider_message_id is not null;
