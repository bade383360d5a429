-- Which providers a clinic uses. The contents are sealed, every version is kept; the head says which one is in force.
create table :schema.provider_configs (
    clinic_id uuid not null primary key,
    version bigint not null check (version > 0),
    is_deleted boolean not null default false
);
create table :schema.provider_config_versions (
    clinic_id uuid not null,
    version bigint not null check (version > 0),
    sealed bytea not null check (octet_length(sealed) <= 1048576),
    updated_at timestamptz not null,
    updated_by text not null,
    primary key (clinic_id, version)
);
alter table :schema.provider_configs
    add constraint provider_configs_version foreign key (clinic_id, version)
        references :schema.provider_config_versions (clinic_id, version);

alter table :schema.provider_configs enable row level security;
alter table :schema.provider_configs force row level security;
create policy tenant on :schema.provider_configs
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.provider_configs for select to polyclinic_:schema_relay using (true);
grant select, insert, update on :schema.provider_configs to polyclinic_:schema;
grant select on :schema.provider_configs to polyclinic_:schema_relay;

alter table :schema.provider_config_versions enable row level security;
alter table :schema.provider_config_versions force row level security;
create policy tenant on :schema.provider_config_versions
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.provider_config_versions to polyclinic_:schema;
