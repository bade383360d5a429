-- What patients have written: one conversation for each of their addresses on a channel, and its messages. Addresses and texts
-- are sealed; an address is found by keyed hash, as messages' recipients are.

create table :schema.conversations (
    clinic_id uuid not null,
    id uuid not null,
    channel text not null check (channel in ('email', 'sms', 'whatsapp')),
    contact_index bytea not null check (octet_length(contact_index) = 32),
    sealed bytea not null check (octet_length(sealed) <= 8192),
    opened_at timestamptz not null,
    -- When the contact wrote last; WhatsApp takes free text for a day from then.
    heard_at timestamptz not null,
    primary key (clinic_id, id),
    constraint conversations_contact unique (clinic_id, channel, contact_index)
);
create index conversations_latest on :schema.conversations (clinic_id, heard_at desc, id desc);
alter table :schema.conversations enable row level security, force row level security;
create policy tenant on :schema.conversations to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert, update on :schema.conversations to polyclinic_:schema;

create table :schema.inbound_messages (
    clinic_id uuid not null,
    id uuid not null,
    conversation_id uuid not null,
    provider text not null check (length(provider) between 1 and 40),
    entry_id uuid not null,
    provider_message_id text not null check (length(provider_message_id) between 1 and 200),
    sealed bytea not null check (octet_length(sealed) <= 262144),
    -- What it asks for, where it says nothing else.
    command text check (command in ('confirm', 'cancel', 'reschedule', 'yes', 'no', 'stop', 'start', 'help')),
    received_at timestamptz not null,
    primary key (clinic_id, id),
    constraint inbound_messages_once unique (clinic_id, provider, provider_message_id),
    foreign key (clinic_id, conversation_id) references :schema.conversations
);
create index inbound_messages_order on :schema.inbound_messages (clinic_id, conversation_id, received_at desc, id desc);
alter table :schema.inbound_messages enable row level security, force row level security;
create policy tenant on :schema.inbound_messages to polyclinic_:schema
    using (clinic_id = :schema.clinic_id()) with check (clinic_id = :schema.clinic_id());
grant select, insert on :schema.inbound_messages to polyclinic_:schema;
