-- One data key per clinic, wrapped under a key-encryption key; records are sealed with subkeys of it.
create table :schema.data_keys (
    clinic_id uuid not null,
    id uuid not null,
    wrapped bytea not null check (octet_length(wrapped) between 64 and 1024),
    key_id text not null check (length(key_id) between 1 and 100),
    is_current boolean not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (clinic_id, id)
);
create unique index data_keys_current on :schema.data_keys (clinic_id) where is_current;
create index data_keys_key_id on :schema.data_keys (key_id);

alter table :schema.data_keys enable row level security;
alter table :schema.data_keys force row level security;
create policy tenant on :schema.data_keys
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.data_keys to polyclinic_:schema_relay using (true) with check (true);
grant select, insert on :schema.data_keys to polyclinic_:schema;
grant select, update (wrapped, key_id) on :schema.data_keys to polyclinic_:schema_relay;
