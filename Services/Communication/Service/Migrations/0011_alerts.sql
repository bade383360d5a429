-- Who is told when something goes wrong, and of what somebody was told.

create table :schema.alert_routes (
    clinic_id uuid primary key,
    version bigint not null,
    -- The alerts that reach somebody.
    alerts text[] not null,
    -- Whom they reach.
    sealed bytea not null check (octet_length(sealed) <= 65536),
    updated_at timestamptz not null,
    updated_by text not null
);
alter table :schema.alert_routes enable row level security, force row level security;
create policy tenant on :schema.alert_routes to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.alert_routes to polyclinic_:schema;

-- An alert is told once an hour: its row is the right to tell it.
create table :schema.alerts_told (
    clinic_id uuid not null,
    alert text not null check (length(alert) between 1 and 40),
    hour timestamptz not null,
    primary key (clinic_id, alert, hour)
);
alter table :schema.alerts_told enable row level security, force row level security;
create policy tenant on :schema.alerts_told to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, delete on :schema.alerts_told to polyclinic_:schema;
