-- Double entry, append-only. Debits are positive, credits negative; the lines of a posting add up to nothing.
create table :schema.ledger_postings (
    clinic_id uuid not null,
    id uuid not null,
    kind text not null check (kind in ('invoice_opened', 'invoice_voided', 'payment_received')),
    -- What it is about; each fact is posted once.
    source_id uuid not null,
    at timestamptz not null,
    primary key (clinic_id, id),
    constraint ledger_postings_once unique (clinic_id, kind, source_id)
);
create table :schema.ledger_entries (
    clinic_id uuid not null,
    id uuid not null,
    posting_id uuid not null,
    line smallint not null check (line > 0),
    account text not null check (account in ('receivable', 'revenue', 'cash', 'patient_credit')),
    amount bigint not null check (amount <> 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    invoice_id uuid not null,
    payment_id uuid,
    primary key (clinic_id, id),
    unique (clinic_id, posting_id, line),
    foreign key (clinic_id, posting_id) references :schema.ledger_postings (clinic_id, id),
    foreign key (clinic_id, invoice_id) references :schema.invoices (clinic_id, id),
    foreign key (clinic_id, payment_id) references :schema.payments (clinic_id, id)
);
create index ledger_postings_order on :schema.ledger_postings (clinic_id, at, id);
create index ledger_entries_invoice on :schema.ledger_entries (clinic_id, invoice_id);

create function :schema.check_posting() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    checked uuid := case tg_table_name when 'ledger_postings' then new.id else (to_jsonb(new) ->> 'posting_id')::uuid end;
begin
    if (select count(*) from :schema.ledger_entries where clinic_id = new.clinic_id and posting_id = checked) < 2
        or exists (
            select from :schema.ledger_entries where clinic_id = new.clinic_id and posting_id = checked
            group by currency having sum(amount) <> 0) then
        raise exception using errcode = 'check_violation', message = 'a posting does not balance',
            constraint = 'ledger_posting_balances';
    end if;
    return null;
end $$;
create constraint trigger ledger_postings_balance after insert on :schema.ledger_postings
    deferrable initially deferred for each row execute function :schema.check_posting();
create constraint trigger ledger_entries_balance after insert on :schema.ledger_entries
    deferrable initially deferred for each row execute function :schema.check_posting();

alter table :schema.ledger_postings enable row level security;
alter table :schema.ledger_postings force row level security;
create policy tenant on :schema.ledger_postings
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.ledger_postings to polyclinic_:schema;
alter table :schema.ledger_entries enable row level security;
alter table :schema.ledger_entries force row level security;
create policy tenant on :schema.ledger_entries
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.ledger_entries to polyclinic_:schema;
