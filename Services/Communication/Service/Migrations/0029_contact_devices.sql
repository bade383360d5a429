-- The apps by which contacts are reached: each push token is one contact's, and found by keyed hash as other addresses are.

create table :schema.contact_devices (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null default 1,
    contact_id uuid not null,
    token_index bytea not null check (octet_length(token_index) = 32),
    -- The token, and what the contact calls the device.
    sealed bytea not null check (octet_length(sealed) <= 16384),
    platform text check (platform in ('android', 'ios', 'web')),
    created_at timestamptz not null,
    -- When the app has last registered it, and when a provider first took a notice for it since.
    registered_at timestamptz not null,
    taken_at timestamptz,
    primary key (clinic_id, id),
    constraint contact_devices_token unique (clinic_id, token_index),
    foreign key (clinic_id, contact_id) references :schema.contacts
);
create index contact_devices_contact on :schema.contact_devices (clinic_id, contact_id);
alter table :schema.contact_devices enable row level security, force row level security;
create policy tenant on :schema.contact_devices to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update, delete on :schema.contact_devices to polyclinic_:schema;
