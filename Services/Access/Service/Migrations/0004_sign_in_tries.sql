-- How hard a password is to guess, and who has guessed at it.

alter table :schema.credentials
    drop column failures,
    drop column locked_until,
    drop constraint credentials_cost_check,
    -- scrypt's N as its base-2 logarithm, r and p: with the hash, so that they can be raised.
    add constraint credentials_cost_check check (cost between 14 and 20),
    add column block_size smallint not null default 8 check (block_size between 1 and 32),
    add column parallelism smallint not null default 1 check (parallelism between 1 and 16);
comment on table :schema.credentials is 'installation: password hashes';

-- Failed tries to sign in with an e-mail address, whether it has an account or not, and where from; both as keyed hashes.
create table :schema.sign_in_tries (
    email_hash bytea not null check (octet_length(email_hash) = 32),
    -- A device at a network, a network, or nothing but zeros for all strangers together.
    source bytea not null check (octet_length(source) = 32),
    failures integer not null default 0 check (failures >= 0),
    last_failed_at timestamptz,
    blocked_until timestamptz,
    succeeded_at timestamptz,
    updated_at timestamptz not null,
    primary key (email_hash, source)
);
create index sign_in_tries_updated on :schema.sign_in_tries (updated_at);
comment on table :schema.sign_in_tries is 'installation: failed tries to sign in, by keyed hashes';
grant select, insert, update, delete on :schema.sign_in_tries to polyclinic_:schema_installation;
