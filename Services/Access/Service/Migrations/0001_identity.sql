-- Clinics, people, what they may do, and how they sign in. A person belongs to the installation, a membership to a
-- clinic: tables of the installation are marked as such in their comment, every other one is a tenant's.

grant usage on schema :schema to polyclinic_:schema_lookup, polyclinic_:schema_sequencer, polyclinic_:schema_installation;

-- Raised in every transaction that changes what somebody may do. The row stays locked until the commit, so versions
-- become visible in their order and "all changes above n" is complete.
create table :schema.policy_version (
    singleton boolean primary key default true check (singleton),
    version bigint not null
);
insert into :schema.policy_version (version) values (1);
comment on table :schema.policy_version is 'installation: counts the changes of policy';
grant select, update on :schema.policy_version to polyclinic_:schema, polyclinic_:schema_installation;

create table :schema.clinics (
    clinic_id uuid primary key check (clinic_id <> '00000000-0000-0000-0000-000000000000'),
    slug text not null check (length(slug) between 2 and 63),
    name text not null check (length(name) between 1 and 200),
    time_zone text not null check (length(time_zone) between 1 and 64),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    country text not null check (country ~ '^[A-Z]{2}$'),
    locale text not null check (length(locale) between 2 and 35),
    branding jsonb,
    status text not null check (status in ('active', 'suspended')),
    version bigint not null default 1,
    policy_version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- A slug is a public name: that it is taken is nobody's secret.
    constraint clinics_slug unique (slug)
);
create index clinics_policy on :schema.clinics (policy_version, clinic_id);
alter table :schema.clinics enable row level security, force row level security;
create policy tenant on :schema.clinics to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
-- Clinics are made in the name of the installation.
create policy founding on :schema.clinics for insert to polyclinic_:schema
    with check (:schema.clinic_id() = '00000000-0000-0000-0000-000000000000');
create policy installation on :schema.clinics for select to polyclinic_:schema_installation using (true);
grant select, insert, update on :schema.clinics to polyclinic_:schema;
grant select on :schema.clinics to polyclinic_:schema_installation;

create table :schema.locations (
    clinic_id uuid not null references :schema.clinics,
    id uuid not null,
    name text not null check (length(name) between 1 and 200),
    time_zone text not null check (length(time_zone) between 1 and 64),
    address jsonb,
    phone text check (length(phone) between 9 and 16),
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deleted_at timestamptz,
    primary key (clinic_id, id)
);
alter table :schema.locations enable row level security, force row level security;
create policy tenant on :schema.locations to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.locations to polyclinic_:schema;

