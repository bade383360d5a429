-- Addresses that are not to be reached, found by keyed hash as messages' recipients are. One row for each reason and category:
-- releasing an address from one leaves the others.

create table :schema.suppressions (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null default 1,
    channel text not null check (channel in ('email', 'sms', 'whatsapp', 'push')),
    address_index bytea not null check (octet_length(address_index) = 32),
    -- The address, where it is known.
    sealed bytea check (octet_length(sealed) <= 8192),
    category text not null check (category in ('all', 'care', 'billing', 'marketing', 'security')),
    reason text not null check (reason in ('hard_bounce', 'complaint', 'manual', 'stop', 'unsubscribe')),
    source text not null check (length(source) between 1 and 100),
    expires_at timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (clinic_id, id),
    constraint suppressions_address unique (clinic_id, address_index, channel, reason, category)
);
alter table :schema.suppressions enable row level security, force row level security;
create policy tenant on :schema.suppressions to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update, delete on :schema.suppressions to polyclinic_:schema;
