-- Webhooks that are longer than one request on the bus: what came of them, until the last piece is there and is believed.

create table :schema.notice_bodies (
    clinic_id uuid not null,
    id uuid not null,
    provider text not null check (length(provider) between 1 and 40),
    pieces integer not null default 0 check (pieces >= 0),
    size bigint not null default 0 check (size between 0 and 41943040),
    begun_at timestamptz not null,
    -- Put off by each piece.
    expires_at timestamptz not null,
    primary key (clinic_id, id)
);
create index notice_bodies_room on :schema.notice_bodies (expires_at) include (size);
alter table :schema.notice_bodies enable row level security, force row level security;
create policy tenant on :schema.notice_bodies to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
create policy room on :schema.notice_bodies for select to polyclinic_:schema_lookup using (true);
grant select, insert, update, delete on :schema.notice_bodies to polyclinic_:schema;
grant select (size, expires_at) on :schema.notice_bodies to polyclinic_:schema_lookup;

create table :schema.notice_pieces (
    clinic_id uuid not null,
    notice_id uuid not null,
    place integer not null check (place >= 0),
    sealed bytea not null check (octet_length(sealed) <= 262144),
    primary key (clinic_id, notice_id, place),
    foreign key (clinic_id, notice_id) references :schema.notice_bodies
);
alter table :schema.notice_pieces enable row level security, force row level security;
create policy tenant on :schema.notice_pieces to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, delete on :schema.notice_pieces to polyclinic_:schema;

-- Files of messages are kept in pieces as well, so that one is read without the others; those of before are in their rows.
alter table :schema.inbound_files drop constraint inbound_files_place_check;
alter table :schema.inbound_files add constraint inbound_files_place_check check (place between 0 and 49);
alter table :schema.inbound_files drop constraint inbound_files_check;
alter table :schema.inbound_files add constraint inbound_files_check check (status = 'kept' or sealed is null);

create table :schema.inbound_file_pieces (
    clinic_id uuid not null,
    message_id uuid not null,
    file_place integer not null,
    place integer not null check (place >= 0),
    sealed bytea not null check (octet_length(sealed) <= 262144),
    primary key (clinic_id, message_id, file_place, place),
    foreign key (clinic_id, message_id, file_place) references :schema.inbound_files (clinic_id, message_id, place)
);
alter table :schema.inbound_file_pieces enable row level security, force row level security;
create policy tenant on :schema.inbound_file_pieces to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.inbound_file_pieces to polyclinic_:schema;
