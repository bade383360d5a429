-- Pictures and files that came with messages: what the provider holds is fetched and kept, sealed.

create table :schema.inbound_files (
    clinic_id uuid not null,
    message_id uuid not null,
    place integer not null check (place between 0 and 9),
    status text not null check (status in ('pending', 'kept', 'refused', 'lost')),
    -- Why it is refused or lost: a word of ours.
    reason text check (length(reason) between 1 and 40),
    content_type text check (length(content_type) between 1 and 100),
    size integer check (size >= 0),
    sealed bytea check (octet_length(sealed) <= 5300000),
    noted_at timestamptz not null,
    primary key (clinic_id, message_id, place),
    check ((status = 'kept') = (sealed is not null)),
    foreign key (clinic_id, message_id) references :schema.inbound_messages
);
alter table :schema.inbound_files enable row level security, force row level security;
create policy tenant on :schema.inbound_files to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.inbound_files to polyclinic_:schema;
