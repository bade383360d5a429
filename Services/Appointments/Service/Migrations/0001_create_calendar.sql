-- Doctors, patients, visit types, opening hours and visits; clinics and locations as access tells of them.
--
-- Every table is a tenant's. `scope` policies narrow what a caller within the clinic sees and writes; where there is none,
-- everybody who holds the permission sees the whole clinic.

-- Whether the caller acts for clinic data at all: in any scope but the account's own.
create function :schema.is_member() returns boolean language sql stable parallel safe
    as $$ select coalesce(current_setting('app.scope', true) in ('clinic', 'locations', 'own', 'treated'), false) $$;

-- Projections of access' clinics and locations. `version` is access' own count.
create table :schema.clinics (
    clinic_id uuid primary key,
    name text not null,
    time_zone text not null,
    currency text not null,
    active boolean not null,
    version bigint not null
);

create table :schema.locations (
    clinic_id uuid not null,
    id uuid not null,
    name text not null,
    time_zone text not null,
    deleted boolean not null,
    version bigint not null,
    primary key (clinic_id, id)
);

create table :schema.doctors (
    clinic_id uuid not null,
    id uuid not null,
    user_id uuid,
    name text not null check (length(name) between 1 and 200),
    specialty text check (length(specialty) between 1 and 100),
    email text,
    phone text,
    active boolean not null,
    -- Of the opening hours, which are an aggregate of their own.
    hours_version bigint not null default 0,
    hours_updated_at timestamptz,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id)
);
create unique index doctors_user on :schema.doctors (clinic_id, user_id) where user_id is not null and deleted_at is null;

create table :schema.patients (
    clinic_id uuid not null,
    id uuid not null,
    user_id uuid,
    name text not null check (length(name) between 1 and 200),
    email text,
    phone text,
    birth_date date,
    locale text check (length(locale) between 2 and 35),
    location_id uuid,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id),
    foreign key (clinic_id, location_id) references :schema.locations (clinic_id, id)
);
create unique index patients_user on :schema.patients (clinic_id, user_id) where user_id is not null and deleted_at is null;

-- Which doctor has treated whom: what a doctor's reach over patients rests on.
create table :schema.treatments (
    clinic_id uuid not null,
    doctor_id uuid not null,
    patient_id uuid not null,
    primary key (clinic_id, doctor_id, patient_id),
    foreign key (clinic_id, doctor_id) references :schema.doctors (clinic_id, id),
    foreign key (clinic_id, patient_id) references :schema.patients (clinic_id, id)
);

create table :schema.services (
    clinic_id uuid not null,
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    minutes integer not null check (minutes between 5 and 480),
    price_amount bigint not null check (price_amount >= 0),
    price_currency text not null check (price_currency ~ '^[A-Z]{3}$'),
    buffer_before integer not null check (buffer_before between 0 and 120),
    buffer_after integer not null check (buffer_after between 0 and 120),
    kinds text[] not null check (cardinality(kinds) between 1 and 2 and kinds <@ array['in_person', 'video']),
    active boolean not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id)
);

-- Hours that come back every week (`weekday` 1 Monday … 7 Sunday), in minutes of the location's wall clock.
create table :schema.weekly_hours (
    clinic_id uuid not null,
    doctor_id uuid not null,
    location_id uuid not null,
    weekday integer not null check (weekday between 1 and 7),
    from_minute integer not null check (from_minute between 0 and 1439),
    to_minute integer not null check (to_minute between 1 and 1440 and to_minute > from_minute),
    primary key (clinic_id, doctor_id, weekday, from_minute),
    foreign key (clinic_id, doctor_id) references :schema.doctors (clinic_id, id),
    foreign key (clinic_id, location_id) references :schema.locations (clinic_id, id)
);

-- Dates whose hours take the place of the weekly ones; a date without hours is closed.
create table :schema.exceptions (
    clinic_id uuid not null,
    doctor_id uuid not null,
    date date not null,
    primary key (clinic_id, doctor_id, date),
    foreign key (clinic_id, doctor_id) references :schema.doctors (clinic_id, id)
);

create table :schema.exception_hours (
    clinic_id uuid not null,
    doctor_id uuid not null,
    location_id uuid not null,
    date date not null,
    from_minute integer not null check (from_minute between 0 and 1439),
    to_minute integer not null check (to_minute between 1 and 1440 and to_minute > from_minute),
    primary key (clinic_id, doctor_id, date, from_minute),
    foreign key (clinic_id, doctor_id, date) references :schema.exceptions (clinic_id, doctor_id, date) on delete cascade,
    foreign key (clinic_id, location_id) references :schema.locations (clinic_id, id)
);

-- Time that is taken, without a word of who takes it: whoever looks for a free slot may see it. The constraint is what
-- keeps two visits apart, whatever happens above it.
create table :schema.reservations (
    clinic_id uuid not null,
    id uuid not null,
    -- A doctor today; whatever else cannot be in two places later.
    resource_id uuid not null,
    during tstzrange not null,
    released boolean not null default false,
    primary key (clinic_id, id),
    constraint reservations_bounded check (
        not isempty(during) and lower_inc(during) and not upper_inc(during)
        and isfinite(lower(during)) and isfinite(upper(during))),
    constraint reservations_apart exclude using gist (clinic_id with =, resource_id with =, during with &&)
        where (not released)
);

