-- What providers have told of messages: each of their events once, kept before it is acknowledged. No address, no text.

create table :schema.delivery_events (
    clinic_id uuid not null,
    provider text not null check (length(provider) between 1 and 40),
    entry_id uuid not null,
    event_id text not null check (length(event_id) between 1 and 200),
    -- Ours, as the provider gave it back; not a key of ours until it is looked up.
    message_id uuid,
    kind text check (length(kind) between 1 and 40),
    received_at timestamptz not null,
    primary key (clinic_id, provider, entry_id, event_id)
);
alter table :schema.delivery_events enable row level security, force row level security;
create policy tenant on :schema.delivery_events to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.delivery_events to polyclinic_:schema;
