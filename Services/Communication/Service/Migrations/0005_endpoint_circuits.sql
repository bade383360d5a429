-- The last news of the circuits before providers' hosts, which all clinics' entries there share. No clinic stands in it.

create table :schema.endpoint_circuits (
    -- Host and port.
    endpoint text primary key check (length(endpoint) between 3 and 300),
    state text not null check (state in ('closed', 'open', 'half_open', 'latched')),
    since timestamptz not null,
    reason text,
    retry_at timestamptz
);
comment on table :schema.endpoint_circuits is 'installation: circuits before the hosts of providers, for display';
alter table :schema.endpoint_circuits enable row level security, force row level security;
create policy shown on :schema.endpoint_circuits for select to polyclinic_:schema using (true);
create policy installation on :schema.endpoint_circuits to polyclinic_:schema
    using (:schema.clinic_id() = '00000000-0000-0000-0000-000000000000')
    with check (:schema.clinic_id() = '00000000-0000-0000-0000-000000000000');
grant select, insert, update on :schema.endpoint_circuits to polyclinic_:schema;