-- A visit: what was agreed (wall-clock time, zone, minutes) and the instants that follow from it.
create table :schema.appointments (
    clinic_id uuid not null,
    id uuid not null,
    doctor_id uuid not null,
    patient_id uuid not null,
    service_id uuid not null,
    location_id uuid not null,
    kind text not null check (kind in ('in_person', 'video')),
    status text not null check (status in ('confirmed', 'cancelled')),
    local_start timestamp not null,
    time_zone text not null,
    minutes integer not null check (minutes between 5 and 480),
    starts_at timestamptz not null check (isfinite(starts_at)),
    ends_at timestamptz not null check (isfinite(ends_at)),
    price_amount bigint not null check (price_amount >= 0),
    price_currency text not null check (price_currency ~ '^[A-Z]{3}$'),
    notes text check (length(notes) between 1 and 2000),
    cancelled_at timestamptz,
    cancel_reason text check (length(cancel_reason) between 1 and 200),
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (clinic_id, id),
    check (ends_at = starts_at + make_interval(mins => minutes)),
    check ((status = 'cancelled') = (cancelled_at is not null)),
    foreign key (clinic_id, id) references :schema.reservations (clinic_id, id),
    foreign key (clinic_id, doctor_id) references :schema.doctors (clinic_id, id),
    foreign key (clinic_id, patient_id) references :schema.patients (clinic_id, id),
    foreign key (clinic_id, service_id) references :schema.services (clinic_id, id),
    foreign key (clinic_id, location_id) references :schema.locations (clinic_id, id)
);
create index appointments_start on :schema.appointments (clinic_id, starts_at, id);
create index appointments_doctor on :schema.appointments (clinic_id, doctor_id, starts_at);
create index appointments_patient on :schema.appointments (clinic_id, patient_id, starts_at);

-- Tenancy: the same for every table.
do $$
declare
    name text;
begin
    foreach name in array array['clinics', 'locations', 'doctors', 'patients', 'treatments', 'services', 'weekly_hours',
        'exceptions', 'exception_hours', 'reservations', 'appointments'] loop
        execute format('alter table :schema.%I enable row level security, force row level security', name);
        execute format('create policy tenant on :schema.%I to polyclinic_:schema
            using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id())', name);
        execute format('create policy member on :schema.%I as restrictive to polyclinic_:schema
            using (:schema.is_member()) with check (:schema.is_member())', name);
    end loop;
end $$;

-- Patients: staff by location, doctors whom they treat, patients themselves.
create policy scope on :schema.patients as restrictive to polyclinic_:schema using (
    :schema.in_scope(id, location_id, null)
    or (current_setting('app.scope', true) = 'treated' and exists (
        select from :schema.treatments as t
        where t.clinic_id = patients.clinic_id and t.doctor_id = :schema.doctor_id() and t.patient_id = patients.id)));

create policy scope on :schema.appointments as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, location_id, doctor_id));

create policy scope on :schema.treatments as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, null, doctor_id));

-- Everybody in the clinic may know its doctors and their hours; changing them is another matter.
create policy scope_insert on :schema.doctors as restrictive for insert to polyclinic_:schema
    with check (:schema.in_scope(null, null, id));
create policy scope_update on :schema.doctors as restrictive for update to polyclinic_:schema
    using (:schema.in_scope(null, null, id));
create policy scope_insert on :schema.weekly_hours as restrictive for insert to polyclinic_:schema
    with check (:schema.in_scope(null, location_id, doctor_id));
create policy scope_delete on :schema.weekly_hours as restrictive for delete to polyclinic_:schema
    using (:schema.in_scope(null, location_id, doctor_id));
create policy scope_insert on :schema.exceptions as restrictive for insert to polyclinic_:schema
    with check (:schema.in_scope(null, null, doctor_id));
create policy scope_delete on :schema.exceptions as restrictive for delete to polyclinic_:schema
    using (:schema.in_scope(null, null, doctor_id));
create policy scope_insert on :schema.exception_hours as restrictive for insert to polyclinic_:schema
    with check (:schema.in_scope(null, location_id, doctor_id));
create policy scope_delete on :schema.exception_hours as restrictive for delete to polyclinic_:schema
    using (:schema.in_scope(null, location_id, doctor_id));

-- Time is given back by whoever may see the visit.
create policy scope_update on :schema.reservations as restrictive for update to polyclinic_:schema using (
    exists (select from :schema.appointments as a where a.clinic_id = reservations.clinic_id and a.id = reservations.id));

grant select, insert, update on :schema.clinics, :schema.locations, :schema.doctors, :schema.patients, :schema.services,
    :schema.appointments to polyclinic_:schema;
grant select, insert on :schema.treatments to polyclinic_:schema;
grant select, insert, delete on :schema.weekly_hours, :schema.exceptions, :schema.exception_hours to polyclinic_:schema;
grant select, insert, update (released) on :schema.reservations to polyclinic_:schema;
