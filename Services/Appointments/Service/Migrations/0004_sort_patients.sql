-- Patients are also read in the order of their names.
create index patients_name on :schema.patients (clinic_id, name, id) where deleted_at is null;
