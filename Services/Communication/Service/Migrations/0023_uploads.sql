-- Files that were uploaded for messages: what is in them in pieces, each sealed, as they came.

create table :schema.uploads (
    clinic_id uuid not null,
    id uuid not null,
    -- Name and type, and once it is whole the SHA-256 of what is in it.
    sealed bytea not null check (octet_length(sealed) <= 4096),
    pieces integer not null default 0 check (pieces >= 0),
    size bigint not null default 0 check (size between 0 and 10485760),
    is_whole boolean not null default false,
    created_by text not null,
    created_at timestamptz not null,
    -- Absent once a message has it.
    expires_at timestamptz,
    primary key (clinic_id, id)
);
create index uploads_unused on :schema.uploads (clinic_id) include (size) where expires_at is not null;
alter table :schema.uploads enable row level security, force row level security;
create policy tenant on :schema.uploads to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update, delete on :schema.uploads to polyclinic_:schema;

create table :schema.upload_pieces (
    clinic_id uuid not null,
    upload_id uuid not null,
    place integer not null check (place >= 0),
    sealed bytea not null check (octet_length(sealed) <= 262144),
    primary key (clinic_id, upload_id, place),
    foreign key (clinic_id, upload_id) references :schema.uploads
);
alter table :schema.upload_pieces enable row level security, force row level security;
create policy tenant on :schema.upload_pieces to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, delete on :schema.upload_pieces to polyclinic_:schema;

-- A file of a message is in its own row, or was uploaded.
alter table :schema.message_attachments alter column sealed drop not null;
alter table :schema.message_attachments add column upload_id uuid;
alter table :schema.message_attachments add constraint message_attachments_upload
    foreign key (clinic_id, upload_id) references :schema.uploads;
alter table :schema.message_attachments add constraint message_attachments_content
    check (num_nonnulls(sealed, upload_id) = 1);
create index message_attachments_upload on :schema.message_attachments (clinic_id, upload_id)
    where upload_id is not null;
