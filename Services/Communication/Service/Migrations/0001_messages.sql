-- Messages, the attempts to send them, and what is shown of circuits. Text and addresses are sealed under the clinic's data
-- key; a recipient is found by keyed hash.

create table :schema.messages (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null default 1,
    status text not null check (status in
        ('queued', 'sending', 'sent', 'delivered', 'opened', 'failed', 'suppressed', 'cancelled', 'expired', 'unknown')),
    channels text[] not null check (cardinality(channels) between 1 and 4),
    -- The channel and provider that took it, once one has.
    channel text,
    provider text,
    template text check (length(template) between 1 and 100),
    category text not null check (category in ('care', 'billing', 'marketing', 'security')),
    priority text not null check (priority in ('critical', 'normal', 'bulk')),
    locale text check (length(locale) between 2 and 35),
    patient_id uuid,
    reference text check (length(reference) between 1 and 200),
    recipient_index bytea check (octet_length(recipient_index) = 32),
    sealed bytea not null check (octet_length(sealed) <= 2097152),
    created_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    send_at timestamptz,
    expires_at timestamptz,
    reason_code text,
    reason_detail text,
    waiting_for text check (waiting_for in ('schedule', 'circuit', 'retry')),
    next_attempt_at timestamptz,
    -- Times the whole chain was gone through without success.
    rounds integer not null default 0,
    primary key (clinic_id, id),
    check (waiting_for is null or status = 'queued')
);
create index messages_newest on :schema.messages (clinic_id, created_at desc, id desc);
create index messages_recipient on :schema.messages (clinic_id, recipient_index, created_at desc) where recipient_index is not null;
create index messages_patient on :schema.messages (clinic_id, patient_id, created_at desc) where patient_id is not null;
create index messages_reference on :schema.messages (clinic_id, reference, created_at desc) where reference is not null;
alter table :schema.messages enable row level security, force row level security;
create policy tenant on :schema.messages to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.messages as restrictive to polyclinic_:schema
    using (:schema.in_scope(patient_id, null, null));
grant select, insert, update on :schema.messages to polyclinic_:schema;

-- A row is committed before the provider is called and closed after: an open one past its time is an unknown outcome.
create table :schema.message_attempts (
    clinic_id uuid not null,
    message_id uuid not null,
    number integer not null check (number > 0),
    channel text not null,
    provider text not null,
    entry_id uuid not null,
    fingerprint text not null,
    started_at timestamptz not null,
    -- Until then whoever opened it may still be at work.
    held_until timestamptz,
    latency_ms integer,
    outcome text,
    provider_message_id text,
    provider_code text,
    detail text,
    primary key (clinic_id, message_id, number),
    foreign key (clinic_id, message_id) references :schema.messages
);
create unique index message_attempts_open on :schema.message_attempts (clinic_id, message_id) where outcome is null;
create index message_attempts_entry on :schema.message_attempts (clinic_id, entry_id, started_at desc);
alter table :schema.message_attempts enable row level security, force row level security;
create policy tenant on :schema.message_attempts to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.message_attempts to polyclinic_:schema;

-- The last news of each entry's circuit. Processes decide by their own; `resets` tells them of a reset by hand.
create table :schema.circuits (
    clinic_id uuid not null,
    entry_id uuid not null,
    fingerprint text not null,
    state text not null check (state in ('closed', 'open', 'half_open', 'latched')),
    since timestamptz not null,
    reason text,
    retry_at timestamptz,
    resets bigint not null default 0,
    checked_at timestamptz,
    primary key (clinic_id, entry_id)
);
alter table :schema.circuits enable row level security, force row level security;
create policy tenant on :schema.circuits to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.circuits to polyclinic_:schema;
