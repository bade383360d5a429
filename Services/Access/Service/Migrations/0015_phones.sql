-- An e-mail address, a number, or both lead into an account.

alter table :schema.users
    alter column email drop not null,
    add column phone text check (phone ~ '^\+[1-9][0-9]{7,14}$'),
    add constraint users_address check (email is not null or phone is not null);

-- Finds an account by the keyed hash of its number; the table tells nothing without the key.
create table :schema.user_phones (
    phone_hash bytea primary key check (octet_length(phone_hash) = 32),
    user_id uuid not null unique references :schema.users
);
comment on table :schema.user_phones is 'installation: lookup of accounts by keyed hash of their number';
grant select (user_id), insert, delete on :schema.user_phones to polyclinic_:schema;
grant select on :schema.user_phones to polyclinic_:schema_lookup;

-- Until an invitation is accepted the clinic is shown the address it was sent to and no other.
alter table :schema.memberships add column invited_by_phone boolean not null default false;

alter table :schema.one_time_codes
    drop constraint one_time_codes_purpose_check,
    add constraint one_time_codes_purpose_check
        check (purpose in ('sign_in', 'registration', 'clinic_registration', 'phone_change'));
