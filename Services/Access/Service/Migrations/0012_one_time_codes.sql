-- Codes that prove an address: one per clinic, purpose and address, renewed by every request. Codes and addresses are keyed
-- hashes; what somebody has said of themselves while registering is sealed. Those of the installation stand under its nil id.

create table :schema.one_time_codes (
    clinic_id uuid not null,
    purpose text not null check (purpose in ('sign_in', 'registration', 'clinic_registration')),
    address_hash bytea not null check (octet_length(address_hash) = 32),
    code_hash bytea not null check (octet_length(code_hash) = 32),
    -- Whom it signs in; nobody where it was not sent.
    user_id uuid references :schema.users,
    sealed bytea check (octet_length(sealed) <= 16384),
    tries integer not null default 0,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    primary key (clinic_id, purpose, address_hash)
);
create index one_time_codes_expiry on :schema.one_time_codes (expires_at);
alter table :schema.one_time_codes enable row level security, force row level security;
create policy tenant on :schema.one_time_codes to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy forgetting on :schema.one_time_codes to polyclinic_:schema_installation using (expires_at < now());
grant select, insert, update on :schema.one_time_codes to polyclinic_:schema;
grant select, delete on :schema.one_time_codes to polyclinic_:schema_installation;

-- How often codes were asked for, by keyed hash of whom they go to or of who asks.
create table :schema.code_requests (
    subject bytea primary key check (octet_length(subject) = 32),
    since timestamptz not null,
    until timestamptz not null,
    requests integer not null
);
create index code_requests_end on :schema.code_requests (until);
comment on table :schema.code_requests is 'installation: requests for one-time codes by keyed hash';
grant select, insert, update, delete on :schema.code_requests to polyclinic_:schema_installation;
