-- How people with an account want to be told things, as access' events tell.

create table :schema.notice_choices (
    clinic_id uuid not null,
    user_id uuid not null,
    version bigint not null,
    -- The person's own record.
    patient_id uuid,
    deleted boolean not null,
    locale text,
    time_zone text,
    notices jsonb not null,
    primary key (clinic_id, user_id)
);
create index notice_choices_patient on :schema.notice_choices (clinic_id, patient_id) where patient_id is not null;
alter table :schema.notice_choices enable row level security, force row level security;
create policy tenant on :schema.notice_choices to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.notice_choices as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, null, null));
grant select, insert, update on :schema.notice_choices to polyclinic_:schema;
