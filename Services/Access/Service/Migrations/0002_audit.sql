-- The audit log: an RFC 6962 tree for every clinic and one for the installation (the nil id). Entries and checkpoints are
-- inserted and read; no role of this service may change or delete one.

-- Entries as they arrive, until they have their place. `head` and `tail` are the canonical JSON around `seq`.
create table :schema.audit_pending (
    clinic_id uuid not null,
    id uuid not null,
    position bigint not null generated always as identity,
    head bytea not null,
    tail bytea not null,
    at timestamptz not null,
    actor_id text not null,
    api_key_id text,
    action text not null,
    resource_type text not null,
    resource_id text not null,
    patient_id uuid,
    outcome text not null check (outcome in ('succeeded', 'failed', 'denied')),
    request_id uuid not null,
    received_at timestamptz not null default now(),
    primary key (clinic_id, id)
);
create index audit_pending_order on :schema.audit_pending (clinic_id, position);
alter table :schema.audit_pending enable row level security, force row level security;
create policy tenant on :schema.audit_pending for insert to polyclinic_:schema with check (clinic_id = :schema.clinic_id());
-- What concerns a clinic and the installation is told in both logs.
create policy shared on :schema.audit_pending for insert to polyclinic_:schema
    with check ('00000000-0000-0000-0000-000000000000' in (clinic_id, :schema.clinic_id()));
create policy installation on :schema.audit_pending for insert to polyclinic_:schema_installation with check (true);
create policy sequencer on :schema.audit_pending to polyclinic_:schema_sequencer using (true) with check (true);
grant insert on :schema.audit_pending to polyclinic_:schema, polyclinic_:schema_installation;
grant select, insert, delete on :schema.audit_pending to polyclinic_:schema_sequencer;

create table :schema.audit_entries (
    clinic_id uuid not null,
    seq bigint not null check (seq >= 0),
    id uuid not null,
    -- The line of an export, byte for byte.
    leaf bytea not null,
    at timestamptz not null,
    actor_id text not null,
    api_key_id text,
    action text not null,
    resource_type text not null,
    resource_id text not null,
    patient_id uuid,
    outcome text not null,
    request_id uuid not null,
    primary key (clinic_id, seq),
    unique (clinic_id, id)
);
create index audit_entries_at on :schema.audit_entries (clinic_id, at);
create index audit_entries_actor on :schema.audit_entries (clinic_id, actor_id, seq);
create index audit_entries_patient on :schema.audit_entries (clinic_id, patient_id, seq) where patient_id is not null;
create index audit_entries_request on :schema.audit_entries (clinic_id, request_id);
alter table :schema.audit_entries enable row level security, force row level security;
create policy tenant on :schema.audit_entries for select to polyclinic_:schema using (clinic_id = :schema.clinic_id());
create policy sequencer on :schema.audit_entries to polyclinic_:schema_sequencer using (true) with check (true);
grant select on :schema.audit_entries to polyclinic_:schema;
grant select, insert on :schema.audit_entries to polyclinic_:schema_sequencer;

-- Hashes of the tree's leaves and of its perfect subtrees at levels 8, 16, 24 …: what C2SP tiles of height 8 are made
-- of. What lies between is folded from at most 128 of these. Apart from the entries, so that a hash outlives its entry.
create table :schema.audit_nodes (
    clinic_id uuid not null,
    level smallint not null check (level >= 0 and level % 8 = 0),
    index bigint not null check (index >= 0),
    hash bytea not null check (octet_length(hash) = 32),
    primary key (clinic_id, level, index)
);
alter table :schema.audit_nodes enable row level security, force row level security;
create policy tenant on :schema.audit_nodes for select to polyclinic_:schema using (clinic_id = :schema.clinic_id());
create policy sequencer on :schema.audit_nodes to polyclinic_:schema_sequencer using (true) with check (true);
grant select on :schema.audit_nodes to polyclinic_:schema;
grant select, insert on :schema.audit_nodes to polyclinic_:schema_sequencer;

create table :schema.audit_checkpoints (
    clinic_id uuid not null,
    size bigint not null check (size > 0),
    root bytea not null check (octet_length(root) = 32),
    note text not null,
    signed_at timestamptz not null,
    primary key (clinic_id, size)
);
alter table :schema.audit_checkpoints enable row level security, force row level security;
create policy tenant on :schema.audit_checkpoints for select to polyclinic_:schema using (clinic_id = :schema.clinic_id());
create policy sequencer on :schema.audit_checkpoints to polyclinic_:schema_sequencer using (true) with check (true);
grant select on :schema.audit_checkpoints to polyclinic_:schema;
grant select, insert on :schema.audit_checkpoints to polyclinic_:schema_sequencer;

-- How far each log is. A convenience only: entries and checkpoints are what counts.
create table :schema.audit_heads (
    clinic_id uuid primary key,
    size bigint not null,
    signed_size bigint not null default 0,
    signed_at timestamptz
);
create index audit_heads_unsigned on :schema.audit_heads (clinic_id) where size > signed_size;
alter table :schema.audit_heads enable row level security, force row level security;
create policy tenant on :schema.audit_heads for select to polyclinic_:schema using (clinic_id = :schema.clinic_id());
create policy sequencer on :schema.audit_heads to polyclinic_:schema_sequencer using (true) with check (true);
grant select on :schema.audit_heads to polyclinic_:schema;
grant select, insert, update on :schema.audit_heads to polyclinic_:schema_sequencer;

create table :schema.audit_exports (
    clinic_id uuid not null,
    id uuid not null,
    requested_by text not null,
    from_at timestamptz,
    to_at timestamptz,
    filters jsonb,
    status text not null check (status in ('pending', 'ready', 'failed')),
    -- The size of the log when it was asked for.
    log_size bigint not null,
    size bigint,
    entry_count bigint,
    entry_bytes bigint,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    primary key (clinic_id, id),
    check ((status = 'ready') = (size is not null and entry_count is not null and entry_bytes is not null))
);
alter table :schema.audit_exports enable row level security, force row level security;
create policy tenant on :schema.audit_exports to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.audit_exports to polyclinic_:schema;
