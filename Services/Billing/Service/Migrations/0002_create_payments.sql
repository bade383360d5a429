create table :schema.payments (
    clinic_id uuid not null,
    id uuid not null,
    version bigint not null check (version > 0),
    invoice_id uuid not null,
    patient_id uuid not null,
    location_id uuid,
    doctor_id uuid,
    status text not null
        check (status in ('created', 'pending', 'processing', 'succeeded', 'failed', 'cancelled', 'frozen')),
    provider text not null,
    -- The account that made the payment, as it was then.
    entry_id uuid not null,
    config_version bigint not null,
    amount bigint not null check (amount > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    return_url text,
    provider_payment_id text,
    sealed_secret bytea,
    publishable_key text,
    reason text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (clinic_id, id),
    constraint payments_invoice foreign key (clinic_id, invoice_id) references :schema.invoices (clinic_id, id),
    constraint payments_provider_id unique (clinic_id, provider, provider_payment_id)
);
-- One attempt at a time: a second client is given the first one's.
create unique index payments_under_way on :schema.payments (clinic_id, invoice_id)
    where status in ('created', 'pending', 'processing');
create index payments_newest on :schema.payments (clinic_id, created_at desc, id desc);
create index payments_of_invoice on :schema.payments (clinic_id, invoice_id);
alter table :schema.payments enable row level security;
alter table :schema.payments force row level security;
create policy tenant on :schema.payments
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy scope on :schema.payments as restrictive
    using (:schema.in_scope(patient_id, location_id, doctor_id));
grant select, insert on :schema.payments to polyclinic_:schema;
grant update (version, status, provider_payment_id, sealed_secret, publishable_key, reason, updated_at)
    on :schema.payments to polyclinic_:schema;

-- Providers' notices: ids only, the state is read from the provider again.
create table :schema.payment_notices (
    clinic_id uuid not null,
    provider text not null,
    entry_id uuid not null,
    event_id text not null check (length(event_id) between 1 and 255),
    kind text not null check (length(kind) between 1 and 100),
    provider_payment_id text not null check (length(provider_payment_id) between 1 and 255),
    payment_id uuid,
    received_at timestamptz not null,
    primary key (clinic_id, provider, entry_id, event_id)
);
alter table :schema.payment_notices enable row level security;
alter table :schema.payment_notices force row level security;
create policy tenant on :schema.payment_notices
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.payment_notices to polyclinic_:schema;
