-- What other services' events have told, kept for the texts of messages.

create table :schema.known_clinics (
    clinic_id uuid primary key,
    version bigint not null,
    name text not null,
    locale text not null,
    time_zone text not null
);
alter table :schema.known_clinics enable row level security, force row level security;
create policy tenant on :schema.known_clinics to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.known_clinics to polyclinic_:schema;

create table :schema.known_patients (
    clinic_id uuid not null,
    patient_id uuid not null,
    version bigint not null,
    location_id uuid,
    locale text,
    deleted boolean not null,
    -- Name and address.
    sealed bytea not null check (octet_length(sealed) <= 8192),
    primary key (clinic_id, patient_id)
);
alter table :schema.known_patients enable row level security, force row level security;
create policy tenant on :schema.known_patients to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.known_patients as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, location_id, null));
grant select, insert, update on :schema.known_patients to polyclinic_:schema;

create table :schema.known_doctors (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null,
    name text not null,
    primary key (clinic_id, id)
);
alter table :schema.known_doctors enable row level security, force row level security;
create policy tenant on :schema.known_doctors to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.known_doctors to polyclinic_:schema;

create table :schema.known_services (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null,
    name text not null,
    primary key (clinic_id, id)
);
alter table :schema.known_services enable row level security, force row level security;
create policy tenant on :schema.known_services to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.known_services to polyclinic_:schema;
