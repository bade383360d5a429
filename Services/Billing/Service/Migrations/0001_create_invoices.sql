-- What other services told us, and what patients owe.

create table :schema.clinics (
    clinic_id uuid not null primary key,
    time_zone text not null
);
alter table :schema.clinics enable row level security;
alter table :schema.clinics force row level security;
create policy tenant on :schema.clinics
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.clinics to polyclinic_:schema;

create table :schema.visit_types (
    clinic_id uuid not null,
    id uuid not null,
    name text not null,
    primary key (clinic_id, id)
);
alter table :schema.visit_types enable row level security;
alter table :schema.visit_types force row level security;
create policy tenant on :schema.visit_types
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.visit_types to polyclinic_:schema;

-- The last number given per clinic and year. Taken in the transaction of the invoice, so that none is ever missing.
create table :schema.invoice_numbers (
    clinic_id uuid not null,
    year integer not null check (year between 2000 and 9999),
    last bigint not null check (last > 0),
    primary key (clinic_id, year)
);
alter table :schema.invoice_numbers enable row level security;
alter table :schema.invoice_numbers force row level security;
create policy tenant on :schema.invoice_numbers
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.invoice_numbers to polyclinic_:schema;

create table :schema.invoices (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null check (version > 0),
    year integer not null,
    sequence bigint not null check (sequence > 0),
    status text not null check (status in ('open', 'paid', 'void')),
    patient_id uuid not null,
    appointment_id uuid not null,
    location_id uuid,
    doctor_id uuid,
    service_id uuid,
    description text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    total bigint not null check (total > 0),
    paid bigint not null default 0 check (paid between 0 and total),
    issued_at timestamptz not null,
    paid_at timestamptz,
    voided_at timestamptz,
    updated_at timestamptz not null,
    primary key (clinic_id, id),
    constraint invoices_number unique (clinic_id, year, sequence),
    constraint invoices_appointment unique (clinic_id, appointment_id),
    check ((status = 'paid') = (paid = total) and (status = 'paid') = (paid_at is not null)),
    check ((status = 'void') = (voided_at is not null))
);
create index invoices_patient on :schema.invoices (clinic_id, patient_id, issued_at);
create index invoices_newest on :schema.invoices (clinic_id, issued_at desc, id desc);
alter table :schema.invoices enable row level security;
alter table :schema.invoices force row level security;
create policy tenant on :schema.invoices
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.invoices as restrictive
    using (:schema.in_scope(patient_id, location_id, doctor_id));
grant select, insert on :schema.invoices to polyclinic_:schema;
-- Amounts, numbers and whom it is about never change.
grant update (version, status, paid, paid_at, voided_at, updated_at) on :schema.invoices to polyclinic_:schema;
