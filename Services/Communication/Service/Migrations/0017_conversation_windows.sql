-- When somebody last wrote to one of a clinic's WhatsApp numbers: for a day after it they may be answered freely.
create table :schema.conversation_windows (
    clinic_id uuid not null,
    -- The clinic's number as its provider names it, with the provider before it.
    number text not null check (length(number) between 3 and 100),
    -- Who wrote, by keyed hash.
    phone_index bytea not null check (octet_length(phone_index) = 32),
    last_inbound_at timestamptz not null,
    primary key (clinic_id, phone_index, number)
);
alter table :schema.conversation_windows enable row level security, force row level security;
create policy tenant on :schema.conversation_windows to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.conversation_windows to polyclinic_:schema;