create table :schema.users (
    id uuid primary key,
    email text not null check (length(email) between 3 and 254),
    name text not null check (length(name) between 1 and 200),
    locale text check (length(locale) between 2 and 35),
    status text not null check (status in ('invited', 'active', 'disabled')),
    version bigint not null default 1,
    policy_version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index users_policy on :schema.users (policy_version, id);
comment on table :schema.users is 'installation: people, who may belong to several clinics';
grant select, insert, update on :schema.users to polyclinic_:schema, polyclinic_:schema_installation;

-- Finds an account by the keyed hash of its address; the table tells nothing without the key.
create table :schema.user_emails (
    email_hash bytea primary key check (octet_length(email_hash) = 32),
    user_id uuid not null unique references :schema.users
);
comment on table :schema.user_emails is 'installation: lookup of accounts by keyed hash of their address';
grant insert on :schema.user_emails to polyclinic_:schema, polyclinic_:schema_installation;
grant select on :schema.user_emails to polyclinic_:schema_lookup;

create table :schema.credentials (
    user_id uuid primary key references :schema.users,
    salt bytea not null check (octet_length(salt) = 16),
    hash bytea not null check (octet_length(hash) = 32),
    -- log2 of scrypt's N
    cost smallint not null check (cost between 15 and 20),
    failures integer not null default 0,
    locked_until timestamptz,
    changed_at timestamptz not null
);
comment on table :schema.credentials is 'installation: password hashes and failed tries';
grant select, insert, update on :schema.credentials to polyclinic_:schema_installation;

create table :schema.system_roles (
    user_id uuid primary key references :schema.users,
    role text not null check (role in ('SUPER_ADMIN', 'SYSTEM_AUDITOR')),
    clinic_ids uuid[] check (cardinality(clinic_ids) > 0),
    expires_at timestamptz,
    granted_by text not null,
    granted_at timestamptz not null,
    -- The operator's role is not cut to clinics.
    check (role = 'SYSTEM_AUDITOR' or clinic_ids is null)
);
comment on table :schema.system_roles is 'installation: roles held outside clinics';
grant select on :schema.system_roles to polyclinic_:schema_installation;
grant select, insert, update, delete on :schema.system_roles to polyclinic_:schema;

create table :schema.memberships (
    clinic_id uuid not null references :schema.clinics,
    user_id uuid not null references :schema.users,
    name text not null check (length(name) between 1 and 200),
    status text not null check (status in ('invited', 'active', 'suspended', 'removed')),
    -- [{"role": "DOCTOR", "locationIds": […]?}]
    roles jsonb not null check (jsonb_typeof(roles) = 'array'),
    patient_id uuid,
    doctor_id uuid,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (clinic_id, user_id)
);
create index memberships_user on :schema.memberships (user_id);
create unique index memberships_patient on :schema.memberships (clinic_id, patient_id);
create unique index memberships_doctor on :schema.memberships (clinic_id, doctor_id);
alter table :schema.memberships enable row level security, force row level security;
create policy tenant on :schema.memberships to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy installation on :schema.memberships for select to polyclinic_:schema_installation using (true);
grant select, insert, update on :schema.memberships to polyclinic_:schema;
grant select on :schema.memberships to polyclinic_:schema_installation;

-- A link into an account, used once. Those of the installation itself stand under its nil id.
create table :schema.invitations (
    clinic_id uuid not null,
    id uuid not null,
    user_id uuid not null references :schema.users,
    token_hash bytea not null check (octet_length(token_hash) = 32),
    invited_by text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    revoked_at timestamptz,
    primary key (clinic_id, id)
);
create unique index invitations_token on :schema.invitations (clinic_id, token_hash);
create index invitations_user on :schema.invitations (clinic_id, user_id) where accepted_at is null and revoked_at is null;
alter table :schema.invitations enable row level security, force row level security;
create policy tenant on :schema.invitations to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy installation on :schema.invitations for insert to polyclinic_:schema_installation
    with check (clinic_id = '00000000-0000-0000-0000-000000000000');
grant select, insert, update on :schema.invitations to polyclinic_:schema;
grant insert on :schema.invitations to polyclinic_:schema_installation;

create table :schema.invitation_tokens (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    clinic_id uuid not null
);
comment on table :schema.invitation_tokens is 'installation: lookup of the clinic of an invitation by its keyed hash';
grant insert on :schema.invitation_tokens to polyclinic_:schema, polyclinic_:schema_installation;
grant select on :schema.invitation_tokens to polyclinic_:schema_lookup;

create table :schema.sign_ins (
    id uuid primary key,
    user_id uuid not null references :schema.users,
    created_at timestamptz not null,
    last_used_at timestamptz not null,
    expires_at timestamptz not null,
    address text not null,
    user_agent text not null,
    ended_at timestamptz,
    end_reason text check (end_reason in ('logout', 'ended', 'reuse', 'password', 'disabled')),
    -- Set when it is ended: from then on its tokens are refused.
    policy_version bigint,
    check ((ended_at is null) = (end_reason is null) and (ended_at is null) = (policy_version is null))
);
create index sign_ins_user on :schema.sign_ins (user_id, id) where ended_at is null;
create index sign_ins_policy on :schema.sign_ins (policy_version) where policy_version is not null;
comment on table :schema.sign_ins is 'installation: sign-ins of people';
grant select, insert, update on :schema.sign_ins to polyclinic_:schema_installation;

-- Only hashes. A token that was exchanged keeps its row, so that its reuse is recognised.
create table :schema.refresh_tokens (
    token_hash bytea primary key check (octet_length(token_hash) = 32),
    sign_in_id uuid not null references :schema.sign_ins on delete cascade,
    successor_hash bytea check (octet_length(successor_hash) = 32),
    created_at timestamptz not null,
    expires_at timestamptz not null,
    replaced_at timestamptz,
    check ((replaced_at is null) = (successor_hash is null))
);
create index refresh_tokens_sign_in on :schema.refresh_tokens (sign_in_id);
comment on table :schema.refresh_tokens is 'installation: hashes of refresh tokens';
grant select, insert, update on :schema.refresh_tokens to polyclinic_:schema_installation;
