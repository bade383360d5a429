-- Which commands were answered, and the numbers at which a clinic can be called: answers name one.

alter table :schema.inbound_messages
    add column answered_at timestamptz,
    -- The message that answers it.
    add column answer_id uuid,
    add check ((answered_at is null) = (answer_id is null));
grant update (answered_at, answer_id) on :schema.inbound_messages to polyclinic_:schema;

create table :schema.known_phones (
    clinic_id uuid not null,
    -- Of the clinic's location.
    id uuid not null,
    version bigint not null,
    deleted boolean not null,
    phone text,
    primary key (clinic_id, id)
);
alter table :schema.known_phones enable row level security, force row level security;
create policy tenant on :schema.known_phones to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.known_phones to polyclinic_:schema;
