-- Visits as the calendar tells of them, for what is said when its time comes, and what invoices are called.

create table :schema.known_visits (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null,
    patient_id uuid not null,
    location_id uuid not null,
    doctor_id uuid not null,
    service_id uuid not null,
    status text not null,
    starts_at timestamptz not null,
    -- `YYYY-MM-DDTHH:MM` in `time_zone`.
    local_start text not null,
    time_zone text not null,
    primary key (clinic_id, id)
);
alter table :schema.known_visits enable row level security, force row level security;
create policy tenant on :schema.known_visits to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.known_visits as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, location_id, doctor_id));
grant select, insert, update on :schema.known_visits to polyclinic_:schema;

-- Reminders that have a job: each once for a visit and its time, however often the visit is told of.
create table :schema.visit_reminders (
    clinic_id uuid not null,
    visit_id uuid not null,
    starts_at timestamptz not null,
    reminder text not null check (length(reminder) between 1 and 20),
    primary key (clinic_id, visit_id, starts_at, reminder)
);
alter table :schema.visit_reminders enable row level security, force row level security;
create policy tenant on :schema.visit_reminders to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.visit_reminders to polyclinic_:schema;

create table :schema.known_invoices (
    clinic_id uuid not null,
    id uuid not null,
    number text not null,
    primary key (clinic_id, id)
);
alter table :schema.known_invoices enable row level security, force row level security;
create policy tenant on :schema.known_invoices to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.known_invoices to polyclinic_:schema;
