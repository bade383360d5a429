-- What providers have told is dropped when it is old enough that nobody tells it again.
create index delivery_events_age on :schema.delivery_events (received_at);
create policy relay on :schema.delivery_events to polyclinic_:schema_relay using (true);
grant select, delete on :schema.delivery_events to polyclinic_:schema_relay;

alter table :schema.message_clinics add column noted_at timestamptz not null default now();
create index message_clinics_age on :schema.message_clinics (noted_at);
grant select, delete on :schema.message_clinics to polyclinic_:schema_relay;

-- Which clinics wrote to a number through the installation's own providers, so that what is answered finds the last of them. By
-- keyed hash; rows are only added, and dropped when nobody answers any more.
create table :schema.number_clinics (
    id_hash bytea not null check (octet_length(id_hash) = 32),
    clinic_id uuid not null,
    noted_at timestamptz not null
);
create index number_clinics_last on :schema.number_clinics (id_hash, noted_at desc);
create index number_clinics_age on :schema.number_clinics (noted_at);
comment on table :schema.number_clinics is 'installation: lookup of the clinic that wrote to a number last, by keyed hash';
grant insert on :schema.number_clinics to polyclinic_:schema;
grant select on :schema.number_clinics to polyclinic_:schema_lookup;
grant select, delete on :schema.number_clinics to polyclinic_:schema_relay;
