-- Those who are written to. A patient's contact has the patient's id, and name and addresses from the calendar's events; somebody
-- else's are sealed here.

create table :schema.contacts (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null default 1,
    patient_id uuid check (patient_id = id),
    -- The contact's own choices.
    locale text check (length(locale) between 2 and 35),
    time_zone text check (length(time_zone) between 1 and 64),
    categories jsonb not null default '[]',
    consents jsonb not null default '[]',
    -- Name and addresses of who is no patient.
    sealed bytea check (octet_length(sealed) <= 8192),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (clinic_id, id)
);
alter table :schema.contacts enable row level security, force row level security;
create policy tenant on :schema.contacts to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.contacts as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, null, null));
grant select, insert, update on :schema.contacts to polyclinic_:schema;

-- Addresses by keyed hash. Families share theirs: one address may lead to several contacts.
create table :schema.contact_identities (
    clinic_id uuid not null,
    address_index bytea not null check (octet_length(address_index) = 32),
    contact_id uuid not null,
    kind text not null check (kind in ('email', 'phone')),
    primary key (clinic_id, address_index, contact_id),
    foreign key (clinic_id, contact_id) references :schema.contacts
);
create index contact_identities_contact on :schema.contact_identities (clinic_id, contact_id);
alter table :schema.contact_identities enable row level security, force row level security;
create policy tenant on :schema.contact_identities to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, delete on :schema.contact_identities to polyclinic_:schema;
