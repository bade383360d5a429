-- What witnesses say of our checkpoints: lines of the signed note, kept beside it and served with it. Append-only too.
create table :schema.audit_cosignatures (
    clinic_id uuid not null,
    size bigint not null,
    -- The witness's verifier key: name+hash+key.
    witness text not null check (length(witness) between 10 and 500),
    -- As it stands in the note, its newline included.
    line text not null check (length(line) between 10 and 1000),
    cosigned_at timestamptz not null,
    primary key (clinic_id, size, witness),
    foreign key (clinic_id, size) references :schema.audit_checkpoints
);
create index audit_cosignatures_witness on :schema.audit_cosignatures (clinic_id, witness, size);
alter table :schema.audit_cosignatures enable row level security, force row level security;
create policy tenant on :schema.audit_cosignatures to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy sequencer on :schema.audit_cosignatures for select to polyclinic_:schema_sequencer using (true);
grant select, insert on :schema.audit_cosignatures to polyclinic_:schema;
grant select on :schema.audit_cosignatures to polyclinic_:schema_sequencer;
