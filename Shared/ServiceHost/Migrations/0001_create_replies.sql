-- Replies of committed work, by idempotency key, kept with the effect they answer.
-- Sealed under the clinic's data key; fingerprint tells another body under the same key.
create table :schema.replies (
    clinic_id uuid not null,
    key_hash bytea not null check (octet_length(key_hash) = 32),
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    sealed bytea not null check (octet_length(sealed) <= 300000),
    expires_at timestamptz not null,
    primary key (clinic_id, key_hash)
);
create index replies_expiry on :schema.replies (expires_at);

alter table :schema.replies enable row level security;
alter table :schema.replies force row level security;
create policy tenant on :schema.replies
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy relay on :schema.replies to polyclinic_:schema_relay using (true);
grant select, insert, delete on :schema.replies to polyclinic_:schema;
grant select, delete on :schema.replies to polyclinic_:schema_relay;
