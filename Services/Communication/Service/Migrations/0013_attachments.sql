-- Files that go with messages, and messages that somebody sends again.

create table :schema.message_attachments (
    clinic_id uuid not null,
    message_id uuid not null,
    place integer not null check (place between 0 and 9),
    -- What is in the file; its name and type are sealed with the message.
    sealed bytea not null check (octet_length(sealed) <= 1048576),
    primary key (clinic_id, message_id, place),
    foreign key (clinic_id, message_id) references :schema.messages
);
alter table :schema.message_attachments enable row level security, force row level security;
create policy tenant on :schema.message_attachments to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.message_attachments to polyclinic_:schema;

-- How often somebody has sent it again, and the last attempt before that: what came earlier decides nothing any more.
alter table :schema.messages add column retries integer not null default 0;
alter table :schema.messages add column settled_attempts integer not null default 0;
