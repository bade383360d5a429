-- Roles that clinics make for themselves. A removed one keeps its row, so that its end is told like any other change of
-- policy; memberships name them by their id.
create table :schema.roles (
    clinic_id uuid not null references :schema.clinics,
    id uuid not null,
    name text not null check (length(name) between 1 and 64),
    description text check (length(description) between 1 and 500),
    -- [{"permission": "patients:read", "scope": "locations"}]
    permissions jsonb not null check (jsonb_typeof(permissions) = 'array'),
    version bigint not null default 1,
    policy_version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id)
);
create unique index roles_name on :schema.roles (clinic_id, lower(name)) where deleted_at is null;
create index roles_policy on :schema.roles (policy_version, id);
alter table :schema.roles enable row level security, force row level security;
create policy tenant on :schema.roles to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy installation on :schema.roles for select to polyclinic_:schema_installation using (true);
grant select, insert, update on :schema.roles to polyclinic_:schema;
grant select on :schema.roles to polyclinic_:schema_installation;
