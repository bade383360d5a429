-- What somebody has said last under an address on a channel, and when: what they said before and is told later changes nothing.

create table :schema.latest_words (
    clinic_id uuid not null,
    address_index bytea not null check (octet_length(address_index) = 32),
    channel text not null check (channel in ('email', 'sms', 'whatsapp', 'push')),
    -- Messages of all categories or of one, or visits.
    subject text not null check (subject in ('all', 'care', 'billing', 'marketing', 'security', 'visits')),
    -- Whether they want no more of it.
    ends boolean not null,
    said_at timestamptz not null,
    primary key (clinic_id, address_index, channel, subject)
);
alter table :schema.latest_words enable row level security, force row level security;
create policy tenant on :schema.latest_words to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.latest_words to polyclinic_:schema;
