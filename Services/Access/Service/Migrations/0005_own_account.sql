-- What people set up for their own account: a second factor, another password, and how they are told things.

-- The secret of an authenticator app (RFC 6238), sealed; asked for once confirmed.
create table :schema.totp_factors (
    user_id uuid primary key references :schema.users,
    sealed bytea not null,
    enrolled_at timestamptz not null,
    confirmed_at timestamptz,
    -- The step of the last code that was taken: no code of it or of an earlier one is taken again.
    last_step bigint not null default 0
);
comment on table :schema.totp_factors is 'installation: second factors of people, sealed';
grant select, insert, update, delete on :schema.totp_factors to polyclinic_:schema_installation;

-- Codes for whoever has lost the app; each is good once.
create table :schema.recovery_codes (
    user_id uuid not null references :schema.users,
    code_hash bytea not null check (octet_length(code_hash) = 32),
    created_at timestamptz not null,
    used_at timestamptz,
    primary key (user_id, code_hash)
);
comment on table :schema.recovery_codes is 'installation: keyed hashes of recovery codes';
grant select, insert, update, delete on :schema.recovery_codes to polyclinic_:schema_installation;

-- Links to a new password, each good once, for an hour; by keyed hash only.
create table :schema.password_resets (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    user_id uuid not null references :schema.users,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
);
create index password_resets_user on :schema.password_resets (user_id, created_at);
create index password_resets_expiry on :schema.password_resets (expires_at);
comment on table :schema.password_resets is 'installation: keyed hashes of links to a new password';
-- Made beside the notice that holds the link, in a transaction of the clinic that sends it.
grant select, insert on :schema.password_resets to polyclinic_:schema;
grant select, update, delete on :schema.password_resets to polyclinic_:schema_installation;

-- How people want to be told things; their language stands in users.
create table :schema.preferences (
    user_id uuid primary key references :schema.users,
    time_zone text check (length(time_zone) between 1 and 64),
    -- [{"kind": "appointment_reminder", "channels": ["email"]?, "quietHours": {"from": "22:00", "to": "07:00"}?}]
    notices jsonb not null check (jsonb_typeof(notices) = 'array'),
    updated_at timestamptz not null
);
comment on table :schema.preferences is 'installation: how people want to be told things';
grant select, insert, update on :schema.preferences to polyclinic_:schema;
grant select on :schema.preferences to polyclinic_:schema_installation;
