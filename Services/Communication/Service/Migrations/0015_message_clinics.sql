-- Whose message it is that went through the installation's own providers, which tell all clinics' news at one address. By keyed
-- hash of what the provider calls it; the table tells nothing without the key.
create table :schema.message_clinics (
    id_hash bytea primary key check (octet_length(id_hash) = 32),
    clinic_id uuid not null
);
comment on table :schema.message_clinics is 'installation: lookup of the clinic of a message by keyed hash of its id at a provider';
grant insert on :schema.message_clinics to polyclinic_:schema;
grant select on :schema.message_clinics to polyclinic_:schema_lookup;
