-- Keys of machines: found by the prefix they show, recognised by the SHA-256 of all of it. A revoked one keeps its row, so
-- that its end is told like any other change of policy.
create table :schema.api_keys (
    clinic_id uuid not null references :schema.clinics,
    id uuid not null,
    name text not null check (length(name) between 1 and 100),
    prefix text not null check (length(prefix) between 8 and 32),
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    -- The secret before, which goes on for a while.
    former_hash bytea check (octet_length(former_hash) = 32),
    former_until timestamptz,
    -- {"role": "RECEPTIONIST", "locationIds": [...]?}
    role jsonb not null check (jsonb_typeof(role) = 'object'),
    created_by uuid not null references :schema.users,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    rotated_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    version bigint not null default 1,
    policy_version bigint not null,
    primary key (clinic_id, id),
    unique (clinic_id, prefix),
    check ((former_hash is null) = (former_until is null))
);
create index api_keys_policy on :schema.api_keys (policy_version, id);
alter table :schema.api_keys enable row level security, force row level security;
create policy tenant on :schema.api_keys to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy installation on :schema.api_keys for select to polyclinic_:schema_installation using (true);
-- Gateways tell of all clinics at once when keys were used.
create policy uses on :schema.api_keys for update to polyclinic_:schema_installation using (true);
grant select, insert, update on :schema.api_keys to polyclinic_:schema;
grant select, update (last_used_at) on :schema.api_keys to polyclinic_:schema_installation;
