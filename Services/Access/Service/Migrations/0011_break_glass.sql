-- Emergency access of one user to one patient's record, for reading, for minutes. Why, and what came of its review, is
-- health data: sealed.
create table :schema.break_glass (
    clinic_id uuid not null references :schema.clinics,
    id uuid not null,
    user_id uuid not null references :schema.users,
    patient_id uuid not null,
    reason bytea not null,
    minutes integer not null check (minutes between 1 and 60),
    started_at timestamptz not null,
    expires_at timestamptz not null,
    -- Before its time: by hand, or by another that replaces it.
    ended_at timestamptz,
    reviewed_by uuid references :schema.users,
    reviewed_at timestamptz,
    verdict text check (verdict in ('justified', 'unjustified')),
    note bytea,
    primary key (clinic_id, id),
    check (expires_at <= started_at + interval '60 minutes'),
    check ((verdict is null) = (reviewed_at is null) and (verdict is null) = (reviewed_by is null)),
    -- Nobody reviews what they did themselves.
    check (reviewed_by <> user_id)
);
create index break_glass_unreviewed on :schema.break_glass (clinic_id, id) where verdict is null;
create index break_glass_user on :schema.break_glass (user_id, expires_at) where ended_at is null;
alter table :schema.break_glass enable row level security, force row level security;
create policy tenant on :schema.break_glass to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy installation on :schema.break_glass for select to polyclinic_:schema_installation using (true);
grant select, insert, update on :schema.break_glass to polyclinic_:schema;
grant select (clinic_id, id, user_id, patient_id, expires_at, ended_at) on :schema.break_glass
    to polyclinic_:schema_installation;
