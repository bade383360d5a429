-- Which patients a clinic has, as the calendar tells it: emergency access is opened to those alone.
create table :schema.known_patients (
    clinic_id uuid not null,
    patient_id uuid not null,
    deleted boolean not null,
    primary key (clinic_id, patient_id)
);
alter table :schema.known_patients enable row level security, force row level security;
create policy tenant on :schema.known_patients to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.known_patients to polyclinic_:schema;

-- An administrator takes a colleague's lost authenticator app away, in the transaction of the entry and the notice about it;
-- what the app's secret is stays behind the installation's door.
grant select (user_id, confirmed_at), delete on :schema.totp_factors to polyclinic_:schema;
grant select (user_id), delete on :schema.recovery_codes to polyclinic_:schema;
